/**
 * The receiving side of a session, all links together: collects what one turn of the event loop
 * delivered, hands it over in batches, holds it back while paused. How much can be held is bounded by
 * the credit that was granted. Knows neither links nor credit.
 */
import { MAX_BATCH } from '../transport.ts'
import type { AmqpDelivery } from './delivery.ts'

/** One per session. */
export class Intake {
  readonly #onDeliveries: (batch: readonly AmqpDelivery[]) => void
  #pending: AmqpDelivery[] = []
  #isScheduled = false
  #isHeld = true
  #isStopped = false
  readonly #deliverTurn = (): void => this.#deliver()

  constructor(onDeliveries: (batch: readonly AmqpDelivery[]) => void) {
    this.#onDeliveries = onDeliveries
  }

  add(delivery: AmqpDelivery): void {
    this.#pending.push(delivery)
    if (this.#isScheduled || this.#isHeld) return
    // Runs when all frames of one read from the socket are through.
    this.#isScheduled = true
    queueMicrotask(this.#deliverTurn)
  }

  /** Whether messages wait here; nothing is delivered until the session is open. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    this.#deliver()
  }

  /** Forgets what was not delivered yet and delivers nothing more. */
  stop(): readonly AmqpDelivery[] {
    this.#isStopped = true
    const pending = this.#pending
    this.#pending = []
    return pending
  }

  #deliver(): void {
    this.#isScheduled = false
    while (!this.#isHeld && !this.#isStopped && this.#pending.length > 0) {
      const pending = this.#pending
      if (pending.length <= MAX_BATCH) this.#pending = []
      this.#onDeliveries(pending.length <= MAX_BATCH ? pending : pending.splice(0, MAX_BATCH))
    }
  }
}
