/** How soon to start again what has died. Pure: whoever asks brings the time. */

/** Deaths within this time count together, in milliseconds. */
const WINDOW_MS = 60_000
/** So many deaths within the window are bad luck; from the next one on it is a pattern. */
const FREE_DEATHS = 2
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

/** Remembers deaths and tells the pause before the next start. */
export class RestartPolicy {
  #deaths: number[] = []

  /**
   * Notes a death and returns the pause until the next start, in milliseconds: none for the first two
   * within a minute, then 1 s, doubling up to 30 s.
   */
  died(nowMs: number): number {
    this.#deaths = this.#deaths.filter((at) => nowMs - at < WINDOW_MS)
    this.#deaths.push(nowMs)
    const excess = this.#deaths.length - FREE_DEATHS
    if (excess <= 0) return 0
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (excess - 1))
  }
}
