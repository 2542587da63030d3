/** Lets operations on the same key run one after the other, and on different keys side by side. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>()

  /** Runs the operation when all earlier ones of its key are over, however they ended. */
  async run<T>(key: string, operation: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const { promise: over, resolve } = Promise.withResolvers<void>()
    this.#tails.set(key, over)
    try {
      await before
      return await operation()
    } finally {
      if (this.#tails.get(key) === over) this.#tails.delete(key)
      resolve()
    }
  }
}
