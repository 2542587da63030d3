/** Throwing, in one word: every check of this room ends in one of these. Knows no rule. */
import { connectionConfigurationInvalid } from '../protocol/connectivity-errors.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'

/** Throws the error. */
export function fail(error: DittoError, cause?: unknown): never {
  throw new DittoException(error, cause === undefined ? undefined : { cause })
}

/** Throws 400 `connectivity:connection.configuration.invalid`. */
export function failConfiguration(message: string, description?: string): never {
  fail(connectionConfigurationInvalid(message, description))
}
