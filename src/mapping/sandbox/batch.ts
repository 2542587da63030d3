/**
 * Takes a batch through a program so that each message answers for itself alone. Holds the policy
 * for what goes wrong; program.ts tells what did.
 *
 * Time: the driver returns to the host every slice, so only a single message can run into the
 * timeout; it fails, and the batch goes on behind it. What was finished before is still in the
 * isolate.
 *
 * Memory: an isolate that ran out of it is gone with everything in it; a shared cell says how
 * many messages had been finished. Those are mapped again in a fresh isolate (their first results
 * were never handed out, so nothing is lost or doubled), and the message that was being mapped is
 * tried once more, as the first in a fresh isolate, so that it does not pay for what others left
 * behind. It fails when it exhausts that one, too. Globals of the scripts start anew with each
 * isolate.
 *
 * Repetition: a mapper with many runaways gets less time per message, and one that keeps
 * exhausting isolates is suspended for the rest of the window.
 */
import { mappingFailed } from '../../protocol/connectivity-errors.ts'
import { toDittoError } from '../../protocol/errors.ts'
import type { MapperEnvironment } from '../mapper.ts'
import {
  CALL_MESSAGES_MAX,
  ISOLATE_DEATHS_MAX,
  RUNAWAY_TIME_DIVISOR,
  RUNAWAY_WINDOW_MS,
  RUNAWAYS_TOLERATED,
} from './limits.ts'
import {
  type Direction,
  memoryText,
  type Outcome,
  type Program,
  TIMEOUT,
  timeText,
} from './program.ts'
import { RecentCount } from './runaways.ts'
import type { Steps } from './steps.ts'

/** What became of one message: its results as the driver wrote them, or why there are none. */
export type Entry =
  | readonly unknown[]
  /** Thrown by the script, or wrong with its result. */
  | { readonly e: string; readonly s: string }
  /** Too many results: their number. */
  | { readonly l: number }
  /** It took too long, by the clock of the isolate, which may jump; this is what it was else. */
  | { readonly t: Entry }

/** The messages of a batch, written for the driver on demand. */
export interface BatchInput {
  readonly length: number
  text(from: number, to: number, withBytes: boolean): string
  /** The byte payloads of the same messages, one after the other. */
  bytes(from: number, to: number): Uint8Array
}

export class BatchRunner {
  readonly #program: Program
  readonly #environment: Pick<MapperEnvironment, 'limits'>
  readonly #onLine: (level: 'info' | 'warn' | 'error', text: string) => void
  readonly #runaways = new RecentCount(RUNAWAY_WINDOW_MS)
  readonly #deaths = new RecentCount(RUNAWAY_WINDOW_MS)
  #withBytes = false

  constructor(
    program: Program,
    environment: Pick<MapperEnvironment, 'limits'>,
    onLine: (level: 'info' | 'warn' | 'error', text: string) => void,
  ) {
    this.#program = program
    this.#environment = environment
    this.#onLine = onLine
  }

  /** One entry per message, in order; a promise when the script is slow. Never throws or rejects. */
  run(direction: Direction, batch: BatchInput): Entry[] | Promise<Entry[]> {
    return this.#program.run(() => this.#steps(direction, batch))
  }

  *#steps(direction: Direction, batch: BatchInput): Steps<Entry[]> {
    const entries: Entry[] = []
    let until = batch.length
    while (entries.length < batch.length) {
      const from = entries.length
      if (from === until) {
        this.#program.startAfresh()
        until = batch.length
      }
      const now = performance.now()
      if (this.#deaths.count(now) >= ISOLATE_DEATHS_MAX) {
        fill(entries, batch.length, this.#suspension())
        break
      }
      const to = Math.min(until, from + CALL_MESSAGES_MAX)
      const limitMs = this.#limitMs(now)
      try {
        const outcome = yield* this.#call(direction, batch, from, to, limitMs)
        const tookMs = performance.now() - now
        if (outcome.kind === 'report') this.#take(direction, outcome, limitMs, tookMs, entries)
        else until = this.#bury(outcome, from, to, until, entries)
      } catch (thrown) {
        // The scripts do not compile in the fresh isolate, or the connection closes; what was mapped
        // before stays mapped.
        const { message, description } = toDittoError(thrown, mappingFailed(undefined))
        fill(entries, batch.length, { e: description ?? message, s: '' })
      }
    }
    return entries
  }

