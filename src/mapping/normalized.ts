/**
 * The Normalized mapper (Ditto documentation, "Payload mapping", Normalized mapper): events of things as
 * the thing's own JSON, with what caused them in `_context`. Outbound only.
 */
import { z } from 'zod'
import { parseFieldSelector, selectFields } from '../json/field-selector.ts'
import { setOwn } from '../json/own.ts'
import { parsePointer, setAt } from '../json/pointer.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { mapperConfigFailed, mappingFailed } from '../protocol/connectivity-errors.ts'
import { DittoException, toDittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { headersToOutside, headerText } from '../protocol/headers.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import { optionBoolean, optionText, readOptions } from './options.ts'

const HEADERS = Object.freeze({ 'content-type': 'application/json' })
const CHANGES: ReadonlySet<string> = new Set(['created', 'modified', 'merged'])

const schema = z.object({
  fields: optionText.optional(),
  includeDeletedFields: optionBoolean.default(false),
})

/** Compiled options. */
interface Options {
  readonly fields: readonly (readonly string[])[] | undefined
  readonly includeDeletedFields: boolean
}

/** The engine `Normalized`. */
export const normalizedEngine: MapperEngine = {
  contentTypeBlocklist: [],
  checkOptions: (options) => void compile(options),
  create: (_, definition) => {
    const options = compile(definition.options)
    return perMessage(
      () => DROPPED,
      (adaptable) => normalizedOutbound(adaptable, options),
    )
  },
}

function compile(given: JsonObject): Options {
  const { fields, includeDeletedFields } = readOptions(schema, given)
  try {
    return { fields: fields && parseFieldSelector(fields), includeDeletedFields } as Options
  } catch (thrown) {
    if (!(thrown instanceof DittoException)) throw thrown
    const { message, description } = thrown.error
    const text = `The option <fields> is not valid. ${message}`
    throw new DittoException(mapperConfigFailed(text, description), { cause: thrown })
  }
}

/** The thing as far as the event tells of it; other signals are dropped. */
function normalizedOutbound(adaptable: Adaptable, options: Options): MapResult<ExternalMessage> {
  const { topic } = adaptable
  try {
    const path = parsePointer(adaptable.path)
    const isWanted =
      CHANGES.has(topic.action ?? '') ||
      (topic.action === 'deleted' && (path.length === 0 || options.includeDeletedFields))
    if (topic.group !== 'things' || topic.criterion !== 'events' || !isWanted) return DROPPED
    let thing = thingOf(adaptable, path, options)
    if (adaptable.extra !== undefined) thing = completed(thing, adaptable.extra) as JsonObject
    if (options.fields !== undefined) thing = selectFields(thing, options.fields)
    if (topic.action === 'merged') thing = withoutNothing(thing)
    return { ok: true, values: [{ headers: HEADERS, payload: JSON.stringify(thing) }] }
  } catch (thrown) {
    return { ok: false, error: toDittoError(thrown, mappingFailed(undefined)) }
  }
}

function thingOf(
  adaptable: Adaptable,
  path: readonly string[],
  { includeDeletedFields }: Options,
): JsonObject {
  const { topic, value, timestamp, revision } = adaptable
  let thing: JsonObject = { thingId: `${topic.namespace}:${topic.name}` }
  if (value !== undefined) {
    thing = path.length === 0 ? { ...thing, ...(value as JsonObject) } : setAt(thing, path, value)
  }
  if (timestamp !== undefined) thing._modified = timestamp
  if (revision !== undefined) thing._revision = revision
  const isDeleted = topic.action === 'deleted'
  if (timestamp !== undefined && isDeleted && path.length === 0) thing._deleted = timestamp
  if (timestamp !== undefined && includeDeletedFields) {
    const deleted = deletedFields(adaptable, path, timestamp)
    if (Object.keys(deleted).length > 0) thing._deletedFields = deleted
  }
  thing._context = causeOf(adaptable)
  return thing
}

function causeOf({ topic, path, value, fields, headers }: Adaptable): JsonObject {
  const texts: JsonObject = {}
  for (const [name, header] of Object.entries(headersToOutside(headers))) {
    setOwn(texts, name, headerText(header))
  }
  const cause: JsonObject = { topic: topic.full, path, value: value ?? null }
  return fields === undefined ? { ...cause, headers: texts } : { ...cause, fields, headers: texts }
}

/** When what was deleted, at the place where it was. */
function deletedFields(
  { topic, value }: Adaptable,
  path: readonly string[],
  timestamp: string,
): JsonObject {
  if (topic.action === 'deleted') return path.length === 0 ? {} : setAt({}, path, timestamp)
  if (topic.action !== 'merged' || value === undefined) return {}
  let deleted: JsonObject = {}
  const visit = (at: readonly string[], patch: JsonValue): void => {
    if (patch === null && at.length > 0) deleted = setAt(deleted, at, timestamp)
    if (!isJsonObject(patch)) return
    for (const [name, change] of Object.entries(patch)) {
      if (!isPattern(name)) visit([...at, name], change)
    }
  }
  visit(path, value)
  return deleted
}

/** A member of a merge patch that deletes by regular expression names no field. */
function isPattern(name: string): boolean {
  return name.startsWith('{{') && name.endsWith('}}') && /[~/]/.test(name)
}

/** What the first does not have comes from the second. */
function completed(first: JsonValue, second: JsonValue): JsonValue {
  if (Array.isArray(first) && Array.isArray(second)) {
    const [longer, other] = [first, second.slice(first.length)]
    return [
      ...longer.map((item, index) => {
        const extra = second[index]
        return extra === undefined ? item : completed(item, extra)
      }),
      ...other,
    ]
  }
  if (!isJsonObject(first) || !isJsonObject(second)) return first
  const result = { ...first }
  for (const [name, value] of Object.entries(second)) {
    const own = Object.hasOwn(result, name) ? result[name] : undefined
    setOwn(result, name, own === undefined ? value : completed(own, value))
  }
  return result
}

/** Without members that are null or empty objects. */
function withoutNothing(object: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const [name, value] of Object.entries(object)) {
    const left = isJsonObject(value) ? withoutNothing(value) : value
    const isNothing = left === null || (isJsonObject(left) && Object.keys(left).length === 0)
    if (!isNothing) setOwn(result, name, left)
  }
  return result
}
