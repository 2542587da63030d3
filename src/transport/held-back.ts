/**
 * Messages that failed, before they go back to their broker. AMQP brokers deliver again at once, and what
 * keeps failing would go round as fast as the machine can; so it rests here, where it counts as unsettled.
 */

/** How long a message rests. */
export const REDELIVERY_PAUSE_MS = 1_000

/** What rests, in order. */
export class HeldBack<T> {
  readonly #release: (items: readonly T[]) => void
  #items: T[] = []
  /** When each item has rested long enough, in the clock of `performance`. */
  #dueAt: number[] = []
  #timer: NodeJS.Timeout | undefined
  readonly #onTimer = (): void => this.#releaseDue()

  /** `release` is told of items that have rested, in order. */
  constructor(release: (items: readonly T[]) => void) {
    this.#release = release
  }

  hold(item: T): void {
    this.#items.push(item)
    this.#dueAt.push(performance.now() + REDELIVERY_PAUSE_MS)
    this.#timer ??= setTimeout(this.#onTimer, REDELIVERY_PAUSE_MS)
  }

  /** Nothing rests any longer. */
  releaseAll(): void {
    const items = this.#items
    this.clear()
    if (items.length > 0) this.#release(items)
  }

  /** Forgets what rests. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#items = []
    this.#dueAt = []
  }

  #releaseDue(): void {
    const now = performance.now()
    const left = this.#dueAt.findIndex((dueAt) => dueAt > now)
    if (left === -1) {
      this.releaseAll()
      return
    }
    this.#dueAt.splice(0, left)
    // A timer may fire a little early.
    this.#timer = setTimeout(this.#onTimer, Math.ceil(this.#dueAt[0]! - now))
    if (left > 0) this.#release(this.#items.splice(0, left))
  }
}
