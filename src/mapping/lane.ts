/** Keeps steps in order of which some take their time. */

/**
 * Runs steps one after the other: at once while nothing is under way, else when everything before it
 * is through. Steps that answer promises must not reject.
 */
export class Lane {
  #tail: Promise<unknown> | undefined

  /** Whether the next step has to wait. */
  get isBusy(): boolean {
    return this.#tail !== undefined
  }

  /** What the step answers; a promise when it has to wait, or answers one. */
  run<T>(step: () => T | Promise<T>): T | Promise<T> {
    const result = this.#tail === undefined ? step() : this.#tail.then(step)
    if (result instanceof Promise) this.#hold(result)
    return result
  }

  /** Resolves when everything so far is through. */
  async idle(): Promise<void> {
    while (this.#tail !== undefined) await this.#tail
  }

  #hold(work: Promise<unknown>): void {
    const tail = work.then(() => {
      if (this.#tail === tail) this.#tail = undefined
    })
    this.#tail = tail
  }
}
