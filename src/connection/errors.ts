/** Throwing, in one word: every check of this room ends in one of these. Knows no rule. */
import { formatPointer } from '../json/pointer.ts'
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

/** Runs a check; its error stays what it is, and says where in the connection it belongs. */
export function tellingWhere<T>(pointer: readonly string[], check: () => T): T {
  try {
    return check()
  } catch (thrown) {
    if (!(thrown instanceof DittoException)) throw thrown
    const { error } = thrown
    const place = standsAt(pointer)
    const description = error.description === undefined ? place : `${error.description} ${place}`
    return fail({ ...error, description }, thrown)
  }
}

/** The last sentence of a description: `It stands at </sources/0/headerMapping/x>.` */
export function standsAt(pointer: readonly string[]): string {
  return `It stands at <${formatPointer(pointer)}>.`
}
