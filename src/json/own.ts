/**
 * Own members of JSON objects, safe for every name a device may choose: `__proto__` is a member like
 * any other here. Everything in this room that reads or writes a member by name goes through this file.
 */
import type { JsonObject, JsonValue } from './types.ts'

/** The own member of that name; undefined when there is none, inherited ones included. */
export function getOwn(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** Sets an own member in place. */
export function setOwn(object: JsonObject, name: string, value: JsonValue): void {
  if (name === '__proto__') {
    // Plain assignment would call the setter of Object.prototype and change what the object inherits.
    Object.defineProperty(object, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  } else {
    object[name] = value
  }
}

/** A shallow copy without the member of that name. */
export function without(object: JsonObject, name: string): JsonObject {
  const copy: JsonObject = {}
  for (const key of Object.keys(object)) {
    if (key !== name) setOwn(copy, key, object[key]!)
  }
  return copy
}
