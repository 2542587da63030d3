/** Finding the parts of a thing, and saying exactly what is missing when there is none. */
import { getAt } from '../json/pointer.ts'
import type { JsonObject, JsonValue } from '../json/types.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import {
  attributeNotFound,
  attributesNotFound,
  definitionNotFound,
  featureDefinitionNotFound,
  featureDesiredPropertiesNotFound,
  featureDesiredPropertyNotFound,
  featureNotFound,
  featurePropertiesNotFound,
  featurePropertyNotFound,
  featuresNotFound,
  policyIdNotFound,
  thingNotFound,
} from '../protocol/things-errors.ts'
import { featureIdOf, innerPointerOf, type Resource } from './resources.ts'

/** The value of a resource. Throws the 404 of the outermost part that is missing. */
export function findIn(thing: JsonObject, resource: Resource, thingId: string): JsonValue {
  const value = getAt(thing, resource.pointer)
  if (value === undefined) throw new DittoException(missing(thing, resource, thingId))
  return value
}

/** Throws 404 `things:feature.notfound` when the resource is within a feature that is not there. */
export function requireFeature(thing: JsonObject, resource: Resource, thingId: string): void {
  if (!isWithinFeature(resource)) return
  if (getAt(thing, resource.pointer.slice(0, 2)) === undefined) {
    throw new DittoException(featureNotFound(thingId, featureIdOf(resource)))
  }
}

function isWithinFeature({ pointer }: Resource): boolean {
  return pointer.length > 2 && pointer[0] === 'features'
}

function missing(thing: JsonObject, resource: Resource, thingId: string): DittoError {
  requireFeature(thing, resource, thingId)
  const featureId = featureIdOf(resource)
  switch (resource.kind) {
    case 'thing':
      return thingNotFound(thingId)
    case 'policyId':
      return policyIdNotFound(thingId)
    case 'definition':
      return definitionNotFound(thingId)
    case 'attributes':
      return attributesNotFound(thingId)
    case 'attribute':
      return thing.attributes === undefined
        ? attributesNotFound(thingId)
        : attributeNotFound(thingId, innerPointerOf(resource))
    case 'features':
      return featuresNotFound(thingId)
    case 'feature':
      return featureNotFound(thingId, featureId)
    case 'featureDefinition':
      return featureDefinitionNotFound(thingId, featureId)
    case 'featureProperties':
      return featurePropertiesNotFound(thingId, featureId)
    case 'featureProperty':
      return hasParent(thing, resource)
        ? featurePropertyNotFound(thingId, featureId, innerPointerOf(resource))
        : featurePropertiesNotFound(thingId, featureId)
    case 'featureDesiredProperties':
      return featureDesiredPropertiesNotFound(thingId, featureId)
    case 'featureDesiredProperty':
      return hasParent(thing, resource)
        ? featureDesiredPropertyNotFound(thingId, featureId, innerPointerOf(resource))
        : featureDesiredPropertiesNotFound(thingId, featureId)
  }
}

/** Whether the (desired) properties that the resource is in are there. */
function hasParent(thing: JsonObject, resource: Resource): boolean {
  return getAt(thing, resource.pointer.slice(0, 3)) !== undefined
}
