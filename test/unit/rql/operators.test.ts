/** Every operator with every kind of field and value, from one table of how the two relate. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { JsonObject, JsonValue } from '../../../src/json/types.ts'
import { compileRql } from '../../../src/rql/evaluate.ts'
import { suite } from '../../support/suite.ts'
import { contextWith, NOW_MS } from '../expression/contexts.ts'

const it = suite('rql operators')

/** How a field relates to a value; without order nothing matches but `ne`. */
type Relation = '<' | '=' | '>' | 'no order'

const MISSING = Symbol('missing')

const now = new Date(NOW_MS).toISOString()

const RELATIONS: readonly [field: JsonValue | typeof MISSING, value: string, Relation][] = [
  // Numbers, as decimals.
  [5, '5', '='],
  [5, '5.0', '='],
  [5, '+5', '='],
  [5, '6', '<'],
  [5, '4.999', '>'],
  [-5, '-4', '<'],
  [0, '-0.0', '='],
  [0.1, '0.10', '='],
  [1e3, '1000', '='],
  // Text, by code units.
  ['abc', '"abc"', '='],
  ['abc', "'abc'", '='],
  ['abc', '"ABC"', '>'],
  ['abc', '"abcd"', '<'],
  ['10', '"9"', '<'],
  ['5.0', '"5"', '>'],
  ['', '""', '='],
  ['', '" "', '<'],
  ['ä', '"z"', '>'],
  ['ä', '"\\u00e4"', '='],
  ['it\'s "so"', `'it\\'s "so"'`, '='],
  // Text with numbers: as numbers if it is one, by its text otherwise.
  ['10', '9', '>'],
  ['10', '10.0', '='],
  ['1e1', '10', '='],
  ['-.5', '-0.5', '='],
  ['+5.', '5', '='],
  ['0x10', '16', '<'],
  ['', '0', '<'],
  [' 5', '5', '<'],
  ['5 ', '5', '>'],
  ['Infinity', '5', '>'],
  ['five', '5', '>'],
  [10, '"9"', '>'],
  [10, '"10.00"', '='],
  [10, '"ten"', '<'],
  [10, '""', '>'],
  // Booleans, and everything else of different types, by their text.
  [true, 'true', '='],
  [false, 'true', '<'],
  [true, 'false', '>'],
  [true, '"true"', '='],
  ['true', 'true', '='],
  [true, '"TRUE"', '>'],
  [true, '1', '>'],
  [1, 'true', '<'],
  [false, '""', '>'],
  // Null equals itself and has no order.
  [null, 'null', '='],
  [null, '"null"', 'no order'],
  [null, '0', 'no order'],
  [null, '""', 'no order'],
  [null, 'false', 'no order'],
  ['null', 'null', 'no order'],
  [0, 'null', 'no order'],
  [false, 'null', 'no order'],
  ['', 'null', 'no order'],
  // What is missing relates to nothing, objects neither.
  [MISSING, 'null', 'no order'],
  [MISSING, '0', 'no order'],
  [MISSING, '""', 'no order'],
  [{}, 'null', 'no order'],
  [{ a: 1 }, '1', 'no order'],
  [[], 'null', 'no order'],
  [[{ a: 1 }], '1', 'no order'],
  // An array of one is as good as that one, however deep.
  [[5], '5', '='],
  [[[['abc']]], '"abd"', '<'],
  [[null], 'null', '='],
  // Moments.
  [now, 'time:now', '='],
  [now, 'time:now-1ms', '>'],
  [now, 'time:now+1d', '<'],
  [now, 'time:now[y]', '>'],
  [NOW_MS, 'time:now_epoch_millis', '='],
  [NOW_MS, 'time:now_epoch_millis-1h', '>'],
  [String(NOW_MS), 'time:now_epoch_millis', '='],
  [null, 'time:now', 'no order'],
]

const HOLDS: Readonly<Record<string, (relation: Relation, value: string) => boolean>> = {
  eq: (relation) => relation === '=',
  ne: (relation) => relation !== '=',
  in: (relation) => relation === '=',
  gt: (relation) => relation === '>',
  ge: (relation, value) => relation === '>' || (relation === '=' && value !== 'null'),
  lt: (relation) => relation === '<',
  le: (relation, value) => relation === '<' || (relation === '=' && value !== 'null'),
}

function matches(expression: string, thing: JsonObject): boolean {
  return compileRql(expression).matches({ thing, context: contextWith() })
}

