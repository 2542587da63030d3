/** What the quickstart shows: an explanation, then counters that change in place. */
import type { Answer } from '../support/sluice.ts'

const isTerminal = process.stdout.isTTY === true
const PLAIN_LINE_INTERVAL_MS = 2_000

/** Writes a line. */
export function say(text = ''): void {
  process.stdout.write(`${text}\n`)
}

/** A heading, in bold where that can be seen. */
export function heading(text: string): void {
  say()
  say(isTerminal ? `\u001b[1m${text}\u001b[0m` : `== ${text}`)
}

/** One line of counters: rewritten in place in a terminal, otherwise printed every two seconds. */
export class CounterLine {
  #printedAt = 0

  show(text: string): void {
    if (isTerminal) {
      process.stdout.write(`\r\u001b[2K${text}`)
      return
    }
    if (performance.now() - this.#printedAt < PLAIN_LINE_INTERVAL_MS) return
    this.#printedAt = performance.now()
    say(text)
  }

  end(): void {
    if (isTerminal) say()
  }
}

/** The sum of one metric over the last hour, from a metrics answer. */
export function lastHour(metrics: Answer, direction: 'inbound' | 'outbound', name: string): number {
  return metrics.json?.connectionMetrics?.[direction]?.[name]?.success?.PT1H ?? 0
}
