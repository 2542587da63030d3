/** The thing as far as an event tells: what filters and `thing-json:` look at. */
import { mergePatch } from '../json/merge-patch.ts'
import { parsePointer, setAt } from '../json/pointer.ts'
import { isJsonObject, type JsonObject } from '../json/types.ts'
import type { Signal } from '../protocol/signal.ts'

/**
 * Puts an event's value at its path into an otherwise empty thing, over the extra fields when there
 * are some. Commands and messages see only the extra fields: their value is not the thing's state.
 */
export function thingOf({ kind, adaptable, entityId }: Signal, extra?: JsonObject): JsonObject {
  const known: JsonObject = { ...extra, thingId: entityId }
  if (kind !== 'twin-event' && kind !== 'live-event') return known
  const { value, path, revision, timestamp } = adaptable
  if (revision !== undefined) known._revision = revision
  if (timestamp !== undefined) known._modified = timestamp
  if (value === undefined) return known
  const segments = parsePointer(path)
  const told = segments.length === 0 ? value : setAt({}, segments, value)
  if (extra === undefined) return isJsonObject(told) ? { ...told, ...known } : known
  return mergePatch(known, told) as JsonObject
}