  #call(
    direction: Direction,
    batch: BatchInput,
    from: number,
    to: number,
    limitMs: number,
  ): Steps<Outcome> {
    const withBytes = this.#withBytes && direction === 'inbound'
    const text = batch.text(from, to, withBytes)
    const bytes = withBytes ? batch.bytes(from, to) : undefined
    return this.#program.call(direction, text, bytes, limitMs)
  }

  #take(
    direction: Direction,
    outcome: Outcome & { kind: 'report' },
    limitMs: number,
    tookMs: number,
    entries: Entry[],
  ): void {
    const { report, interruption } = outcome
    for (const [level, text] of report.c) this.#onLine(level, text)
    if (direction === 'outbound') giveBytes(report.r, outcome.bytes)
    for (const entry of report.r as readonly Entry[]) {
      if (!isOverdue(entry)) entries.push(entry)
      else entries.push(tookMs > limitMs ? this.#overdue(limitMs) : entry.t)
    }
    if (report.n === 1) this.#withBytes = true
    if (interruption === undefined) return
    const inMessage = report.a === 1 || report.r.length === 0
    if (interruption !== TIMEOUT && inMessage) {
      entries.push({ e: `Could not map message due to unknown problem: ${interruption}`, s: '' })
    } else if (inMessage) {
      entries.push(this.#overdue(limitMs))
    } else {
      // Outside of a message a promise of the script ran on; it fails nothing that was returned.
      this.#onLine('error', `A promise of the script was ended: ${interruption}`)
    }
  }

  /** Answers up to where the batch may go in the next isolate. */
  #bury(
    outcome: Outcome & { kind: 'died' },
    from: number,
    to: number,
    until: number,
    entries: Entry[],
  ): number {
    this.#deaths.add(performance.now())
    const completed = Math.min(outcome.completed, to - from - 1)
    if (completed > 0) return from + completed
    if (!outcome.wasFresh) return until
    this.#runaways.add(performance.now())
    entries.push({ e: memoryText(this.#environment.limits.memoryMb), s: '' })
    return Math.max(until, from + 1)
  }

  #overdue(limitMs: number): Entry {
    this.#runaways.add(performance.now())
    const full = this.#environment.limits.maxExecutionMs
    const why = limitMs < full ? ` It was reduced from <${full}>ms after many such messages.` : ''
    return { e: timeText(limitMs) + why, s: '' }
  }

  #limitMs(now: number): number {
    const full = this.#environment.limits.maxExecutionMs
    if (this.#runaways.count(now) < RUNAWAYS_TOLERATED) return full
    return Math.max(1, Math.floor(full / RUNAWAY_TIME_DIVISOR))
  }

  #suspension(): Entry {
    const why = memoryText(this.#environment.limits.memoryMb)
    const window = `${RUNAWAY_WINDOW_MS / 1_000} s`
    return { e: `${why} It happened so often that the mapper is suspended for ${window}.`, s: '' }
  }
}

function isOverdue(entry: Entry): entry is { readonly t: Entry } {
  return !Array.isArray(entry) && 't' in entry
}

function fill(entries: Entry[], length: number, entry: Entry): void {
  while (entries.length < length) entries.push(entry)
}

/** Puts the bytes in the place of their length, in the order in which the driver collected them. */
function giveBytes(entries: readonly unknown[], bytes: Uint8Array): void {
  let at = 0
  for (const given of entries as readonly Entry[]) {
    const entry = isOverdue(given) ? given.t : given
    if (!Array.isArray(entry)) continue
    for (const result of entry as { b?: number | Uint8Array }[]) {
      if (typeof result.b !== 'number') continue
      result.b = bytes.subarray(at, at + result.b)
      at += (result.b as Uint8Array).length
    }
  }
}
