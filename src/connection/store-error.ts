/** The error of a store that cannot be opened; for the operator, at the start. */

/** Why the store cannot be opened, and what to do about it. */
export class StoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
  }
}
