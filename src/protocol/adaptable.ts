/**
 * The Ditto Protocol message (Ditto documentation, "Ditto Protocol specification"): its parsed form,
 * its JSON and its text. Whether topic, path and value make sense together is decided elsewhere.
 */
import { checkJsonShape, parseJsonStrict } from '../json/guard.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { DittoException } from './errors.ts'
import { headersFromOutside, headersToOutside } from './headers.ts'
import { jsonFieldMissing, jsonTypeInvalid } from './json-errors.ts'
import { parseTopicPath, type TopicPath } from './topic-path.ts'

/** Headers of the Ditto Protocol: names in lower case, values typed as in JSON. */
export type DittoHeaders = Record<string, JsonValue>

/** A parsed Ditto Protocol envelope. `status` present means response. */
export interface Adaptable {
  readonly topic: TopicPath
  readonly headers: DittoHeaders
  /** JSON pointer, `/` for the root. */
  readonly path: string
  readonly value?: JsonValue
  readonly extra?: JsonObject
  readonly status?: number
  readonly revision?: number
  /** ISO-8601 instant. */
  readonly timestamp?: string
  readonly metadata?: JsonObject
  /** Field selector of a retrieve command. */
  readonly fields?: string
}

/** An adaptable while it is being put together. */
type Draft = { -readonly [Member in keyof Adaptable]: Adaptable[Member] }

/**
 * Reads an envelope that came from outside. Header names become lower case, values of known headers
 * typed; headers that are not for the outside to set, unknown members and null members other than
 * `value` are left out. Shares parts with the JSON. Throws 400 `json.invalid`, `json.field.missing`,
 * `header.invalid`, `protocoladapter:unknown.topicpath`.
 */
export function parseAdaptable(json: JsonValue): Adaptable {
  checkJsonShape(json)
  return readEnvelope(json)
}

/** The same for text. */
export function adaptableFromText(text: string): Adaptable {
  return readEnvelope(parseJsonStrict(text))
}

/** The envelope as JSON, with the headers that the outside may see; shares parts with the adaptable. */
export function adaptableToJson(adaptable: Adaptable): JsonObject {
  const json: JsonObject = {
    topic: adaptable.topic.full,
    headers: headersToOutside(adaptable.headers),
    path: adaptable.path,
  }
  if (adaptable.value !== undefined) json.value = adaptable.value
  if (adaptable.extra !== undefined) json.extra = adaptable.extra
  if (adaptable.status !== undefined) json.status = adaptable.status
  if (adaptable.revision !== undefined) json.revision = adaptable.revision
  if (adaptable.timestamp !== undefined) json.timestamp = adaptable.timestamp
  if (adaptable.metadata !== undefined) json.metadata = adaptable.metadata
  if (adaptable.fields !== undefined) json.fields = adaptable.fields
  return json
}

/** The envelope as JSON text, with the headers that the outside may see. */
export function adaptableToText(adaptable: Adaptable): string {
  return JSON.stringify(adaptableToJson(adaptable))
}

function readEnvelope(json: JsonValue): Adaptable {
  if (!isJsonObject(json)) throw wrongType(json, '/', 'JsonObject')
  const topic = parseTopicPath(required(json.topic, '/topic'))
  const headers = json.headers ?? undefined
  if (headers !== undefined && !isJsonObject(headers)) {
    throw wrongType(headers, '/headers', 'JsonObject')
  }
  const draft: Draft = {
    topic,
    headers: headers === undefined ? {} : headersFromOutside(headers),
    path: normalizedPath(required(json.path, '/path')),
  }
  if (json.value !== undefined) draft.value = json.value
  readOptionalMembers(json, draft)
  return draft
}

function readOptionalMembers(json: JsonObject, draft: Draft): void {
  const { extra, status, revision, timestamp, metadata, fields } = json
  if (isGiven(extra)) draft.extra = object(extra, '/extra')
  if (isGiven(status)) draft.status = httpStatus(status)
  if (isGiven(revision)) draft.revision = integer(revision, '/revision', 'Long')
  if (isGiven(timestamp)) draft.timestamp = string(timestamp, '/timestamp')
  if (isGiven(metadata)) draft.metadata = object(metadata, '/metadata')
  if (isGiven(fields)) draft.fields = string(fields, '/fields')
}

function isGiven(value: JsonValue | undefined): value is JsonValue {
  return value !== undefined && value !== null
}

function required(value: JsonValue | undefined, pointer: string): string {
  if (!isGiven(value)) throw new DittoException(jsonFieldMissing(pointer))
  return string(value, pointer)
}

function string(value: JsonValue, pointer: string): string {
  if (typeof value !== 'string') throw wrongType(value, pointer, 'String')
  return value
}

function object(value: JsonValue, pointer: string): JsonObject {
  if (!isJsonObject(value)) throw wrongType(value, pointer, 'JsonObject')
  return value
}

function integer(value: JsonValue, pointer: string, type: string): number {
  if (!Number.isSafeInteger(value)) throw wrongType(value, pointer, type)
  return value as number
}

function httpStatus(value: JsonValue): number {
  const status = integer(value, '/status', 'Integer')
  if (status < 100 || status > 599) throw wrongType(value, '/status', 'HttpStatus')
  return status
}

function wrongType(value: JsonValue, pointer: string, expected: string): DittoException {
  return new DittoException(jsonTypeInvalid(value, pointer, expected))
}

/** With a slash in front and none at the end, as Ditto prints pointers; `/` for the root. */
function normalizedPath(path: string): string {
  const start = path.startsWith('/') ? path : `/${path}`
  return start.length > 1 && start.endsWith('/') ? start.slice(0, -1) : start
}
