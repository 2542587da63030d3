import * as assert from 'uvu/assert'
import { DittoException } from '../../../src/protocol/errors.ts'
import { COMPARISONS, type RqlNode, type RqlValue } from '../../../src/rql/ast.ts'
import { compileRql } from '../../../src/rql/evaluate.ts'
import { MAX_RQL_DEPTH, parseRql } from '../../../src/rql/parser.ts'
import { suite } from '../../support/suite.ts'
import { assertTellsWhere } from './support.ts'

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
    [`'\\u0041\\'\\/\\\\'`, `A'/\\`],
    ['-0.0', -0],
    ['0.50', 0.5],
    ['-9223372036854775808', -(2 ** 63)],
    ['time:now_epoch_millis+1d', { time: 'now_epoch_millis+1d' }],
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
    ['eq(attributes/a,-0)', /position 16: expected an integer without sign/],
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
    ['eq("a",1)', /^Unknown property name: \. .*position 3: expected thingId, /],
    ['eq(attributes,1)', /^Unknown property name: attributes\. .*position 3/],
    ['eq(color,1)', /^Unknown property name: color\. .*position 3/],
    ['eq(thingid,1)', /^Unknown property name: thingid\. Did you mean <thingId>\?/],
    ['eq( thingId,1)', /^Unknown property name: {2}thingId\. .*position 3/],
    ['eq(header:a,1)', /^Unknown property name: header:a\. /],
    ['eq(policy:id,1)', /^Unknown property name: policy:id\. /],
    ['eq(topic:color,1)', /^Unknown property name: topic:color\. /],
    ['eq(resource:id,1)', /^Unknown property name: resource:id\. /],
    ['eq(time:then,1)', /^Unknown property name: time:then\. /],
    ['eq(feature:name,1)', /^Unknown property name: feature:name\. /],
    ['eq(features/a,1)', /^Unknown property name: features\/a\. /],
    ['eq(features/a/properties,1)', /^Unknown property name/],
    ['eq(features/a/properties/,1)', /^Unknown property name/],
    ['exists(features/a/other)', /position 7: expected .*features\/<id>, /],
    ['exists(features/)', /^Unknown property name/],
    ['exists(features/a/)', /^Unknown property name/],
    ['and(exists(thingId),eq(attributes/a//b,1))', /a\/\/b\. .*position 23/],
    [`eq(${'x'.repeat(200)},1)`, /^Unknown property name: x{100}…\. /],
    ['exists(\ud83d\ude00)', /name: \u{1f600}\. /u],
    ['like(attributes/a,time:now)', /position 18: expected a string/],
    [`like(attributes/a,"*${'?'.repeat(65)}*")`, /position 18: expected at most 64 characters/],
    ['in(attributes/a,1,)', /position 18: expected a number/],
    ['in(attributes/a,1, 2)', /position 18: expected a number/],
    ['eq(attributes/a,TRUE)', /position 16: expected a number/],
    ['eq(attributes/a,truely)', /position 20: expected '\)'/],
    ['eq(attributes/a,undefined)', /position 16/],
    ['eq(attributes/a,topic:action)', /position 16/],
    ['eq(attributes/a,time:)', /position 21: expected a time/],
    ['eq(attributes\\xa,1)', /position 14: expected ", \\, /],
    [`eq(attributes/a,'b")`, /position 20: expected ''', but found the end/],
    ['not()', /position 4: expected one of the operators/],
    ['exists()', /^Unknown property name: \. .*position 7/],
    ['or(exists(thingId),)', /position 19: expected one of the operators/],
    ['exists(thingId)exists(thingId)', /position 15: expected the end/],
    ['\u00a0exists(thingId)', /position 0: expected one of the operators/],
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
      assertTellsWhere(error.message, text)
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
