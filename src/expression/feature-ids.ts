/** Which features a signal is about, for `feature:id`. Knows no placeholders. */
import { parsePointer } from '../json/pointer.ts'
import { isJsonObject, type JsonValue } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'

const NONE: readonly string[] = Object.freeze([])
const FEATURES = 'features'

/**
 * The ids of the features: the one in the path, or, of commands, responses and events about a whole
 * thing or all of its features, every one in the value.
 */
export function featureIdsOf({ topic, path, value }: Adaptable): readonly string[] {
  if (topic.group !== 'things') return NONE
  if (path.startsWith('/features/')) {
    const id = parsePointer(path)[1]
    return id === undefined ? NONE : [id]
  }
  if (topic.criterion !== 'commands' && topic.criterion !== 'events') return NONE
  // What is only read is touched by nobody.
  if (topic.action === 'retrieve') return NONE
  if (path === '/features') return memberNames(value)
  if (path === '/' && isJsonObject(value)) {
    return Object.hasOwn(value, FEATURES) ? memberNames(value[FEATURES]) : NONE
  }
  return NONE
}

function memberNames(value: JsonValue | undefined): readonly string[] {
  return isJsonObject(value) ? Object.keys(value) : NONE
}
