/**
 * Pauses between attempts: exponential with "equal jitter", half of the pause certain and half random,
 * so that a thousand connections do not return to a broker all at once.
 */

/** Bounds of the pauses, in milliseconds. */
export interface BackoffLimits {
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
}

/** Beyond, doubling changes nothing any more. */
const MAX_DOUBLINGS = 30

/** Counts the attempts of one thing that is tried again and again. */
export class Backoff {
  readonly #limits: BackoffLimits
  #attempts = 0

  constructor(limits: BackoffLimits) {
    this.#limits = limits
  }

  /** The pause before the next attempt, in milliseconds. */
  nextPauseMs(): number {
    const { backoffMinMs, backoffMaxMs } = this.#limits
    const ceiling = Math.min(backoffMaxMs, backoffMinMs * 2 ** this.#attempts)
    this.#attempts = Math.min(this.#attempts + 1, MAX_DOUBLINGS)
    return Math.round(ceiling / 2 + (Math.random() * ceiling) / 2)
  }

  /** Starts over with short pauses. */
  reset(): void {
    this.#attempts = 0
  }
}
