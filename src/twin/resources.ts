/**
 * Where the resource that a command addresses is in the JSON of its thing. What paths there are is
 * `protocol/resource.ts`'s business.
 */
import { formatPointer, parsePointer } from '../json/pointer.ts'
import { DittoException } from '../protocol/errors.ts'
import { unknownPath } from '../protocol/protocol-errors.ts'
import { type ThingResource, thingResourceOf } from '../protocol/resource.ts'

/** A resource: what it is, and where it is in the JSON of its thing. */
export interface Resource {
  readonly kind: ThingResource
  /** Segments from the root of the thing, unescaped. */
  readonly pointer: readonly string[]
  /** The path as responses and events carry it: a slash at the beginning, none at the end. */
  readonly path: string
}

/**
 * The resource that a path addresses. Throws 400 `protocoladapter:unknown.path`, and
 * `json.pointer.invalid` for consecutive slashes.
 */
export function resourceOf(path: string): Resource {
  const pointer = parsePointer(path)
  const canonical = isCanonical(path) ? path : formatPointer(pointer)
  const kind = thingResourceOf(canonical)
  if (kind === undefined) throw new DittoException(unknownPath(path))
  return { kind, pointer, path: canonical }
}

/** The id of the feature that a resource is, or is a part of. */
export function featureIdOf(resource: Resource): string {
  return resource.pointer[1]!
}

/** Of an attribute, a property or a desired property: the pointer within its parent, `/a/b`. */
export function innerPointerOf(resource: Resource): string {
  return formatPointer(resource.pointer.slice(resource.kind === 'attribute' ? 1 : 3))
}

function isCanonical(path: string): boolean {
  return path === '/' || (path.startsWith('/') && !path.endsWith('/'))
}
