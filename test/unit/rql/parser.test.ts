import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { DittoException } from '../../../src/protocol/errors.ts'
import { COMPARISONS, type RqlNode, type RqlValue } from '../../../src/rql/ast.ts'
import { compileRql } from '../../../src/rql/evaluate.ts'
import { MAX_RQL_DEPTH, parseRql } from '../../../src/rql/parser.ts'
import { printRql } from '../../../src/rql/print.ts'
import { suite } from '../../support/suite.ts'
import { contextWith } from '../expression/contexts.ts'

const it = suite('rql parser')

it('gives the tree of every operator', () => {
  const exists: RqlNode = { kind: 'exists', property: 'attributes/a' }
  const cases: [text: string, node: RqlNode][] = [
    ...COMPARISONS.map((operator): [string, RqlNode] => [
      `${operator}(attributes/a,"b")`,
      { kind: 'compare', operator, property: 'attributes/a', value: 'b' },
    ]),
    ['in(attributes/a,1,"2")', { kind: 'in', property: 'attributes/a', values: [1, '2'] }],
    ['exists(attributes/a)', exists],
    ['empty(features/f)', { kind: 'empty', property: 'features/f' }],
    ['not(exists(attributes/a))', { kind: 'not', child: exists }],
    ['and(exists(attributes/a))', { kind: 'and', children: [exists] }],
    [
      ' \n\tor(exists(attributes/a), \texists(attributes/a))',
      { kind: 'or', children: [exists, exists] },
    ],
  ]
  for (const [text, node] of cases) assert.equal(parseRql(text), node, text)
})

it('reads every kind of value', () => {
  const cases: [text: string, value: RqlValue][] = [
    ['0', 0],
    ['-5', -5],
    ['+5', 5],
    ['10.50', 10.5],
    ['-0.5', -0.5],
    ['9223372036854775807', 2 ** 63],
    ['true', true],
    ['false', false],
    ['null', null],
    ['1 ', 1],
    ['"x" \t', 'x'],
    ['""', ''],
    [`'it\\'s "so"'`, `it's "so"`],
    [`"it's \\"so\\""`, `it's "so"`],
    ['"\\\\ \\/ \\b\\f\\n\\r\\t \\u00e4"', '\\ / \b\f\n\r\t ä'],
    ['time:now', { time: 'now' }],
    ['time:now-1h[h] ', { time: 'now-1h[h]' }],
    ['"a,b)"', 'a,b)'],
  ]
  for (const [text, value] of cases) {
    const node = parseRql(`eq(attributes/a,${text})`)
    assert.equal(node, { kind: 'compare', operator: 'eq', property: 'attributes/a', value }, text)
  }
})

