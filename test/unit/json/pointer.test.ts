import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { formatPointer, getAt, parsePointer, removeAt, setAt } from '../../../src/json/pointer.ts'
import type { JsonObject, JsonValue } from '../../../src/json/types.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import { jsonObject, jsonValue, memberName } from './arbitraries.ts'

const it = suite('json/pointer')
const segments = fc.array(memberName, { maxLength: 5 })
const path = fc.array(memberName, { minLength: 1, maxLength: 5 })

it('reads pointers with and without leading slash, and escapes', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['/', []],
    ['/a', ['a']],
    ['a', ['a']],
    ['a/b', ['a', 'b']],
    ['/a/b/', ['a', 'b']],
    ['/a~1b/c~0d', ['a/b', 'c~d']],
    ['/~01', ['~1']],
    ['/a~2', ['a~2']],
    ['/features/a b/ü', ['features', 'a b', 'ü']],
  ]
  for (const [text, expected] of cases) assert.equal(parsePointer(text), expected, text)
})

it('refuses consecutive slashes', () => {
  for (const text of ['//', '//a', '/a//b', 'a//', '/a/b//']) {
    assert.throws(
      () => parsePointer(text),
      (error: unknown) =>
        error instanceof DittoException && error.error.error === 'json.pointer.invalid',
      text,
    )
  }
})

it('reads back what it formats', () => {
  fc.assert(
    fc.property(segments, (given) => assert.equal(parsePointer(formatPointer(given)), given)),
  )
})

it('finds own members only, and nothing inside arrays and scalars', () => {
  const thing: JsonObject = { a: { b: [1], c: null, d: 'text' } }
  const cases: readonly (readonly [string, JsonValue | undefined])[] = [
    ['/', thing],
    ['/a/b', [1]],
    ['/a/c', null],
    ['/a/b/0', undefined],
    ['/a/d/length', undefined],
    ['/a/c/x', undefined],
    ['/x/y', undefined],
    ['/constructor', undefined],
    ['/__proto__/toString', undefined],
  ]
  for (const [pointer, expected] of cases) {
    assert.equal(getAt(thing, parsePointer(pointer)), expected, pointer)
  }
})

it('finds what it has set, and changes nothing else', () => {
  fc.assert(
    fc.property(jsonObject, path, jsonValue, (object, where, value) => {
      const before = JSON.stringify(object)
      const after = setAt(object, where, value)
      assert.equal(JSON.stringify(getAt(after, where)), JSON.stringify(value))
      assert.is(JSON.stringify(object), before)
      for (const name of Object.keys(object)) {
        if (name !== where[0]) assert.ok(getAt(after, [name]) === getAt(object, [name]))
      }
      assert.is(Object.getPrototypeOf(after), Object.prototype)
    }),
  )
})

it('creates missing parents and replaces parents that are no objects', () => {
  assert.equal(setAt({}, ['a', 'b'], 1), { a: { b: 1 } })
  assert.equal(setAt({ a: 7, z: 0 }, ['a', 'b'], 1), { a: { b: 1 }, z: 0 })
  assert.equal(setAt({ a: [1, 2] }, ['a', '0'], 1), { a: { 0: 1 } })
})

it('keeps the order of members when it replaces one', () => {
  assert.is(JSON.stringify(setAt({ a: 1, b: 2, c: 3 }, ['b'], 4)), '{"a":1,"b":4,"c":3}')
})

it('lets only an object become the root', () => {
  assert.equal(setAt({ a: 1 }, [], { b: 2 }), { b: 2 })
  assert.throws(() => setAt({ a: 1 }, [], 'text'), TypeError)
})

it('sets __proto__ as a member like any other', () => {
  const after = setAt({}, ['__proto__', 'polluted'], true)
  assert.is(JSON.stringify(after), '{"__proto__":{"polluted":true}}')
  assert.is(({} as JsonObject).polluted, undefined)
  assert.is(Object.getPrototypeOf(after), Object.prototype)
})

it('finds nothing where it has removed, and removing again changes nothing', () => {
  fc.assert(
    fc.property(jsonObject, path, jsonValue, (object, where, value) => {
      const full = setAt(object, where, value)
      const before = JSON.stringify(full)
      const less = removeAt(full, where)
      assert.is(getAt(less, where), undefined)
      assert.is(JSON.stringify(full), before)
      assert.is(removeAt(less, where), less)
    }),
  )
})

it('gives the same object back when there is nothing to remove', () => {
  const object: JsonObject = { a: { b: 1 }, c: [1] }
  for (const pointer of ['/x', '/a/x', '/a/b/x', '/c/0', '/constructor', '/a/__proto__']) {
    assert.is(removeAt(object, parsePointer(pointer)), object, pointer)
  }
})

it('leaves parents in place, even empty ones', () => {
  assert.equal(removeAt({ a: { b: 1 } }, ['a', 'b']), { a: {} })
  assert.equal(removeAt({ a: 1 }, []), {})
})
