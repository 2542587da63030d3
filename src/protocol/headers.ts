/**
 * Headers of the Ditto Protocol (Ditto documentation, "Protocol specification – headers"): which ones
 * are known, their types, and which may come in from outside or go out. Unknown ones pass both ways.
 */
import { setOwn } from '../json/own.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import type { DittoHeaders } from './adaptable.ts'
import { parseDurationMs } from './duration.ts'
import { DittoException, dittoError } from './errors.ts'
import { headerInvalid } from './protocol-errors.ts'

/** A list of strings: one of them. The names appear in error texts. */
type HeaderType = keyof typeof converters | readonly string[]

interface HeaderDefinition {
  readonly type: HeaderType
  readonly readable: boolean
  readonly writable: boolean
}

const BOTH_WAYS = { readable: true, writable: true }
const ONLY_IN = { readable: true, writable: false }
const ONLY_OUT = { readable: false, writable: true }
const INTERNAL = { readable: false, writable: false }

const DEFINITIONS: ReadonlyMap<string, HeaderDefinition> = new Map<string, HeaderDefinition>([
  ['correlation-id', { type: 'non-empty string', ...BOTH_WAYS }],
  ['response-required', { type: 'boolean', ...BOTH_WAYS }],
  ['content-type', { type: 'string', ...BOTH_WAYS }],
  ['reply-to', { type: 'string', ...BOTH_WAYS }],
  ['channel', { type: ['twin', 'live'], ...BOTH_WAYS }],
  ['requested-acks', { type: 'JSON array', ...BOTH_WAYS }],
  ['timeout', { type: 'duration', ...BOTH_WAYS }],
  ['dry-run', { type: 'boolean', ...BOTH_WAYS }],
  ['location', { type: 'string', ...BOTH_WAYS }],
  ['diverted-response-from-connection', { type: 'non-empty string', ...BOTH_WAYS }],
  ['accept', { type: 'string', ...ONLY_IN }],
  ['authorization', { type: 'string', ...ONLY_IN }],
  ['live-channel-timeout-strategy', { type: ['fail', 'use-twin'], ...ONLY_IN }],
  ['if-match', { type: 'string', ...ONLY_IN }],
  ['if-none-match', { type: 'string', ...ONLY_IN }],
  ['if-equal', { type: ['update', 'skip', 'skip-minimizing-merge'], ...ONLY_IN }],
  ['divert-response-to-connection', { type: 'non-empty string', ...ONLY_IN }],
  ['divert-expected-response-types', { type: 'non-empty string', ...ONLY_IN }],
  ['declared-acks', { type: 'JSON array', ...ONLY_IN }],
  ['put-metadata', { type: 'JSON array of objects', ...ONLY_IN }],
  ['get-metadata', { type: 'string', ...ONLY_IN }],
  ['delete-metadata', { type: 'string', ...ONLY_IN }],
  ['allow-policy-lockout', { type: 'boolean', ...ONLY_IN }],
  ['condition', { type: 'string', ...ONLY_IN }],
  ['live-channel-condition', { type: 'string', ...ONLY_IN }],
  ['at-historical-revision', { type: 'long', ...ONLY_IN }],
  ['at-historical-timestamp', { type: 'string', ...ONLY_IN }],
  ['merge-thing-patch-conditions', { type: 'JSON object', ...ONLY_IN }],
  ['policy-view', { type: 'string', ...ONLY_IN }],
  ['etag', { type: 'string', ...ONLY_OUT }],
  ['ditto-originator', { type: 'string', ...ONLY_OUT }],
  ['ditto-connection-id', { type: 'string', ...ONLY_OUT }],
  ['ditto-weak-ack', { type: 'boolean', ...ONLY_OUT }],
  ['ditto-metadata', { type: 'JSON object', ...ONLY_OUT }],
  ['www-authenticate', { type: 'string', ...ONLY_OUT }],
  ['live-channel-condition-matched', { type: 'boolean', ...ONLY_OUT }],
  ['historical-headers', { type: 'JSON object', ...ONLY_OUT }],
  ['entity-revision', { type: 'long', ...ONLY_OUT }],
  ['ditto-auth-context', { type: 'JSON object', ...INTERNAL }],
  ['ditto-dry-run', { type: 'boolean', ...INTERNAL }],
  ['ditto-read-subjects', { type: 'JSON array', ...INTERNAL }],
  ['ditto-read-revoked-subjects', { type: 'JSON array', ...INTERNAL }],
  ['ditto-origin', { type: 'string', ...INTERNAL }],
  ['ditto-reply-target', { type: 'long', ...INTERNAL }],
  ['ditto-expected-response-types', { type: 'JSON array', ...INTERNAL }],
  ['ditto-inbound-payload-mapper', { type: 'string', ...INTERNAL }],
  ['ditto-entity-id', { type: 'string', ...INTERNAL }],
  ['ditto-event-journal-tags', { type: 'JSON array', ...INTERNAL }],
  ['ditto-sudo', { type: 'boolean', ...INTERNAL }],
  ['ditto-retrieve-deleted', { type: 'boolean', ...INTERNAL }],
  ['ditto-ackgregator-address', { type: 'string', ...INTERNAL }],
  ['ditto-pre-defined-extra-fields', { type: 'JSON array', ...INTERNAL }],
  ['ditto-pre-defined-extra-fields-read-grant', { type: 'JSON object', ...INTERNAL }],
  ['ditto-pre-defined-extra-fields-object', { type: 'JSON object', ...INTERNAL }],
  ['ditto-partial-access-paths', { type: 'JSON object', ...INTERNAL }],
  ['ditto-policy-view-fields-selector', { type: 'string', ...INTERNAL }],
])

