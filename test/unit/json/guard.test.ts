import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { checkJsonShape, DEFAULT_MAX_JSON_DEPTH, parseJsonStrict } from '../../../src/json/guard.ts'
import { errorOf } from '../../support/ditto-error.ts'
import { suite } from '../../support/suite.ts'

const it = suite('json/guard')

it('parses JSON', () => {
  assert.equal(parseJsonStrict(' {"a":[1,null,{"b":"text"}]} '), { a: [1, null, { b: 'text' }] })
  assert.is(parseJsonStrict('7'), 7)
})

it('says what is wrong and where', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'Unexpected end of JSON input at line 1, column 1.'],
    ['{"a":1,}', 'Expected double-quoted property name at line 1, column 8.'],
    ["{'a':1}", "Expected property name or '}' at line 1, column 2."],
    ['{"a": undefined}', "Unexpected token 'u' at line 1, column 7."],
    ['{\n  "a": 1,\n  "b": tru\n}', "Unexpected token '\n' at line 3, column 11."],
    ['{}}', 'Unexpected non-whitespace character at line 1, column 3.'],
    [`{"long":"${'x'.repeat(200)}",\n"b":nope}`, "Unexpected token 'o' at line 2, column 6."],
  ]
  for (const [text, reason] of cases) {
    const error = errorOf(() => parseJsonStrict(text))
    assert.is(error.status, 400)
    assert.is(error.error, 'json.invalid')
    assert.is(error.message, `Failed to parse JSON: ${reason}`)
  }
})

it('does not repeat the text, which may hold secrets', () => {
  for (const text of ['{"password":"hunter2",x}', '{"p":hunter2}', '"hunter2']) {
    assert.not.match(errorOf(() => parseJsonStrict(text)).message, /hunter|unter2/)
  }
})

it('accepts and refuses exactly what JSON.parse does', () => {
  const fragment = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', 'a', '1', '-', 'e', ' ', '\\')
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
      const text = fragments.join('')
      let expected: string | undefined
      try {
        expected = JSON.stringify(JSON.parse(text))
      } catch {
        assert.match(errorOf(() => parseJsonStrict(text)).message, /at line 1, column \d+\.$/)
        return
      }
      assert.is(JSON.stringify(parseJsonStrict(text)), expected)
    }),
  )
})

it('refuses numbers that it could not write again', () => {
  for (const text of ['{"a":[1e400]}', '{"a":[-1e400]}', `{"a":[${'9'.repeat(400)}]}`]) {
    assert.is(
      errorOf(() => parseJsonStrict(text)).message,
      'The JSON has a number out of the range of doubles at </a/0>.',
    )
  }
  assert.equal(parseJsonStrict('{"a":[1e308,1e-400]}'), { a: [1e308, 0] })
})

it('refuses JSON that is nested too deeply, in objects and in arrays', () => {
  assert.is(checkJsonShape({ a: [{ b: 1 }] }, 3), undefined)
  assert.is(checkJsonShape('scalar', 0), undefined)
  assert.is(
    errorOf(() => checkJsonShape({ a: [0, { b: 1 }] }, 2)).message,
    'The JSON is nested deeper than 2 levels at </a/1>.',
  )
  const levels = 100_000
  const deep = '['.repeat(levels) + ']'.repeat(levels)
  assert.match(errorOf(() => parseJsonStrict(deep)).message, /nested deeper than 128 levels/)
  assert.is(DEFAULT_MAX_JSON_DEPTH, 128)
})

it('refuses members named __proto__, however they are spelled', () => {
  for (const text of ['{"a/b":[{"__proto__":1}]}', '{"a/b":[{"\\u005f_proto__":null}]}']) {
    assert.is(
      errorOf(() => parseJsonStrict(text)).message,
      'The JSON has a member with a forbidden name at </a~1b/0/__proto__>.',
    )
  }
  const harmless = '{"constructor":{"prototype":1}}'
  assert.is(JSON.stringify(parseJsonStrict(harmless)), harmless)
})