it('compares every kind of field with every kind of value', () => {
  for (const [field, value, relation] of RELATIONS) {
    const some = field === MISSING ? {} : { x: field as JsonValue }
    const [attributes, properties, desiredProperties] = [some, some, some]
    const thing = { attributes, features: { f: { properties, desiredProperties } } }
    for (const [operator, holds] of Object.entries(HOLDS)) {
      for (const path of [
        'attributes/x',
        '/attributes/x',
        'features/f/properties/x',
        'features/f/desiredProperties/x',
      ]) {
        const expression = `${operator}(${path},${value})`
        const expected = holds(relation, value)
        const title = `${expression} of ${String(JSON.stringify(some))}`
        assert.is(matches(expression, thing), expected, title)
        assert.is(matches(`not(${expression})`, thing), !expected, `not ${title}`)
      }
    }
  }
})

it('takes any element of an array, and ne none', () => {
  const thing = { attributes: { x: [1, 'b', null, [true, [7]], { y: 9 }] } }
  const cases: readonly [string, boolean][] = [
    ['eq(attributes/x,1)', true],
    ['eq(attributes/x,"b")', true],
    ['eq(attributes/x,null)', true],
    ['eq(attributes/x,true)', true],
    ['eq(attributes/x,7)', true],
    ['eq(attributes/x,9)', false],
    ['ne(attributes/x,1)', false],
    ['ne(attributes/x,9)', true],
    ['gt(attributes/x,6)', true],
    ['lt(attributes/x,1)', false],
    ['in(attributes/x,0,7)', true],
    ['in(attributes/x,0,8)', false],
    ['like(attributes/x,"?")', true],
    ['like(attributes/x,"t*e")', true],
    ['like(attributes/x,"null")', false],
    ['ilike(attributes/x,"B")', true],
  ]
  for (const [expression, expected] of cases) {
    assert.is(matches(expression, thing), expected, expression)
  }
})

it('matches the text of numbers and booleans, and neither null nor what is missing', () => {
  const attributes = { text: 'Ab*c', number: 12.5, yes: true, nothing: null, object: { a: 'a' } }
  const cases: readonly [string, boolean][] = [
    ['like(attributes/text,"Ab*")', true],
    ['like(attributes/text,"ab*")', false],
    ['ilike(attributes/text,"aB*C")', true],
    ['like(attributes/number,"12.?")', true],
    ['like(attributes/number,"12??")', true],
    ['like(attributes/number,"12?")', false],
    ['like(attributes/yes,"t*")', true],
    ['ilike(attributes/yes,"TRUE")', true],
    ['like(attributes/nothing,"*")', false],
    ['ilike(attributes/nothing,"*")', false],
    ['like(attributes/missing,"*")', false],
    ['like(attributes/object,"*")', false],
    ['like(thingId,"a:*")', false],
    ['like(topic:full,"org.acme/*/things/*/modify")', true],
    ['ilike(resource:path,"/FEATURES/*")', true],
  ]
  for (const [expression, expected] of cases) {
    assert.is(matches(expression, { attributes }), expected, expression)
  }
})

it('finds nested paths, escaped slashes and odd names', () => {
  const thing: JsonObject = {
    attributes: {
      a: { b: { c: 1 } },
      'a/b': { '~': 2 },
      '~1': 3,
      'with space': 4,
      "it's": 5,
      '': 6,
      '*': 7,
      'x"y,z)': 8,
      list: [{ deep: [{ er: 9 }, { er: [10] }] }, [{ deep: { er: 11 } }], 12],
    },
    features: { 'f:1.0': { properties: { 'a/b': { '~': 13 } } }, '*': { properties: { a: 14 } } },
  }
  const cases: readonly [string, number | undefined][] = [
    ['attributes/a/b/c', 1],
    ['/attributes/a/b/c', 1],
    ['attributes/a/b/c/', 1],
    ['attributes/a~1b/~0', 2],
    ['attributes/~01', 3],
    ['attributes/with space', 4],
    ["attributes/it's", 5],
    ['attributes/*', 7],
    ['attributes/x\\"y\\u002cz\\u0029', 8],
    ['attributes/list/deep/er', 9],
    ['attributes/list/deep/er', 10],
    ['features/f:1.0/properties/a~1b/~0', 13],
    ['features/*/properties/a', 14],
    ['attributes/a/b', undefined],
    ['attributes/a~1b', undefined],
    ['attributes/list/0', undefined],
    ['attributes/toString', undefined],
    ['attributes/__proto__/a', undefined],
  ]
  for (const [path, value] of cases) {
    assert.is(matches(`eq(${path},${value ?? 1})`, thing), value !== undefined, path)
  }
  assert.not(matches('eq(attributes/list/deep/er,11)', thing), 'arrays in arrays hold no objects')
})

