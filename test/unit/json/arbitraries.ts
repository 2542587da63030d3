/** Random JSON for property tests; member names like `__proto__`, `~1` and `a/b` come up often. */
import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../../src/json/types.ts'

const NASTY_NAMES = ['__proto__', 'constructor', 'toString', 'a/b', '~', '~1', '~01', '*', 'a', 'b']

/** A member name; never empty, as pointers cannot name the empty one. */
export const memberName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...NASTY_NAMES),
  fc.string({ minLength: 1, maxLength: 8 }),
)

const { value, object } = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, 0, -1, 1.5, '', 'text', '{{ thing:id }}'),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  // Through JSON.parse, so that `__proto__` is an own member as in foreign JSON.
  object: fc
    .array(fc.tuple(memberName, tie('value')), { maxLength: 4 })
    .map((members) => JSON.parse(objectText(members))),
}))

/** Any JSON value. */
export const jsonValue: fc.Arbitrary<JsonValue> = value

/** Any JSON object. */
export const jsonObject: fc.Arbitrary<JsonObject> = object

function objectText(members: readonly (readonly [string, JsonValue])[]): string {
  const texts = members.map(([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`)
  return `{${texts.join(',')}}`
}
