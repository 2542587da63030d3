/** Errors about JSON itself, as Eclipse Ditto words them; one factory per error. Knows no protocol. */
import { type DittoError, dittoError } from './errors.ts'

/** 400 `json.invalid`: no JSON, or not the JSON that was expected. */
export function jsonInvalid(message: string, description?: string): DittoError {
  return dittoError(
    400,
    'json.invalid',
    message,
    description ??
      'Check if the JSON was valid (e.g. on https://jsonlint.com) and if it was in required format.',
  )
}

/** 400 `json.invalid`: the member at the pointer is of another type, such as `JsonObject`. */
export function jsonTypeInvalid(value: unknown, pointer: string, expected: string): DittoError {
  const text = JSON.stringify(value) ?? 'undefined'
  const excerpt = text.length > MAX_EXCERPT_CHARS ? `${text.slice(0, MAX_EXCERPT_CHARS)}…` : text
  return jsonInvalid(`Value <${excerpt}> for <${pointer}> is not of type <${expected}>!`)
}

/** 400 `json.field.missing`. */
export function jsonFieldMissing(pointer: string): DittoError {
  return dittoError(
    400,
    'json.field.missing',
    `JSON did not include required <${pointer}> field!`,
    'Check if all required JSON fields were set.',
  )
}

/** 400 `json.pointer.invalid`, for consecutive slashes. */
export function jsonPointerInvalid(pointer: string): DittoError {
  return dittoError(
    400,
    'json.pointer.invalid',
    `The JSON pointer <${pointer}> is invalid!`,
    'Consecutive slashes in JSON pointers are not supported.',
  )
}

/** 400 `json.fieldselector.invalid`. */
export function jsonFieldSelectorInvalid(selector: string): DittoError {
  return dittoError(
    400,
    'json.fieldselector.invalid',
    `The field selector <${selector}> is invalid!`,
    "Check, for example, if the amount of opening parentheses '(' matches the amount of closing " +
      "ones ')'.",
  )
}

/** Of a wrong value, so that an error stays readable and no payload is sent back in it. */
const MAX_EXCERPT_CHARS = 100
