/**
 * Ways through the JSON of a thing: pointers lead through arrays to every object in them (Ditto
 * documentation, "RQL expressions"). Knows no operators.
 */
import { getOwn } from '../json/own.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import type { Operand, Scalar, Test } from './comparison.ts'

/**
 * Whether the test holds for any scalar that the pointer names; arrays at its end count with all
 * their elements, objects never match.
 */
export function anyMatches(
  thing: JsonObject | undefined,
  pointer: readonly string[],
  test: Test,
  operand: Operand,
): boolean {
  return thing !== undefined && anyMatchesFrom(thing, pointer, 0, test, operand)
}

function anyMatchesFrom(
  value: JsonValue,
  pointer: readonly string[],
  level: number,
  test: Test,
  operand: Operand,
): boolean {
  if (level === pointer.length) return anyLeafMatches(value, test, operand)
  if (Array.isArray(value)) {
    for (const element of value) {
      if (isJsonObject(element) && anyMatchesFrom(element, pointer, level, test, operand))
        return true
    }
    return false
  }
  const member = memberOf(value, pointer[level]!)
  return member !== undefined && anyMatchesFrom(member, pointer, level + 1, test, operand)
}

function anyLeafMatches(value: JsonValue, test: Test, operand: Operand): boolean {
  if (!Array.isArray(value)) return !isJsonObject(value) && test(value as Scalar, operand)
  for (const element of value) {
    if (anyLeafMatches(element, test, operand)) return true
  }
  return false
}

/** Whether the pointer, from its `level` on, names anything in the value; null is something. */
export function isPresentAt(
  value: JsonValue | undefined,
  pointer: readonly string[],
  level: number,
): boolean {
  if (value === undefined) return false
  if (level === pointer.length) return true
  if (Array.isArray(value)) {
    for (const element of value) {
      if (isJsonObject(element) && isPresentAt(element, pointer, level)) return true
    }
    return false
  }
  return isPresentAt(memberOf(value, pointer[level]!), pointer, level + 1)
}

/**
 * Whether the pointer names nothing, null, an empty text, array or object; a `feature` is empty
 * without definition and properties. An array on the way makes a list, empty if nothing is found.
 */
export function isEmptyAt(
  thing: JsonObject | undefined,
  pointer: readonly string[],
  feature: boolean,
): boolean {
  let value: JsonValue | undefined = thing
  for (let level = 0; level < pointer.length; level++) {
    if (Array.isArray(value)) return !isPresentAt(value, pointer, level)
    value = memberOf(value, pointer[level]!)
  }
  if (feature && isJsonObject(value))
    return FEATURE_PARTS.every((part) => !Object.hasOwn(value, part))
  return isEmptyValue(value)
}

const FEATURE_PARTS = ['definition', 'properties', 'desiredProperties']

function isEmptyValue(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isJsonObject(value) && Object.keys(value).length === 0
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) ? getOwn(value, name) : undefined
}
