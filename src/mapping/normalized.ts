/**
 * The Normalized mapper (Ditto documentation, "Payload mapping", Normalized mapper): events of things as
 * the thing's own JSON, with what caused them in `_context`. Outbound only.
 */
import { z } from 'zod'
import { parseFieldSelector, selectFields } from '../json/field-selector.ts'
import { getOwn, setOwn } from '../json/own.ts'
import { parsePointer, setAt } from '../json/pointer.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import { DittoException, toDittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { headersToOutside, headerText } from '../protocol/headers.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import { ofOption, optionBoolean, optionText, readOptions } from './options.ts'

const HEADERS = Object.freeze({ 'content-type': 'application/json' })
const CHANGES: ReadonlySet<string> = new Set(['created', 'modified', 'merged'])
const THING_EXPECTED = 'An event of a whole thing must have a JSON object as its value.'

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
  // As in Ditto, an empty text selects nothing.
  const select = (text: string) => (text === '' ? [] : parseFieldSelector(text))
  return {
    fields: fields === undefined ? undefined : ofOption('fields', () => select(fields)),
    includeDeletedFields,
  }
}

/** The thing as far as the event tells of it; other signals are dropped. */
export function normalizedOutbound(
  adaptable: Adaptable,
  options: Options,
): MapResult<ExternalMessage> {
  const { topic, path, extra } = adaptable
  if (topic.group !== 'things' || topic.criterion !== 'events') return DROPPED
  const isWanted =
    CHANGES.has(topic.action!) ||
    (topic.action === 'deleted' && (path === '/' || options.includeDeletedFields))
  if (!isWanted) return DROPPED
  try {
    let thing = thingOf(adaptable, options)
    if (extra !== undefined) thing = mergedOver(extra, thing)
    if (options.fields !== undefined) thing = selectFields(thing, options.fields)
    if (topic.action === 'merged') thing = withoutNothing(thing)
    return { ok: true, values: [{ headers: HEADERS, payload: JSON.stringify(thing) }] }
  } catch (thrown) {
    return { ok: false, error: toDittoError(thrown, mappingFailed(undefined)) }
  }
}

function thingOf(adaptable: Adaptable, { includeDeletedFields }: Options): JsonObject {
  const { topic, value, timestamp, revision } = adaptable
  const path = parsePointer(adaptable.path)
  const isThing = path.length === 0
  let thing: JsonObject = { thingId: `${topic.namespace}:${topic.name}` }
  if (value !== undefined) {
    thing = isThing ? { ...thing, ...wholeThing(value) } : setAt(thing, path, value)
  }
  if (timestamp !== undefined) thing._modified = timestamp
  if (revision !== undefined) thing._revision = revision
  if (timestamp !== undefined) {
    if (topic.action === 'deleted' && isThing) thing._deleted = timestamp
    const deleted = includeDeletedFields ? deletedFields(adaptable, path, timestamp) : {}
    if (!isEmpty(deleted)) thing._deletedFields = deleted
  }
  thing._context = causeOf(adaptable)
  return thing
}

/** A deletion may say null. */
function wholeThing(value: JsonValue): JsonObject {
  if (value === null) return {}
  if (isJsonObject(value)) return value
  throw new DittoException(mappingFailed(undefined, THING_EXPECTED))
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
  const isThing = path.length === 0
  const isDeletion = topic.action === 'deleted' || (topic.action === 'merged' && value === null)
  if (isDeletion) return isThing ? {} : setAt({}, path, timestamp)
  if (topic.action !== 'merged' || !isJsonObject(value)) return {}
  const deleted = deletedBy(value, timestamp)
  return isThing || isEmpty(deleted) ? deleted : setAt({}, path, deleted)
}

/** What a merge patch deletes. */
function deletedBy(patch: JsonObject, timestamp: string): JsonObject {
  const deleted: JsonObject = {}
  for (const [name, change] of Object.entries(patch)) {
    if (isPattern(name)) continue
    if (change === null) setOwn(deleted, name, timestamp)
    if (!isJsonObject(change)) continue
    const within = deletedBy(change, timestamp)
    if (!isEmpty(within)) setOwn(deleted, name, within)
  }
  return deleted
}

/** A member of a merge patch that deletes by regular expression names no field. */
function isPattern(name: string): boolean {
  return name.startsWith('{{') && name.endsWith('}}') && /[~/]/.test(name)
}

/**
 * Extra fields with the thing of the event merged into them. That is a merge patch, but where the
 * extra fields have no such object Ditto goes no deeper for nulls than its members.
 */
function mergedOver(extra: JsonObject, thing: JsonObject): JsonObject {
  const result = { ...extra }
  for (const [name, value] of Object.entries(thing)) {
    const already = getOwn(result, name)
    if (value === null) delete result[name]
    else if (!isJsonObject(value)) setOwn(result, name, value)
    else
      setOwn(result, name, isJsonObject(already) ? mergedOver(already, value) : withoutNulls(value))
  }
  return result
}

function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null))
}

/** Without members that are null or empty objects. */
function withoutNothing(object: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const [name, value] of Object.entries(object)) {
    const left = isJsonObject(value) ? withoutNothing(value) : value
    const isNothing = left === null || (isJsonObject(left) && isEmpty(left))
    if (!isNothing) setOwn(result, name, left)
  }
  return result
}

function isEmpty(object: JsonObject): boolean {
  for (const _ in object) return false
  return true
}