it('takes a star in a feature id for itself', () => {
  const thing = { features: { lamp: { properties: { on: true } } } }
  assert.not(matches('eq(features/*/properties/on,true)', thing))
  assert.not(matches('exists(features/*)', thing))
  assert.not(matches('exists(features/*/properties/on)', thing))
  assert.ok(matches('empty(features/*/properties/on)', thing))
})

it('compares metadata and what Sluice keeps of a thing, and hides the latter from presence', () => {
  const thing: JsonObject = {
    thingId: 'ns:t',
    _namespace: 'ns',
    _revision: 12,
    _created: '2026-03-01T00:00:00.000Z',
    _modified: now,
    _metadata: { attributes: { a: { unit: 'K', sources: ['x', 'y'] } } },
  }
  const cases: readonly [string, boolean][] = [
    ['eq(_revision,12)', true],
    ['gt(_revision,"11.5")', true],
    ['lt(_created,"2026-03-02")', true],
    ['lt(_created,time:now)', true],
    ['ge(_modified,time:now)', true],
    ['eq(_namespace,"ns")', true],
    ['in(namespace,"other","ns")', true],
    ['like(namespace,"n?")', true],
    ['eq(_metadata/attributes/a/unit,"K")', true],
    ['eq(_metadata/attributes/a/sources,"y")', true],
    ['eq(_metadata/attributes/b/unit,"K")', false],
    ['ne(_metadata/attributes/b/unit,"K")', true],
    ['exists(_metadata/attributes/a/unit)', true],
    ['exists(_metadata/attributes/b)', false],
    ['empty(_metadata/attributes/b)', true],
    ['eq(_metadata,"K")', false],
    ['exists(thingId)', true],
    ['exists(policyId)', false],
    ['empty(policyId)', true],
    ...['_revision', '_created', '_modified', '_namespace', '_metadata'].flatMap(
      (name): [string, boolean][] => [
        [`exists(${name})`, false],
        [`empty(${name})`, true],
      ],
    ),
  ]
  for (const [expression, expected] of cases) {
    assert.is(matches(expression, thing), expected, expression)
  }
})

it('compares placeholders, whatever the thing holds', () => {
  const thing = { topic: 'x', 'topic:action': 'x' }
  const cases: readonly [string, boolean][] = [
    ["eq(topic:full,'org.acme/lamp/things/twin/commands/modify')", true],
    ["eq(topic:namespace,'org.acme')", true],
    ["eq(topic:entityName,'lamp')", true],
    ["eq(topic:group,'things')", true],
    ["eq(topic:channel,'twin')", true],
    ["eq(topic:criterion,'commands')", true],
    ["in(topic:action,'create','modify')", true],
    ["eq(topic:action-subject,'modify')", true],
    ["eq(topic:subject,'modify')", false],
    ["ne(topic:subject,'modify')", true],
    ['exists(topic:subject)', false],
    ['empty(topic:subject)', true],
    ["eq(resource:type,'thing')", true],
    ["eq(resource:path,'/features/bulb/properties/on')", true],
    ["eq(entity:id,'org.acme:lamp')", true],
    ["eq(entity:namespace,'org.acme')", true],
    ["eq(thing:name,'lamp')", true],
    ["eq(/thing:name,'lamp')", true],
    ["eq(feature:id,'bulb')", true],
    ['exists(feature:id)', true],
    ['ge(time:now_epoch_millis,time:now_epoch_millis-1s)', true],
    [`eq(time:now_epoch_millis,${NOW_MS})`, true],
    ['exists(time:now)', true],
    ['empty(time:now)', false],
  ]
  for (const [expression, expected] of cases) {
    assert.is(matches(expression, thing), expected, expression)
  }
})

it('takes exactly the decimals of text for numbers', () => {
  const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
  const text = fc.array(fc.constantFrom(...'01+-.eExXbo_ \nI'), { maxLength: 6 })
  fc.assert(
    fc.property(text, (parts) => {
      const x = parts.join('')
      const isZero = decimal.test(x) ? Number(x) === 0 : x === '0'
      assert.is(matches('eq(attributes/x,0)', { attributes: { x } }), isZero, JSON.stringify(x))
    }),
    { numRuns: 5_000 },
  )
})

it('looks at the clock anew for every evaluation', () => {
  let at = NOW_MS
  const context = contextWith({ now: () => at })
  const thing = { _modified: now }
  const isNow = compileRql('eq(_modified,time:now)')
  assert.ok(isNow.matches({ thing, context }))
  at += 1
  assert.not(isNow.matches({ thing, context }))
  at -= 1
  assert.ok(isNow.matches({ thing, context }))
})
