/** Finding the parts of a thing, and saying exactly what is missing when there is none. */
import { getAt } from '../json/pointer.ts'
import type { JsonObject, JsonValue } from '../json/types.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import type { ThingResource } from '../protocol/resource.ts'
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
  if (value !== undefined) return value
  requireFeature(thing, resource, thingId)
  const { kind, pointer } = resource
  const container = CONTAINERS.get(kind)
  const isContained =
    container === undefined || getAt(thing, pointer.slice(0, container.depth)) !== undefined
  const missing = isContained ? kind : container.kind
  throw new DittoException(notFound(missing, resource, thingId))
}

/**
 * Throws unless the resource is there and can be deleted: the 404 of its feature, or as Ditto does for
 * deletions, its own.
 */
export function requireIn(thing: JsonObject, resource: Resource, thingId: string): void {
  if (getAt(thing, resource.pointer) !== undefined) return
  requireFeature(thing, resource, thingId)
  throw new DittoException(notFound(resource.kind, resource, thingId))
}

/** Throws 404 `things:feature.notfound` when the resource is within a feature that is not there. */
export function requireFeature(thing: JsonObject, resource: Resource, thingId: string): void {
  const { pointer } = resource
  if (pointer.length <= 2 || pointer[0] !== 'features') return
  if (getAt(thing, pointer.slice(0, 2)) === undefined) {
    throw new DittoException(notFound('feature', resource, thingId))
  }
}

/** What free pointers are in, and how many segments lead there. */
const CONTAINERS: ReadonlyMap<ThingResource, { kind: ThingResource; depth: number }> = new Map<
  ThingResource,
  { kind: ThingResource; depth: number }
>([
  ['attribute', { kind: 'attributes', depth: 1 }],
  ['featureProperty', { kind: 'featureProperties', depth: 3 }],
  ['featureDesiredProperty', { kind: 'featureDesiredProperties', depth: 3 }],
])

/** The 404 that says: there is no such part, where the resource is. */
function notFound(kind: ThingResource, resource: Resource, thingId: string): DittoError {
  switch (kind) {
    case 'thing':
      return thingNotFound(thingId)
    case 'policyId':
      return policyIdNotFound(thingId)
    case 'definition':
      return definitionNotFound(thingId)
    case 'attributes':
      return attributesNotFound(thingId)
    case 'attribute':
      return attributeNotFound(thingId, innerPointerOf(resource))
    case 'features':
      return featuresNotFound(thingId)
    case 'feature':
      return featureNotFound(thingId, featureIdOf(resource))
    case 'featureDefinition':
      return featureDefinitionNotFound(thingId, featureIdOf(resource))
    case 'featureProperties':
      return featurePropertiesNotFound(thingId, featureIdOf(resource))
    case 'featureProperty':
      return featurePropertyNotFound(thingId, featureIdOf(resource), innerPointerOf(resource))
    case 'featureDesiredProperties':
      return featureDesiredPropertiesNotFound(thingId, featureIdOf(resource))
    case 'featureDesiredProperty':
      return featureDesiredPropertyNotFound(
        thingId,
        featureIdOf(resource),
        innerPointerOf(resource),
      )
  }
}
