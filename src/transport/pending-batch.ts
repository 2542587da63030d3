/** A published batch that waits for its outcomes. */
import { messageSendingFailed } from '../protocol/connectivity-errors.ts'
import type { PublishOutcome } from './transport.ts'

/** The broker, or for QoS 0 the socket, has the message. */
export const PUBLISHED: PublishOutcome = { ok: true, status: 200 }

/** A message that was not published; `status` 400: its own fault, 503: the broker's. */
export function failure(status: 400 | 503, reason: string): PublishOutcome {
  return { ok: false, error: messageSendingFailed(reason, undefined, status) }
}

/** Every message gets the first outcome that is reported for it. */
export class PendingBatch {
  readonly #results: (PublishOutcome | undefined)[]
  readonly #finished = Promise.withResolvers<readonly PublishOutcome[]>()
  #open: number
  /** Messages that are done when the socket took them. */
  #undrained: number[] = []
  #timer: NodeJS.Timeout | undefined
  #onFinished: (() => void) | undefined

  constructor(size: number) {
    this.#results = new Array(size).fill(undefined)
    this.#open = size
    if (size === 0) this.#finish()
  }

  get outcomes(): Promise<readonly PublishOutcome[]> {
    return this.#finished.promise
  }

  get isOpen(): boolean {
    return this.#open > 0
  }

  settle(index: number, outcome: PublishOutcome): void {
    if (this.#results[index] !== undefined) return
    this.#results[index] = outcome
    this.#open -= 1
    if (this.#open === 0) this.#finish()
  }

  /** This message is done as soon as the socket took it. */
  awaitDrain(index: number): void {
    this.#undrained.push(index)
  }

  /** The socket took everything. */
  drained(): void {
    for (const index of this.#undrained) this.settle(index, PUBLISHED)
    this.#undrained = []
  }

  /** Fails what has no outcome yet. */
  fail(reason: string): void {
    const outcome = failure(503, reason)
    for (let index = 0; index < this.#results.length; index++) this.settle(index, outcome)
  }

  /** Calls back once all outcomes are there; what has none after `timeoutMs` fails. */
  onFinished(timeoutMs: number, callback: () => void): void {
    this.#onFinished = callback
    this.#timer = setTimeout(
      () => this.fail(`The broker did not confirm it within ${timeoutMs} ms.`),
      timeoutMs,
    )
  }

  #finish(): void {
    clearTimeout(this.#timer)
    this.#onFinished?.()
    this.#finished.resolve(this.#results as PublishOutcome[])
  }
}
