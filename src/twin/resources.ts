/**
 * Where the resource that a command addresses is in the JSON of its thing. What paths there are is
 * `protocol/resource.ts`'s business.
 */
import { formatPointer, parsePointer } from '../json/pointer.ts'
import { DittoException } from '../protocol/errors.ts'
import { unknownPath } from '../protocol/protocol-errors.ts'
import { type ThingResource, thingResourceOf } from '../protocol/resource.ts'
import { isAddressable } from './names.ts'

/** A resource: what it is, and where it is in the JSON of its thing. */
export interface Resource {
  readonly kind: ThingResource
  /** Segments from the root of the thing, unescaped. */
  readonly pointer: readonly string[]
  /** The path as responses and events carry it: a slash at the beginning, none at the end. */
  readonly path: string
  /** A segment that no member of a thing may be called; nothing can be stored there. */
  readonly forbiddenName: string | undefined
}

/** Paths kept parsed, per thread: devices repeat theirs, and many devices have the same. */
const MAX_CACHED_PATHS = 10_000
/** Longer ones are parsed again each time, so that the cache stays small whatever arrives. */
const MAX_CACHED_PATH_CHARS = 256

const cache = new Map<string, Resource>()

/**
 * The resource that a path addresses; it is shared and must not be changed. Throws 400
 * `protocoladapter:unknown.path`, and `json.pointer.invalid` for consecutive slashes.
 */
export function resourceOf(path: string): Resource {
  const cached = cache.get(path)
  if (cached !== undefined) return cached
  const resource = parse(path)
  if (path.length <= MAX_CACHED_PATH_CHARS) {
    if (cache.size >= MAX_CACHED_PATHS) cache.clear()
    cache.set(path, resource)
  }
  return resource
}

/** The id of the feature that a resource is, or is a part of. */
export function featureIdOf(resource: Resource): string {
  return resource.pointer[1]!
}

/** Of an attribute, a property or a desired property: the pointer within its parent, `/a/b`. */
export function innerPointerOf(resource: Resource): string {
  return formatPointer(resource.pointer.slice(resource.kind === 'attribute' ? 1 : 3))
}

function parse(path: string): Resource {
  const pointer = parsePointer(path)
  const canonical = isCanonical(path) ? path : formatPointer(pointer)
  const kind = thingResourceOf(canonical)
  if (kind === undefined) throw new DittoException(unknownPath(path))
  const forbiddenName = pointer.find((segment) => !isAddressable(segment))
  return { kind, pointer, path: canonical, forbiddenName }
}

function isCanonical(path: string): boolean {
  return path === '/' || (path.startsWith('/') && !path.endsWith('/'))
}
