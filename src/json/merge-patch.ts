/** JSON Merge Patch (RFC 7396). Never mutates what it is given; the result may share parts with it. */
import { getOwn, setOwn } from './own.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './types.ts'

/**
 * The target after the patch (RFC 7396, section 2): members that are null in the patch are removed,
 * objects are merged, everything else replaces. `undefined` means that there is no target yet.
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch
  const result: JsonObject = isJsonObject(target) ? { ...target } : {}
  for (const name of Object.keys(patch)) {
    const change = patch[name]!
    if (change === null) delete result[name]
    else setOwn(result, name, mergePatch(getOwn(result, name), change))
  }
  return result
}
