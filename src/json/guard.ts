/**
 * The door through which foreign JSON comes in: text becomes a value, and a value that is nested so
 * deeply or named so oddly that it would hurt code behind the door is turned away.
 */
import { DittoException } from '../protocol/errors.ts'
import { jsonInvalid } from '../protocol/json-errors.ts'
import { formatPointer } from './pointer.ts'
import type { JsonValue } from './types.ts'

/** Objects and arrays within each other; far more than devices need, far less than a stack holds. */
export const DEFAULT_MAX_JSON_DEPTH = 128

/**
 * Throws 400 `json.invalid`, naming the pointer, when objects and arrays are nested deeper than
 * `maxDepth` (a scalar has depth 0, `{}` has depth 1), a member is named `__proto__` or a number is too
 * large.
 */
export function checkJsonShape(value: JsonValue, maxDepth = DEFAULT_MAX_JSON_DEPTH): void {
  if (typeof value !== 'object' || value === null) return
  const trouble = findTrouble(value, maxDepth)
  if (trouble === undefined) return
  const pointer = formatPointer(trouble.path.reverse())
  throw new DittoException(
    jsonInvalid(
      {
        depth: `The JSON is nested deeper than ${maxDepth} levels at <${pointer}>.`,
        name: `The JSON has a member with a forbidden name at <${pointer}>.`,
        number: `The JSON has a number out of the range of doubles at <${pointer}>.`,
      }[trouble.kind],
    ),
  )
}

/**
 * Parses JSON text and checks its shape. Throws 400 `json.invalid` with line, column and reason. The
 * text itself is not repeated: it may hold secrets.
 */
export function parseJsonStrict(text: string, maxDepth = DEFAULT_MAX_JSON_DEPTH): JsonValue {
  let value: JsonValue
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new DittoException(jsonInvalid(`Failed to parse JSON: ${reasonOf(cause, text)}`), {
      cause,
    })
  }
  checkJsonShape(value, maxDepth)
  return value
}

/** `path` is built on the way back, innermost segment first: the good case allocates nothing. */
interface Trouble {
  readonly kind: 'depth' | 'name' | 'number'
  readonly path: string[]
}

function findTrouble(value: object, depthLeft: number): Trouble | undefined {
  if (depthLeft === 0) return { kind: 'depth', path: [] }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const trouble = troubleWithin(value[index], depthLeft - 1)
      if (trouble !== undefined) return at(String(index), trouble)
    }
    return undefined
  }
  for (const name in value) {
    if (name === '__proto__') return { kind: 'name', path: [name] }
    const trouble = troubleWithin((value as Record<string, unknown>)[name], depthLeft - 1)
    if (trouble !== undefined) return at(name, trouble)
  }
  return undefined
}

function troubleWithin(value: unknown, depthLeft: number): Trouble | undefined {
  if (typeof value === 'object' && value !== null) return findTrouble(value, depthLeft)
  // The only way in for what JSON cannot write again: 1e400.
  return value === Infinity || value === -Infinity ? { kind: 'number', path: [] } : undefined
}

function at(segment: string, trouble: Trouble): Trouble {
  trouble.path.push(segment)
  return trouble
}

/** What is wrong and where, of the text that `JSON.parse` refused with `cause`. */
function reasonOf(cause: unknown, text: string): string {
  const message = cause instanceof Error ? cause.message : String(cause)
  const reason = /^.*?(?= in JSON|, [".]| after JSON at|$)/s.exec(message)![0]
  const position = positionIn(message) ?? lengthOfGoodPart(text)
  const before = text.slice(0, position)
  const line = before.split('\n').length
  const column = position - before.lastIndexOf('\n')
  return `${reason} at line ${line}, column ${column}.`
}

function positionIn(message: string): number | undefined {
  const found = /at position (\d+)/.exec(message)
  return found === null ? undefined : Number(found[1])
}

/**
 * Where the text stops being JSON, for the errors of V8 that quote the text instead of telling the
 * position. Every prefix of a good beginning is one too: so the end of it can be searched by halves.
 */
function lengthOfGoodPart(text: string): number {
  let good = 0
  let bad = text.length + 1
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1
    if (canBeginJson(text.slice(0, middle))) good = middle
    else bad = middle
  }
  return good
}

function canBeginJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    const position = positionIn(message)
    return position === undefined ? message.startsWith('Unexpected end') : position >= text.length
  }
}
