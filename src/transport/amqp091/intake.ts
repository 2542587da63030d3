/**
 * What was received and is on its way to the shard: in batches, held back while paused. Bounded by the
 * prefetch windows of the channels, so that keep-alive is always answered.
 */
import { MAX_BATCH } from '../transport.ts'
import type { Ledger, QueueDelivery } from './delivery.ts'

/** One per session. */
export class Intake {
  readonly #onDeliveries: (batch: readonly QueueDelivery[]) => void
  #pending: QueueDelivery[] = []
  /** Until the shard knows the session. */
  #opening = true
  #paused = false
  #stopped = false
  #scheduled = false
  readonly #deliverTurn = (): void => this.#deliver()

  constructor(onDeliveries: (batch: readonly QueueDelivery[]) => void) {
    this.#onDeliveries = onDeliveries
  }

  take(delivery: QueueDelivery): void {
    if (this.#stopped) {
      delivery.giveBack()
      return
    }
    this.#pending.push(delivery)
    if (!this.#isFlowing) return
    if (this.#pending.length >= MAX_BATCH) {
      this.#deliver()
    } else if (!this.#scheduled) {
      // Runs when all frames of one read from the socket are through.
      this.#scheduled = true
      queueMicrotask(this.#deliverTurn)
    }
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#deliver()
  }

  /** The session is open: what arrived meanwhile is delivered. */
  begin(): void {
    this.#opening = false
    this.#deliver()
  }

  /** The broker takes back what was received on a channel that is gone. */
  forget(ledger: Ledger): void {
    this.#pending = this.#pending.filter((delivery) => delivery.ledger !== ledger)
  }

  /** Delivers nothing any more; what waits goes back to the broker. */
  stop(): void {
    this.#stopped = true
    const pending = this.#pending
    this.#pending = []
    for (const delivery of pending) delivery.giveBack()
  }

  get #isFlowing(): boolean {
    return !this.#opening && !this.#paused && !this.#stopped
  }

  #deliver(): void {
    this.#scheduled = false
    while (this.#isFlowing && this.#pending.length > 0) {
      const pending = this.#pending
      if (pending.length <= MAX_BATCH) {
        this.#pending = []
        this.#onDeliveries(pending)
      } else {
        this.#onDeliveries(pending.splice(0, MAX_BATCH))
      }
    }
  }
}
