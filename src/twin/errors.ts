/** The errors of the twin that no other room needs. Ids, texts and statuses of Eclipse Ditto. */
import { type DittoError, dittoError } from '../protocol/errors.ts'

/** 413 `things:thing.toolarge`; sizes in characters of JSON, shown in kB. */
export function thingTooLarge(actual: number, allowed: number): DittoError {
  return dittoError(
    413,
    'things:thing.toolarge',
    `The size of '${kilo(actual)}' kB exceeds the maximal allowed Thing size of ` +
      `'${kilo(allowed)}' kB.`,
    'Reduce the Thing size in the bounds of the specified limit',
  )
}

/** 403 `things:thing.notmodifiable`: no subject may write there. */
export function thingNotModifiable(thingId: string): DittoError {
  return dittoError(
    403,
    'things:thing.notmodifiable',
    `The Thing with ID '${thingId}' could not be modified as the requester had insufficient ` +
      "permissions ('WRITE' is required).",
    'Check if the ID of your requested Thing was correct and you have sufficient permissions.',
  )
}

/** 304 `things:precondition.notmodified`: a retrieve whose `if-none-match` names the current tag. */
export function thingNotModified(header: string, etag: string): DittoError {
  return dittoError(
    304,
    'things:precondition.notmodified',
    "The comparison of precondition header 'if-none-match' for the requested Thing resource " +
      `evaluated to false. Expected: '${header}' not to match actual: '${etag}'.`,
    "The comparison of the provided precondition header 'if-none-match' with the current ETag " +
      'value of the requested Thing resource evaluated to false. Check the value of your ' +
      'conditional header value.',
  )
}

/** 412 `things:precondition.failed`: nothing would change, and `if-equal` says to skip that. */
export function thingUnchanged(): DittoError {
  return dittoError(
    412,
    'things:precondition.failed',
    "The previous value was equal to the new value and the 'if-equal' header was set to 'skip'.",
    'Your changes were not applied, which is probably the expected outcome.',
  )
}

/** 400 `things:definition.identifier.invalid`. */
export function definitionInvalid(text: string): DittoError {
  return dittoError(
    400,
    'things:definition.identifier.invalid',
    `Definition identifier <${text}> is invalid!`,
    "An identifier string is expected to have the structure 'namespace:name:version' where each " +
      'segment must contain at least one char of [_a-zA-Z0-9\\-.] OR it must be a valid HTTP(s) ' +
      'URL.',
  )
}

/** 400 `things:feature.definition.empty`. */
export function featureDefinitionEmpty(): DittoError {
  return dittoError(
    400,
    'things:feature.definition.empty',
    'Feature Definition must not be empty!',
    'A Feature Definition must contain at least one element. It can however also be set to null ' +
      'or deleted completely.',
  )
}

/** 400 `json.key.invalid`: a member name that no pointer could address. */
export function jsonKeyInvalid(name: string): DittoError {
  return dittoError(
    400,
    'json.key.invalid',
    `The JSON key <${name}> is invalid!`,
    'Neither slashes nor any control characters are allowed.',
  )
}

/** 400 `things:things.ids.missing`: a retrieve of many things that names none. */
export function thingIdsMissing(): DittoError {
  return dittoError(
    400,
    'things:things.ids.missing',
    'The required list of thing ids was missing.',
    'Please provide at least one thing id and try again.',
  )
}

/** 500 `internalerror`: a defect of the twin, told to the sender of the command that met it. */
export function internalError(reason: string): DittoError {
  return dittoError(500, 'internalerror', 'There was an internal error.', reason)
}

function kilo(chars: number): string {
  return (chars / 1024).toLocaleString('en-US', { maximumFractionDigits: 3 })
}
