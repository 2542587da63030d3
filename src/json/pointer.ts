/**
 * JSON pointers as Ditto writes them (RFC 6901; the leading slash may be missing, `/` is the root), and
 * reading and copy-on-write of what they point to. Pointers lead through objects only: Ditto addresses
 * no array elements. Knows nothing of things.
 */
import { DittoException } from '../protocol/errors.ts'
import { jsonPointerInvalid } from '../protocol/json-errors.ts'
import { getOwn, setOwn, without } from './own.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './types.ts'

const ROOT: readonly string[] = Object.freeze([])

/**
 * The segments of a pointer, unescaped; `''` and `/` are the root, `[]`. One slash at the end is
 * ignored. Throws 400 `json.pointer.invalid` for consecutive slashes, which Ditto does not support.
 */
export function parsePointer(text: string): readonly string[] {
  if (text === '' || text === '/') return ROOT
  const escaped = text.includes('~')
  const segments: string[] = []
  let start = text.startsWith('/') ? 1 : 0
  // Several times faster than split, and every command on a twin comes by here.
  while (start < text.length) {
    const slash = text.indexOf('/', start)
    if (slash === start) throw new DittoException(jsonPointerInvalid(text))
    const segment = slash === -1 ? text.slice(start) : text.slice(start, slash)
    segments.push(escaped ? unescapeSegment(segment) : segment)
    start = slash === -1 ? text.length : slash + 1
  }
  return segments
}

/** The pointer of these segments, with leading slash; `/` for the root. */
export function formatPointer(segments: readonly string[]): string {
  if (segments.length === 0) return '/'
  let text = ''
  for (const segment of segments) text += `/${escapeSegment(segment)}`
  return text
}

/** What the segments point to; undefined when there is nothing. */
export function getAt(
  value: JsonValue | undefined,
  segments: readonly string[],
): JsonValue | undefined {
  let current = value
  for (const segment of segments) {
    if (!isJsonObject(current)) return undefined
    current = getOwn(current, segment)
  }
  return current
}

/**
 * A copy of the object in which the segments point to the value. Missing parents are created; parents
 * that are no objects are replaced by objects. For the root the value itself must be an object.
 */
export function setAt(
  object: JsonObject,
  segments: readonly string[],
  value: JsonValue,
): JsonObject {
  const result = setFrom(object, segments, 0, value)
  if (!isJsonObject(result)) throw new TypeError('the root of a JSON object cannot become a scalar')
  return result
}

/**
 * A copy of the object without what the segments point to; the object itself when they point to
 * nothing. Parents stay, even empty. Removing the root leaves an empty object.
 */
export function removeAt(object: JsonObject, segments: readonly string[]): JsonObject {
  return segments.length === 0 ? {} : removeFrom(object, segments, 0)
}

function setFrom(
  parent: JsonValue | undefined,
  segments: readonly string[],
  depth: number,
  value: JsonValue,
): JsonValue {
  const segment = segments[depth]
  if (segment === undefined) return value
  const copy = isJsonObject(parent) ? { ...parent } : {}
  setOwn(copy, segment, setFrom(getOwn(copy, segment), segments, depth + 1, value))
  return copy
}

function removeFrom(parent: JsonObject, segments: readonly string[], depth: number): JsonObject {
  const segment = segments[depth]!
  const child = getOwn(parent, segment)
  if (child === undefined) return parent
  if (depth === segments.length - 1) return without(parent, segment)
  if (!isJsonObject(child)) return parent
  const rest = removeFrom(child, segments, depth + 1)
  if (rest === child) return parent
  const copy = { ...parent }
  setOwn(copy, segment, rest)
  return copy
}

function unescapeSegment(segment: string): string {
  // RFC 6901, section 4: `~1` first, so that `~01` becomes `~1` and not `/`.
  return segment.replaceAll('~1', '/').replaceAll('~0', '~')
}

function escapeSegment(segment: string): string {
  if (!segment.includes('~') && !segment.includes('/')) return segment
  return segment.replaceAll('~', '~0').replaceAll('/', '~1')
}
