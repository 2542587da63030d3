import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { mergePatch } from '../../../src/json/merge-patch.ts'
import { isJsonObject, type JsonValue } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { jsonObject, jsonValue } from './arbitraries.ts'

const it = suite('json/merge-patch')

it('does what the examples of RFC 7396, appendix A, say', () => {
  const cases: readonly (readonly [JsonValue, JsonValue, JsonValue])[] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, expected] of cases) {
    assert.equal(mergePatch(target, patch), expected, JSON.stringify(patch))
  }
})

it('merges into nothing as into an empty object', () => {
  assert.equal(mergePatch(undefined, { a: { b: null, c: 1 } }), { a: { c: 1 } })
})

it('changes neither target nor patch', () => {
  fc.assert(
    fc.property(jsonValue, jsonValue, (target, patch) => {
      const before = JSON.stringify([target, patch])
      mergePatch(target, patch)
      assert.is(JSON.stringify([target, patch]), before)
    }),
  )
})

it('comes to the same when the patch is applied twice', () => {
  fc.assert(
    fc.property(jsonValue, jsonValue, (target, patch) => {
      const once = mergePatch(target, patch)
      assert.is(JSON.stringify(mergePatch(once, patch)), JSON.stringify(once))
    }),
  )
})

it('keeps what the patch does not name and has no null that only the patch brought', () => {
  fc.assert(
    fc.property(jsonObject, jsonObject, (target, patch) => {
      const result = mergePatch(target, patch)
      if (!isJsonObject(result)) throw new Error('two objects merge into an object')
      for (const name of Object.keys(target)) {
        if (!Object.hasOwn(patch, name)) assert.ok(result[name] === target[name])
      }
      for (const name of Object.keys(patch)) {
        assert.is(Object.hasOwn(result, name), patch[name] !== null, name)
      }
      assert.is(Object.getPrototypeOf(result), Object.prototype)
    }),
  )
})

it('merges __proto__ as a member like any other', () => {
  const patch: JsonValue = JSON.parse('{"__proto__":{"polluted":true},"a":{"__proto__":null}}')
  const result = mergePatch(JSON.parse('{"a":{"__proto__":1}}'), patch)
  assert.is(JSON.stringify(result), '{"a":{},"__proto__":{"polluted":true}}')
  assert.is(({} as Record<string, unknown>).polluted, undefined)
})
