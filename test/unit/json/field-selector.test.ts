import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  MAX_SELECTOR_NESTING,
  parseFieldSelector,
  selectFields,
} from '../../../src/json/field-selector.ts'
import { formatPointer, getAt, parsePointer } from '../../../src/json/pointer.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import { jsonObject } from './arbitraries.ts'

const it = suite('json/field-selector')

const THING: JsonObject = {
  thingId: 'acme:car',
  attributes: { model: 'x', place: { lat: 1, lon: 2 } },
  features: {
    lamp: { properties: { on: true, color: 'red' } },
    motor: { properties: { on: false, rpm: 0 } },
  },
}

it('reads fields, pointers and groups', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['thingId', ['/thingId']],
    ['a,b/c,d(e,f/g)', ['/a', '/b/c', '/d/e', '/d/f/g']],
    ['/a,/b/c', ['/a', '/b/c']],
    ['a(b(c,d),e),f', ['/a/b/c', '/a/b/d', '/a/e', '/f']],
    ['features/*/properties(on,rpm)', ['/features/*/properties/on', '/features/*/properties/rpm']],
    ['a , b ( c , d )', ['/a', '/b/c', '/b/d']],
    ['attributes/a~1b', ['/attributes/a~1b']],
  ]
  for (const [text, expected] of cases) {
    assert.equal(parseFieldSelector(text).map(formatPointer), expected, text)
  }
})

it('refuses what is no selector', () => {
  const tooDeep = `${'a('.repeat(MAX_SELECTOR_NESTING + 1)}b${')'.repeat(MAX_SELECTOR_NESTING + 1)}`
  const wrong = ['', ' ', ',', 'a,', ',a', 'a,,b', 'a(', 'a(b', 'a)', 'a(b))', ')(', 'a()', 'a(b)c']
  for (const text of [...wrong, '(a)', 'a(b)(c)', 'a(,b)', 'a(b,)', tooDeep]) {
    assert.throws(
      () => parseFieldSelector(text),
      (error: unknown) =>
        error instanceof DittoException &&
        error.error.status === 400 &&
        error.error.error === 'json.fieldselector.invalid' &&
        error.error.message === `The field selector <${text}> is invalid!`,
      text,
    )
  }
})

it('reads nesting up to its limit', () => {
  const text = `${'a('.repeat(MAX_SELECTOR_NESTING)}b${')'.repeat(MAX_SELECTOR_NESTING)}`
  assert.is(parseFieldSelector(text)[0]!.length, MAX_SELECTOR_NESTING + 1)
})

it('selects what exists and leaves out the rest', () => {
  const cases: readonly (readonly [string, JsonObject])[] = [
    ['thingId,policyId', { thingId: 'acme:car' }],
    ['attributes(model,place/lat)', { attributes: { model: 'x', place: { lat: 1 } } }],
    ['attributes/place/lat,attributes/place', { attributes: { place: { lat: 1, lon: 2 } } }],
    ['attributes,attributes/model', { attributes: { model: 'x', place: { lat: 1, lon: 2 } } }],
    ['attributes/unknown/deeper', {}],
    ['attributes/model/deeper', {}],
    [
      'features/*/properties/on',
      { features: { lamp: { properties: { on: true } }, motor: { properties: { on: false } } } },
    ],
    ['features/*/properties/rpm', { features: { motor: { properties: { rpm: 0 } } } }],
    ['constructor,__proto__', {}],
  ]
  for (const [text, expected] of cases) {
    assert.equal(selectFields(THING, parseFieldSelector(text)), expected, text)
  }
})

it('takes a member named * before it takes every member', () => {
  assert.equal(selectFields({ a: { '*': 1, b: 2 } }, [['a', '*']]), { a: { '*': 1 } })
})

it('changes nothing of what it selects from', () => {
  const before = JSON.stringify(THING)
  selectFields(THING, parseFieldSelector('attributes/place/lat,attributes/model,attributes'))
  assert.is(JSON.stringify(THING), before)
})

it('selects of any object what the pointer finds', () => {
  fc.assert(
    fc.property(jsonObject, (object) => {
      for (const name of Object.keys(object)) {
        if (name === '*') continue
        const selected = selectFields(object, [parsePointer(formatPointer([name]))])
        assert.equal(Object.keys(selected), [name])
        assert.ok(getAt(selected, [name]) === getAt(object, [name]))
      }
    }),
  )
})
