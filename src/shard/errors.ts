/** Errors that answers carry, and those that a shard gives when the twin does not answer. */
import { isJsonObject } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { type DittoError, dittoError } from '../protocol/errors.ts'

/** The error that a response with a status of 400 or more carries. */
export function errorOf({ status, value }: Adaptable): DittoError {
  const { error, message, description } = isJsonObject(value) ? value : NO_MEMBERS
  return dittoError(
    status ?? 500,
    typeof error === 'string' ? error : 'unknown',
    typeof message === 'string' ? message : 'Response was not successful.',
    typeof description === 'string' ? description : undefined,
  )
}

/** 503 `things:thing.unavailable`: the store of the twins could not read or write. */
export const STORE_FAILED = dittoError(
  503,
  'things:thing.unavailable',
  'The Thing is not available, please try again later.',
  'The store of the twins does not work; the log of the connection tells why.',
)

const NO_MEMBERS: { error?: unknown; message?: unknown; description?: unknown } = {}
