/**
 * Collects acknowledgements that other shards give for a signal: each waiting signal has a ticket and
 * the labels it still lacks. Labels that do not answer in time count as timed out (408). Knows nothing
 * of what waits.
 */
import type { AckResult, LabelAnswer } from '../routing/router.ts'

/** The status of a label that did not answer in time. */
export const ACK_TIMED_OUT = 408
/** How often overdue tickets are looked for; a deadline is kept to this precision. */
const SWEEP_INTERVAL_MS = 250

/** The answer per label, complete. */
export type AckAnswers = ReadonlyMap<string, LabelAnswer>

const TIMED_OUT: LabelAnswer = Object.freeze({ status: ACK_TIMED_OUT })

interface Ticket<T> {
  readonly waiting: T
  readonly answers: Map<string, LabelAnswer>
  readonly missing: Set<string>
  readonly deadline: number
}

/** One per shard. */
export class AckCollector<T> {
  readonly #now: () => number
  readonly #onComplete: (waiting: T, answers: AckAnswers) => void
  readonly #tickets = new Map<number, Ticket<T>>()
  #lastTicket = 0
  #sweeper: NodeJS.Timeout | undefined

  /**
   * `now`: milliseconds that never jump; `onComplete` is told once per ticket, with an answer for every
   * label.
   */
  constructor(now: () => number, onComplete: (waiting: T, answers: AckAnswers) => void) {
    this.#now = now
    this.#onComplete = onComplete
  }

  /** Opens a ticket for what waits for these labels, at least one. */
  open(labels: readonly string[], timeoutMs: number, waiting: T): number {
    this.#lastTicket += 1
    this.#tickets.set(this.#lastTicket, {
      waiting,
      answers: new Map(),
      missing: new Set(labels),
      deadline: this.#now() + timeoutMs,
    })
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS)
    return this.#lastTicket
  }

  /** What waits for the label with this ticket; undefined when nothing does any more. */
  waitingFor({ ticket, label }: AckResult): T | undefined {
    const open = this.#tickets.get(ticket)
    return open?.missing.has(label) ? open.waiting : undefined
  }

  /** Takes results; those of closed tickets or unknown labels are late or foreign, and ignored. */
  resolve(results: readonly AckResult[]): void {
    for (const { ticket, label, ...answer } of results) {
      const open = this.#tickets.get(ticket)
      if (open === undefined || !open.missing.delete(label)) continue
      open.answers.set(label, answer)
      if (open.missing.size === 0) this.#finish(ticket, open)
    }
  }

  /** Times out everything that is still waiting. */
  close(): void {
    for (const [id, ticket] of this.#tickets) this.#expire(id, ticket)
  }

  #sweep(): void {
    const now = this.#now()
    for (const [id, ticket] of this.#tickets) {
      if (ticket.deadline <= now) this.#expire(id, ticket)
    }
  }

  #expire(id: number, ticket: Ticket<T>): void {
    for (const label of ticket.missing) ticket.answers.set(label, TIMED_OUT)
    this.#finish(id, ticket)
  }

  #finish(id: number, ticket: Ticket<T>): void {
    this.#tickets.delete(id)
    if (this.#tickets.size === 0) {
      clearInterval(this.#sweeper)
      this.#sweeper = undefined
    }
    this.#onComplete(ticket.waiting, ticket.answers)
  }
}
