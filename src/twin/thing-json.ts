/**
 * What may be stored in a thing: checks the value of a command against the resource it is for and
 * brings it into Ditto's form (only known members of things and features, in Ditto's order). The same
 * rules hold for whole values and for merge patches; only what a null means differs.
 */
import { getOwn, setOwn } from '../json/own.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { parsePolicyId } from '../protocol/entity-id.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import { jsonFieldMissing, jsonTypeInvalid } from '../protocol/json-errors.ts'
import {
  policyIdNotDeletable,
  thingIdNotDeletable,
  thingIdNotSettable,
} from '../protocol/things-errors.ts'
import { definitionInvalid, featureDefinitionEmpty, jsonKeyInvalid } from './errors.ts'
import { isAddressable } from './names.ts'
import type { Resource } from './resources.ts'

/** Whether a value replaces what is there, or is a JSON merge patch of it (RFC 7396). */
export type ValueUse = 'replace' | 'patch'

/**
 * The value in Ditto's form. Throws 400: `json.field.missing` for no value, `json.invalid` for a value
 * of the wrong type, `json.key.invalid`, `things:id.notsettable`, `things:id.notdeletable`,
 * `things:policyId.notdeletable`, `policies:id.invalid`, `things:definition.identifier.invalid`,
 * `things:feature.definition.empty`.
 */
export function checkedValue(
  resource: Resource,
  value: JsonValue | undefined,
  thingId: string,
  use: ValueUse,
): JsonValue {
  if (value === undefined) throw new DittoException(jsonFieldMissing('/value'))
  const { path, forbiddenName } = resource
  if (forbiddenName !== undefined) refuse(jsonKeyInvalid(forbiddenName))
  switch (resource.kind) {
    case 'thing':
      return checkedThing(value, thingId, use)
    case 'policyId':
      return checkedPolicyId(value, path, use)
    case 'definition':
      return value === null && use === 'patch' ? null : checkedDefinition(value, path)
    case 'features':
      return checkedFeatures(value, path)
    case 'feature':
      return checkedFeature(value, path)
    case 'featureDefinition':
      return checkedFeatureDefinition(value, path)
    case 'attributes':
    case 'featureProperties':
    case 'featureDesiredProperties':
      return checkedObject(value, path)
    default:
      checkMembers(value)
      return value
  }
}

function checkedThing(value: JsonValue, thingId: string, use: ValueUse): JsonObject {
  const given = objectOf(value, '/')
  const { thingId: givenId, policyId, definition, attributes, features } = given
  if (givenId === null && use === 'patch') refuse(thingIdNotDeletable())
  if (givenId !== undefined && givenId !== null && givenId !== thingId) refuse(thingIdNotSettable())
  const thing: JsonObject = {}
  if (typeof givenId === 'string' || use === 'replace') thing.thingId = thingId
  if (policyId !== undefined && (policyId !== null || use === 'patch')) {
    thing.policyId = checkedPolicyId(policyId, '/policyId', use)
  }
  if (definition !== undefined) {
    thing.definition = definition === null ? null : checkedDefinition(definition, '/definition')
  }
  if (attributes !== undefined) thing.attributes = checkedObject(attributes, '/attributes')
  if (features !== undefined) thing.features = checkedFeatures(features, '/features')
  return thing
}

function checkedPolicyId(value: JsonValue, path: string, use: ValueUse): JsonValue {
  if (value === null && use === 'patch') refuse(policyIdNotDeletable())
  if (typeof value !== 'string') return refuse(jsonTypeInvalid(value, path, 'String'))
  parsePolicyId(value)
  return value
}

const DEFINITION = /^[_a-zA-Z0-9\-.]+:[_a-zA-Z0-9\-.]+:[_a-zA-Z0-9\-.]+$/

function checkedDefinition(value: JsonValue, path: string): JsonValue {
  if (typeof value !== 'string') return refuse(jsonTypeInvalid(value, path, 'String'))
  if (!DEFINITION.test(value) && !isHttpUrl(value)) refuse(definitionInvalid(value))
  return value
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text)
}

function checkedFeatures(value: JsonValue, path: string): JsonValue {
  if (value === null) return null
  const given = objectOf(value, path)
  const features: JsonObject = {}
  for (const id of Object.keys(given)) {
    checkName(id)
    setOwn(features, id, checkedFeature(given[id]!, `${path}/${id}`))
  }
  return features
}

function checkedFeature(value: JsonValue, path: string): JsonValue {
  if (value === null) return null
  const { definition, properties, desiredProperties } = objectOf(value, path)
  const feature: JsonObject = {}
  if (definition !== undefined) {
    feature.definition = checkedFeatureDefinition(definition, `${path}/definition`)
  }
  if (properties !== undefined) {
    feature.properties = checkedObject(properties, `${path}/properties`)
  }
  if (desiredProperties !== undefined) {
    feature.desiredProperties = checkedObject(desiredProperties, `${path}/desiredProperties`)
  }
  return feature
}

function checkedFeatureDefinition(value: JsonValue, path: string): JsonValue {
  if (value === null) return null
  if (!Array.isArray(value)) return refuse(jsonTypeInvalid(value, path, 'JsonArray'))
  if (value.length === 0) refuse(featureDefinitionEmpty())
  for (const identifier of value) checkedDefinition(identifier, path)
  return value
}

function checkedObject(value: JsonValue, path: string): JsonValue {
  if (value === null) return null
  const object = objectOf(value, path)
  checkMembers(object)
  return object
}

function objectOf(value: JsonValue, path: string): JsonObject {
  return isJsonObject(value) ? value : refuse(jsonTypeInvalid(value, path, 'JsonObject'))
}

/** Checks the names in objects within objects, as Ditto does; objects in arrays are free. */
function checkMembers(value: JsonValue): void {
  if (!isJsonObject(value)) return
  for (const name of Object.keys(value)) {
    checkName(name)
    checkMembers(getOwn(value, name)!)
  }
}

function checkName(name: string): void {
  if (!isAddressable(name)) refuse(jsonKeyInvalid(name))
}

function refuse(error: DittoError): never {
  throw new DittoException(error)
}
