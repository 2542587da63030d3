/** The thing as far as an event tells: what filters and `thing-json:` look at. */
import { mergePatch } from '../json/merge-patch.ts'
import { parsePointer, setAt } from '../json/pointer.ts'
import { isJsonObject, type JsonObject } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import type { Signal } from '../protocol/signal.ts'

/**
 * Puts an event's value at its path into an otherwise empty thing, over the extra fields when there
 * are some. Commands and messages see only the extra fields: their value is not the thing's state.
 */
export function thingOf({ kind, adaptable, entityId }: Signal, extra: JsonObject = {}): JsonObject {
  const isEvent = kind === 'twin-event' || kind === 'live-event'
  const thing = isEvent ? told(adaptable, extra) : { ...extra }
  if (adaptable.topic.group === 'things') thing.thingId = entityId
  if (!isEvent) return thing
  const { revision, timestamp } = adaptable
  if (revision !== undefined) thing._revision = revision
  if (timestamp !== undefined) thing._modified = timestamp
  return thing
}

/** A new object. */
function told({ value, path, topic }: Adaptable, extra: JsonObject): JsonObject {
  if (value === undefined) return { ...extra }
  const pointer = parsePointer(path)
  if (topic.action !== 'merged') {
    if (pointer.length > 0) return setAt(extra, pointer, value)
    return isJsonObject(value) ? { ...extra, ...value } : { ...extra }
  }
  const patch = pointer.length > 0 ? setAt({}, pointer, value) : value
  return isJsonObject(patch) ? (mergePatch(extra, patch) as JsonObject) : { ...extra }
}