it('refuses what is no RQL, with position and expectation', () => {
  const cases: [text: string, message: RegExp][] = [
    ['', /position 0: expected one of the operators eq.*found the end/],
    ['foo(a,1)', /position 0: expected one of the operators.*found 'foo\(a,1\)'/],
    ['EQ(attributes/a,1)', /position 0/],
    ['eq', /position 2: expected '\('/],
    ['eq (attributes/a,1)', /position 2: expected '\('/],
    ['eq(attributes/a)', /position 15: expected ','/],
    ['eq(attributes/a,)', /position 16: expected a number/],
    ['eq(attributes/a, 1)', /position 16: expected a number/],
    ['eq(attributes/a,1', /position 17: expected '\)'.*the end/],
    ['eq(attributes/a,1))', /position 18: expected the end/],
    ['eq(attributes/a,1) ', /position 18: expected the end/],
    ['eq(attributes/a,1,2)', /position 17: expected '\)'/],
    ['eq(attributes/a,"b)', /expected '"'/],
    ['eq(attributes/a,"\\x")', /position 18: expected ", \\, \//],
    ['eq(attributes/a,"\\u12")', /position 18/],
    [`eq(attributes/a,'\\"')`, /position 18/],
    ['eq(attributes/a,01)', /position 17: expected '\)'/],
    ['eq(attributes/a,1.)', /position 17/],
    ['eq(attributes/a,.5)', /position 16/],
    ['eq(attributes/a,1e5)', /position 17/],
    ['eq(attributes/a,-0)', /position 16: expected a number that fits/],
    ['eq(attributes/a,9223372036854775808)', /position 16: expected a number that fits/],
    [`eq(attributes/a,${'9'.repeat(400)}.5)`, /expected a number that fits/],
    ['eq(attributes/a,time:then)', /position 21: expected a time/],
    ['eq(attributes/a,header:b)', /position 16/],
    ['like(attributes/a,1)', /position 18: expected a string/],
    ['ilike(attributes/a,null)', /position 19: expected a string/],
    ['in(attributes/a)', /position 15: expected ','/],
    ['and()', /position 4: expected one of the operators/],
    ['and(exists(attributes/a) ,exists(attributes/a))', /position 24: expected '\)'/],
    ['not(exists(attributes/a),exists(attributes/a))', /position 24: expected '\)'/],
    ['eq("a",1)', /Unknown property name/],
    ['eq(attributes,1)', /^Unknown property name: attributes$/],
    ['eq(color,1)', /^Unknown property name: color$/],
    ['eq( thingId,1)', /^Unknown property name: {2}thingId$/],
    ['eq(header:a,1)', /^Unknown property name: header:a$/],
    ['eq(topic:color,1)', /^Unknown property name: topic:color$/],
    ['eq(features/a,1)', /^Unknown property name: features\/a$/],
    ['eq(features/a/properties,1)', /^Unknown property name/],
    ['exists(features/a/other)', /^Unknown property name/],
    ['exists(features/)', /^Unknown property name/],
    ['eq(attributes/a//b,1)', /a\/\/b/],
  ]
  for (const [text, message] of cases) {
    try {
      parseRql(text)
      assert.unreachable(`accepted ${text}`)
    } catch (thrown) {
      assert.instance(thrown, DittoException, text)
      const { error } = thrown as DittoException
      assert.is(error.status, 400)
      assert.is(error.error, 'rql.expression.invalid')
      assert.match(error.message, message, text)
    }
  }
})

it('bounds how deep operators are nested', () => {
  const nested = (depth: number) =>
    `${'not('.repeat(depth)}exists(attributes/a)${')'.repeat(depth)}`
  assert.is(parseRql(nested(MAX_RQL_DEPTH - 1)).kind, 'not')
  assert.throws(() => parseRql(nested(MAX_RQL_DEPTH)), /64 operators within each other/)
  assert.throws(() => parseRql(nested(100_000)), /within each other/)
  let node: RqlNode = { kind: 'exists', property: 'attributes/a' }
  for (let depth = 0; depth < MAX_RQL_DEPTH; depth++) node = { kind: 'not', child: node }
  assert.throws(() => compileRql(node), /nested too deeply/)
})

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
  fc.constantFrom('thingId', '_modified', 'topic:action', 'features/f/properties/on'),
  fc
    .string({ unit: 'binary' })
    .filter((name) => !name.includes('//') && !name.startsWith('/'))
    .map((name) => `attributes/${name}`),
)

const { node } = fc.letrec<{ node: RqlNode }>((tie) => ({
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
}))

it('prints what parses to the same tree', () => {
  fc.assert(
    fc.property(node, (tree) => {
      const text = printRql(tree)
      assert.equal(parseRql(text), tree, text)
      assert.is(printRql(parseRql(text)), text)
    }),
    { numRuns: 500 },
  )
})

it('never throws anything but its own errors, whatever the text', () => {
  const mutated = fc
    .tuple(node.map(printRql), fc.nat(), fc.nat(5), fc.string({ unit: 'binary', maxLength: 3 }))
    .map(([text, at, cut, extra]) => {
      const start = at % (text.length + 1)
      return text.slice(0, start) + extra + text.slice(start + cut)
    })
  const subject = { thing: { attributes: { a: 1 } }, context: contextWith() }
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string({ unit: 'binary' })), (text) => {
      try {
        compileRql(text).matches(subject)
      } catch (thrown) {
        assert.instance(thrown, DittoException, text)
      }
    }),
    { numRuns: 1_000 },
  )
})

it('takes time in proportion to the text', () => {
  const start = performance.now()
  parseRql(`in(attributes/a,${'"x",'.repeat(100_000)}"y")`)
  assert.throws(() => parseRql(`eq(attributes/a,"${'\\n'.repeat(200_000)}`))
  assert.ok(performance.now() - start < 2_000)
})
