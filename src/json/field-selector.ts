/**
 * Ditto's field selectors (Ditto documentation, "Partial requests"): `thingId,attributes(model,vin)`.
 * Which fields exist is none of this file's business.
 *
 * ```
 * selector = field *( "," field )
 * field    = pointer [ "(" selector ")" ]
 * ```
 */
import { DittoException } from '../protocol/errors.ts'
import { jsonFieldSelectorInvalid } from '../protocol/json-errors.ts'
import { getOwn, setOwn } from './own.ts'
import { parsePointer } from './pointer.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './types.ts'

/** Parentheses in parentheses; a bound because every level repeats the pointer before it. */
export const MAX_SELECTOR_NESTING = 32

/** Selects every member, as in `features/*\/properties/on`; a member of that very name goes first. */
const ANY_MEMBER = '*'

const DELIMITER = /[,()]/g

/**
 * The pointers that a selector names, in the order of the text. Blanks around a field are ignored.
 * Throws 400 `json.fieldselector.invalid`.
 */
export function parseFieldSelector(text: string): readonly (readonly string[])[] {
  const pointers: (readonly string[])[] = []
  const prefixes: (readonly string[])[] = [[]]
  let start = 0
  let afterGroup = false
  for (const { 0: delimiter, index } of text.matchAll(DELIMITER)) {
    const field = text.slice(start, index).trim()
    const prefix = prefixes.at(-1)!
    start = index + 1
    if (afterGroup ? field !== '' || delimiter === '(' : field === '') throw invalid(text)
    if (delimiter === '(') {
      if (prefixes.length > MAX_SELECTOR_NESTING) throw invalid(text)
      prefixes.push([...prefix, ...parsePointer(field)])
      continue
    }
    if (!afterGroup) pointers.push([...prefix, ...parsePointer(field)])
    afterGroup = delimiter === ')'
    if (afterGroup) {
      prefixes.pop()
      if (prefixes.length === 0) throw invalid(text)
    }
  }
  const last = text.slice(start).trim()
  if (prefixes.length !== 1 || (last === '') !== afterGroup) throw invalid(text)
  if (!afterGroup) pointers.push(parsePointer(last))
  return pointers
}

/**
 * A new object with only what the pointers name; what does not exist is left out. Members keep the
 * order of the pointers. A `*` selects every member of an object.
 */
export function selectFields(
  object: JsonObject,
  pointers: readonly (readonly string[])[],
): JsonObject {
  const selected: JsonObject = {}
  for (const pointer of pointers) {
    if (pointer.length === 0) return object
    copySelected(object, selected, pointer, 0)
  }
  return selected
}

function copySelected(
  from: JsonObject,
  to: JsonObject,
  pointer: readonly string[],
  depth: number,
): void {
  const segment = pointer[depth]!
  if (segment === ANY_MEMBER && !Object.hasOwn(from, segment)) {
    for (const name of Object.keys(from)) copyMember(from, to, name, pointer, depth)
  } else {
    copyMember(from, to, segment, pointer, depth)
  }
}

function copyMember(
  from: JsonObject,
  to: JsonObject,
  name: string,
  pointer: readonly string[],
  depth: number,
): void {
  const value = getOwn(from, name)
  if (value === undefined) return
  const rest = depth + 1
  if (rest === pointer.length) {
    setOwn(to, name, value)
    return
  }
  if (!isJsonObject(value)) return
  const already: JsonValue | undefined = getOwn(to, name)
  // The whole member was selected by an earlier pointer.
  if (already === value) return
  const child: JsonObject = isJsonObject(already) ? already : {}
  copySelected(value, child, pointer, rest)
  if (already === undefined && Object.keys(child).length > 0) setOwn(to, name, child)
}

function invalid(text: string): DittoException {
  return new DittoException(jsonFieldSelectorInvalid(text))
}
