/**
 * What the schemas of this room have in common, and Ditto's errors for what they refuse. Knows no
 * field of a connection.
 */
import { z } from 'zod'
import { nearestHint } from '../json/nearest.ts'
import { formatPointer } from '../json/pointer.ts'
import { connectionConfigurationInvalid } from '../protocol/connectivity-errors.ts'
import type { DittoError } from '../protocol/errors.ts'
import { jsonFieldMissing, jsonInvalid, jsonTypeInvalid } from '../protocol/json-errors.ts'
import { mayBeShown } from './secrets.ts'

/** An object that has these fields and no others; the error of another one names the nearest. */
export function known<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? unknownText(issue, shape) : undefined),
  })
}

/** An integer of at least 1; `name` such as `client count`. */
export function positive(name: string) {
  return z.int().min(1, { error: `The ${name} must be positive!` })
}

/** What to call a value where a name should be; only of texts more than their type is repeated. */
export function nameText(value: unknown): string {
  return typeof value === 'string' ? value : typeof value
}

function unknownText(issue: { keys: readonly string[] }, shape: object): string {
  const names = Object.keys(shape)
  return nearestHint(issue.keys[0]!, names) || `Known fields are: ${names.join(', ')}.`
}

/** Ditto's names of JSON types, by zod's. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'String',
  int: 'Integer',
  number: 'Integer',
  boolean: 'Boolean',
  object: 'JsonObject',
  record: 'JsonObject',
  array: 'JsonArray',
}

/**
 * The first of the issues as an error: `json.field.missing`, `json.invalid` for wrong types and
 * values, `connectivity:connection.configuration.invalid` for unknown fields and bounds. Values are
 * repeated only where no secret can stand.
 */
export function errorOfIssues(issues: readonly z.core.$ZodIssue[], input: unknown): DittoError {
  const issue = issues[0]!
  const path = issue.path.map(String)
  const pointer = formatPointer(path)
  const value = valueAt(input, path)
  if (value === undefined) return jsonFieldMissing(pointer)
  switch (issue.code) {
    case 'unrecognized_keys': {
      const unknown = formatPointer([...path, issue.keys[0]!])
      return connectionConfigurationInvalid(`The field <${unknown}> is unknown.`, issue.message)
    }
    case 'too_small':
    case 'too_big':
      return connectionConfigurationInvalid(issue.message)
    case 'invalid_type': {
      const expected = TYPE_NAMES[issue.expected] ?? issue.expected
      if (mayBeShown(pointer)) return jsonTypeInvalid(value, pointer, expected)
      return jsonInvalid(`The value for <${pointer}> is not of type <${expected}>!`)
    }
    default:
      return jsonInvalid(issue.message)
  }
}

function valueAt(input: unknown, path: readonly string[]): unknown {
  let value = input
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return
    value = (value as Record<string, unknown>)[segment]
  }
  return value
}
