/**
 * Errors as the outside sees them: one shape, Ditto's, for the HTTP API, for error responses of the
 * protocol and for logs. Factories for one room's errors live in that room; this file knows none of them.
 */

/** Ditto's error JSON (Ditto documentation, "HTTP API error model"). */
export interface DittoError {
  /** HTTP status, 400..599. */
  readonly status: number
  /** Stable identifier such as `connectivity:connection.notfound`. */
  readonly error: string
  /** What was wrong, and where. */
  readonly message: string
  /** What to do next. */
  readonly description?: string
  readonly href?: string
}

/** The throwable form of a {@link DittoError}; thrown at the edges only (parsing, validation, HTTP). */
export class DittoException extends Error {
  readonly error: DittoError

  constructor(error: DittoError, options?: ErrorOptions) {
    super(error.message, options)
    this.name = 'DittoException'
    this.error = error
  }
}

/** Builds a {@link DittoError}; leaves `description` out when there is none. */
export function dittoError(
  status: number,
  error: string,
  message: string,
  description?: string,
): DittoError {
  return description === undefined
    ? { status, error, message }
    : { status, error, message, description }
}

/**
 * The {@link DittoError} of anything that was thrown. Never throws; what is not a DittoException
 * becomes the given fallback with the foreign error's text as description.
 */
export function toDittoError(
  thrown: unknown,
  fallback: { status: number; error: string; message: string },
): DittoError {
  if (thrown instanceof DittoException) return thrown.error
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return { ...fallback, description: text }
}
