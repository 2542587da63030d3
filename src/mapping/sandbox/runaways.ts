/** Counts events of the recent past. Has no clock of its own. */

/** How many times something happened within a window that slides. */
export class RecentCount {
  readonly #windowMs: number
  #times: number[] = []

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  add(nowMs: number): void {
    this.#times.push(nowMs)
  }

  /** Events in the window that ends at `nowMs`; forgets the older ones. */
  count(nowMs: number): number {
    const start = nowMs - this.#windowMs
    if (this.#times.length > 0 && this.#times[0]! <= start) {
      this.#times = this.#times.filter((time) => time > start)
    }
    return this.#times.length
  }
}
