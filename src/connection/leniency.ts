/**
 * What Ditto forgives when it reads a connection, done once so that the schema behind can be
 * strict: fields of older versions and of the server itself, null for absent, items of no use.
 * Turns JSON into JSON; what is wrong beyond that is passed on for the schema to refuse.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { jsonTypeInvalid } from '../protocol/json-errors.ts'
import { fail } from './errors.ts'
import { RESPONSE_TYPES } from './schema.ts'

/**
 * Fields that Ditto knows and that change nothing: what it shows of the server's own knowledge, and
 * the authorization context that connections themselves had before version 1.
 */
const IGNORED_FIELDS = [
  '__lifecycle',
  '_revision',
  '_created',
  '_modified',
  'authorizationContext',
] as const

/** The definition that a legacy `mappingContext` becomes, whatever engine it names. */
const LEGACY_MAPPING = 'javascript'

/** A new connection body that says the same and that the schema accepts, if it is right. */
export function forgive(body: JsonObject): JsonObject {
  const { mappingContext, ...rest } = withoutNulls(body)
  const settled = forgiveMembers(rest)
  for (const field of IGNORED_FIELDS) delete settled[field]
  if (isBlank(settled.ca)) delete settled.ca
  if (settled.connectionType === 'hono' && settled.uri === undefined) settled.uri = ''
  return mappingContext === undefined ? settled : withMappingContext(settled, mappingContext)
}

function forgiveMembers(body: JsonObject): JsonObject {
  return mapMembers(body, {
    sources: (sources) => objectsOf(sources, forgiveSource),
    targets: (targets) => objectsOf(targets, forgiveTarget),
    specificConfig: textsOf,
    mappingDefinitions: (definitions) =>
      isJsonObject(definitions) ? mapValues(definitions, forgiveDefinition) : definitions,
    credentials: withoutNullsDeep,
    sshTunnel: withoutNullsDeep,
    tags: distinctTexts,
  })
}

function forgiveSource(source: JsonObject): JsonObject {
  return mapMembers(withoutNulls(source), {
    addresses: distinct,
    authorizationContext: distinctTexts,
    enforcement: (enforcement) =>
      isJsonObject(enforcement)
        ? mapMembers(withoutNulls(enforcement), { filters: distinct })
        : enforcement,
    acknowledgementRequests: (requests) =>
      isJsonObject(requests)
        ? mapMembers(withoutNulls(requests), { includes: distinctTexts })
        : requests,
    headerMapping: onlyTexts,
    payloadMapping: textItems,
    replyTarget: (target) =>
      isJsonObject(target)
        ? mapMembers(withoutNulls(target), {
            headerMapping: onlyTexts,
            expectedResponseTypes: knownResponseTypes,
          })
        : target,
    declaredAcks: distinct,
  })
}

function forgiveTarget(target: JsonObject): JsonObject {
  return mapMembers(withoutNulls(target), {
    authorizationContext: distinctTexts,
    headerMapping: onlyTexts,
    payloadMapping: textItems,
  })
}

function forgiveDefinition(definition: JsonValue): JsonValue {
  if (!isJsonObject(definition)) return definition
  return mapMembers(withoutNulls(definition), {
    incomingConditions: textsOf,
    outgoingConditions: textsOf,
  })
}

function withMappingContext(body: JsonObject, context: JsonValue): JsonObject {
  if (!isJsonObject(context)) {
    fail(jsonTypeInvalid(context, '/mappingContext', 'JsonObject'))
  }
  const definitions = isJsonObject(body.mappingDefinitions) ? body.mappingDefinitions : {}
  const mapped = (item: JsonValue): JsonValue => {
    if (!isJsonObject(item)) return item
    const mappings = Array.isArray(item.payloadMapping) ? item.payloadMapping : []
    return { ...item, payloadMapping: [...mappings, LEGACY_MAPPING] }
  }
  return {
    ...body,
    mappingDefinitions: { ...definitions, [LEGACY_MAPPING]: forgiveDefinition(context) },
    ...(Array.isArray(body.sources) && { sources: body.sources.map(mapped) }),
    ...(Array.isArray(body.targets) && { targets: body.targets.map(mapped) }),
  }
}

/** A copy in which the named members, where they exist, are replaced. */
function mapMembers(
  object: JsonObject,
  changes: Readonly<Record<string, (value: JsonValue) => JsonValue>>,
): JsonObject {
  const copy = { ...object }
  for (const [name, change] of Object.entries(changes)) {
    const value = copy[name]
    if (value !== undefined) copy[name] = change(value)
  }
  return copy
}

function mapValues(object: JsonObject, change: (value: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))
}

function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null))
}

function withoutNullsDeep(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value
  return mapMembers(withoutNulls(value), { credentials: withoutNullsDeep })
}

function objectsOf(value: JsonValue, change: (item: JsonObject) => JsonObject): JsonValue {
  return Array.isArray(value) ? value.filter(isJsonObject).map(change) : value
}

function textsOf(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value
  return mapValues(value, (item) => (typeof item === 'string' ? item : JSON.stringify(item)))
}

function onlyTexts(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, item]) => typeof item === 'string'))
}

function textItems(value: JsonValue): JsonValue {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : value
}

function distinct(value: JsonValue): JsonValue {
  return Array.isArray(value) ? [...new Set(value)] : value
}

function distinctTexts(value: JsonValue): JsonValue {
  return distinct(textItems(value))
}

function knownResponseTypes(value: JsonValue): JsonValue {
  const names: readonly JsonValue[] = RESPONSE_TYPES
  return Array.isArray(value) ? [...new Set(value.filter((item) => names.includes(item)))] : value
}

function isBlank(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && value.trim() === ''
}
