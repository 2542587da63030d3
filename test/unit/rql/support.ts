/** Trees of RQL for fast-check, and what every error of the parser must tell. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { RqlNode, RqlValue } from '../../../src/rql/ast.ts'

/** Fails unless the message has a position in the text and says what was expected there. */
export function assertTellsWhere(message: string, text: string): void {
  const [, position] = /at position (\d+): expected .+, but found .+\.$/s.exec(message) ?? []
  assert.ok(position !== undefined, `${message} of ${text}`)
  assert.ok(Number(position) <= text.length, `${message} of ${text}`)
}

const value: fc.Arbitrary<RqlValue> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom({ time: 'now' }, { time: 'now_epoch_millis-3mo[w]' }),
)

const recordOf = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true })

const property = fc.oneof(
  fc.constantFrom(
    'thingId',
    '/policyId',
    '_modified',
    '_metadata/attributes/a',
    'topic:action',
    'time:now-1h',
    'features/f/properties/on',
    'features/f/desiredProperties/a~1b',
  ),
  fc
    .string({ unit: 'binary' })
    .filter((name) => !name.includes('//') && !name.startsWith('/'))
    .map((name) => `attributes/${name}`),
)

/** Any tree that the parser can give. */
export const anyTree: fc.Arbitrary<RqlNode> = fc.letrec<{ node: RqlNode }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    recordOf({
      kind: fc.constant('compare' as const),
      operator: fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le'),
      property,
      value,
    }),
    recordOf({
      kind: fc.constant('compare' as const),
      operator: fc.constantFrom('like', 'ilike'),
      property,
      value: fc.string(),
    }),
    recordOf({
      kind: fc.constant('in' as const),
      property,
      values: fc.array(value, { minLength: 1, maxLength: 4 }),
    }),
    recordOf({ kind: fc.constantFrom('exists', 'empty'), property }),
    recordOf({ kind: fc.constant('not' as const), child: tie('node') }),
    recordOf({
      kind: fc.constantFrom('and', 'or'),
      children: fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
    }),
  ) as fc.Arbitrary<RqlNode>,
})).node