/** Whether a header of that name (lower case) is taken from outside. */
export function readableFromOutside(name: string): boolean {
  return DEFINITIONS.get(name)?.readable ?? true
}

/** Whether a header of that name (lower case) is shown to the outside. */
export function writableToOutside(name: string): boolean {
  return DEFINITIONS.get(name)?.writable ?? true
}

/**
 * Headers as they come in: names in lower case, values of known headers in their JSON type, those that
 * are not for the outside and nulls left out. The same object when there is nothing to change. Throws
 * 400 `header.invalid`.
 */
export function headersFromOutside(json: JsonObject): DittoHeaders {
  for (const name in json) {
    if (!isAsWanted(name, json[name]!)) return wantedHeaders(json)
  }
  return json
}

/** The headers that are shown to the outside; the same object when all are. */
export function headersToOutside(headers: DittoHeaders): DittoHeaders {
  for (const name in headers) {
    if (!writableToOutside(name)) return onlyWritable(headers)
  }
  return headers
}

/** The headers that are shown to the outside, as the text that brokers' headers hold. */
export function toExternalHeaders(headers: DittoHeaders): Record<string, string> {
  const external: Record<string, string> = {}
  for (const name of Object.keys(headers)) {
    if (writableToOutside(name)) external[name] = headerText(headers[name]!)
  }
  return external
}

/**
 * A value of the header in its JSON type, whether it is given so or as text. Values of unknown headers
 * stay as they are. Throws 400 `header.invalid`.
 */
export function typedHeader(name: string, value: JsonValue): JsonValue {
  const definition = DEFINITIONS.get(name)
  return definition === undefined ? value : convert(name, definition.type, value)
}

/** A header's value as text: strings as they are, everything else as JSON. */
export function headerText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A boolean header, also where it is text; `fallback` when it is absent or neither true nor false. */
export function booleanHeader(headers: DittoHeaders, name: string, fallback: boolean): boolean {
  const value = headers[name]
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  return fallback
}

/**
 * The texts of a list header such as `requested-acks`: a JSON array, its text, or text separated by
 * commas. Undefined when absent; an empty list is not absent.
 */
export function listHeader(headers: DittoHeaders, name: string): string[] | undefined {
  const value = headers[name]
  if (Array.isArray(value)) return value.map(headerText)
  if (typeof value !== 'string') return undefined
  const parsed = value.trimStart().startsWith('[') ? parseJson(value) : undefined
  if (Array.isArray(parsed)) return parsed.map(headerText)
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** A duration header such as `timeout` in milliseconds; undefined when absent or no duration. */
export function durationMsHeader(headers: DittoHeaders, name: string): number | undefined {
  const value = headers[name]
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  return parseDurationMs(String(value))
}

function isAsWanted(name: string, value: JsonValue): boolean {
  if (value === null || name !== name.toLowerCase()) return false
  const definition = DEFINITIONS.get(name)
  if (definition === undefined) return true
  return definition.readable && convert(name, definition.type, value) === value
}

function wantedHeaders(json: JsonObject): DittoHeaders {
  const headers: DittoHeaders = {}
  for (const given of Object.keys(json)) {
    const value = json[given]!
    const name = given.toLowerCase()
    if (value !== null && readableFromOutside(name)) setOwn(headers, name, typedHeader(name, value))
  }
  return headers
}

function onlyWritable(headers: DittoHeaders): DittoHeaders {
  const visible: DittoHeaders = {}
  for (const name of Object.keys(headers)) {
    if (writableToOutside(name)) setOwn(visible, name, headers[name]!)
  }
  return visible
}

function convert(name: string, type: HeaderType, value: JsonValue): JsonValue {
  const converted = typeof type === 'string' ? converters[type](value) : member(type, value)
  if (converted !== undefined) return converted
  if (type === 'non-empty string') throw emptyHeader(name)
  const expected = typeof type === 'string' ? type : type.join('|')
  throw new DittoException(headerInvalid(name, headerText(value), expected))
}

/** From a value as it was given to the header's own type; undefined when that is not possible. */
const converters = {
  string: headerText,
  'non-empty string': (value) => (value === '' ? undefined : headerText(value)),
  boolean: (value) => {
    if (typeof value === 'boolean') return value
    return value === 'true' ? true : value === 'false' ? false : undefined
  },
  long: (value) => {
    const number = typeof value === 'string' && LONG.test(value) ? Number(value) : value
    return Number.isSafeInteger(number) ? number : undefined
  },
  duration: (value) => {
    const text = headerText(value)
    return parseDurationMs(text) === undefined ? undefined : text
  },
  'JSON array': (value) => listOf(isString, value),
  'JSON array of objects': (value) => listOf(isJsonObject, value),
  'JSON object': (value) => {
    const object = typeof value === 'string' ? parseJson(value) : value
    return isJsonObject(object) ? object : undefined
  },
} satisfies Record<string, (value: JsonValue) => JsonValue | undefined>

const LONG = /^[+-]?\d+$/

function member(names: readonly string[], value: JsonValue): string | undefined {
  const normalized = headerText(value).trim().toLowerCase()
  return names.includes(normalized) ? normalized : undefined
}

function listOf(
  isMember: (value: JsonValue) => boolean,
  value: JsonValue,
): JsonValue[] | undefined {
  const list = typeof value === 'string' ? parseJson(value) : value
  return Array.isArray(list) && list.every(isMember) ? list : undefined
}

function isString(value: JsonValue): boolean {
  return typeof value === 'string'
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function emptyHeader(name: string): DittoException {
  return new DittoException(
    dittoError(
      400,
      'header.invalid',
      `The value of the header '${name}' must not be empty.`,
      'Verify that the header has the correct syntax and try again.',
    ),
  )
}
