import * as assert from 'uvu/assert'
import type { ExpressionContext } from '../../../src/expression/context.ts'
import { compilePipeline } from '../../../src/expression/pipeline.ts'
import { ALL_PLACEHOLDERS } from '../../../src/expression/placeholders.ts'
import { SIGNATURES } from '../../../src/expression/signatures.ts'
import {
  DELETED,
  MAX_VALUE_CHARS,
  UNRESOLVED,
  type Values,
} from '../../../src/expression/values.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import { contextWith } from './contexts.ts'

const it = suite('functions')

/** The list `in`, the headers `one`, `two`, `empty`, `json` and a text `v` of each case. */
function contextOf(v: string | undefined, list: readonly string[] = []): ExpressionContext {
  const headers: Record<string, string> = { one: '1', two: '2', empty: '', star: 'a*' }
  if (v !== undefined) headers.v = v
  return contextWith({ headers, thing: { in: [...list] } })
}

function run(stages: string, v: string | undefined, list?: readonly string[]): Values {
  const source = list === undefined ? 'header:v' : 'thing-json:in'
  const pipeline = compilePipeline(`${source} | ${stages}`, ALL_PLACEHOLDERS)
  const context = contextOf(v, list)
  const values = pipeline.resolveAll(context)
  // The short cut for single values must tell the same story.
  assert.is(pipeline.resolve(context), values[0], stages)
  return values
}

type Case = [stages: string, input: string | undefined | readonly string[], expected: Values]

function check(cases: readonly Case[]): void {
  for (const [stages, input, expected] of cases) {
    const values = Array.isArray(input)
      ? run(stages, undefined, input)
      : run(stages, input as string)
    const label = `${String(input)} | ${stages}`
    assert.equal(values, expected, label)
    if (expected.length === 0) assert.is(values, expected, label)
  }
}

it('default', () => {
  check([
    [`fn:default('x')`, undefined, ['x']],
    [`fn:default("x")`, undefined, ['x']],
    [`fn:default('x')`, 'v', ['v']],
    [`fn:default('x')`, '', ['']],
    ['fn:default(header:one)', undefined, ['1']],
    ['fn:default(header:missing)', undefined, UNRESOLVED],
    [`fn:default(header:missing) | fn:default('x')`, undefined, ['x']],
    ['fn:default(request:subjectId)', undefined, ['integration:a', 'integration:b']],
    [`fn:default('')`, undefined, ['']],
    [`fn:default('a|b,c(d)')`, undefined, ['a|b,c(d)']],
    [`fn:default('it\\'s')`, undefined, [`it\\'s`]],
    [`fn:delete() | fn:default('x')`, 'v', DELETED],
    [`fn:default('  a b ')`, undefined, ['  a b ']],
    [`fn:default( 'x' )`, undefined, ['x']],
    ['fn:default( header:one )', undefined, ['1']],
    ['fn:default(thing-json:in)', undefined, UNRESOLVED],
    [`fn:default(thing-json:in) | fn:default('x')`, [], ['x']],
    [`fn:default('"') | fn:default("it's")`, undefined, ['"']],
  ])
})

it('functions as arguments are applied to nothing', () => {
  check([
    ['fn:default(fn:delete())', undefined, DELETED],
    ['fn:default(fn:delete())', 'v', ['v']],
    ['fn:default( fn:delete( ) )', undefined, DELETED],
    [`fn:default(fn:delete()) | fn:default('x')`, undefined, DELETED],
    ['fn:default(fn:delete()) | fn:upper()', undefined, DELETED],
    ['fn:default(fn:delete()) | fn:upper()', 'v', ['V']],
    [`fn:default(fn:delete()) | fn:filter('eq','v')`, undefined, DELETED],
    [`fn:default(fn:delete()) | fn:filter(header:one,'eq','2')`, undefined, DELETED],
    [`fn:default(fn:delete()) | fn:format('x')`, undefined, DELETED],
    [`fn:default(fn:delete()) | fn:split(',')`, undefined, UNRESOLVED],
    [`fn:default(fn:delete()) | fn:join(',')`, undefined, UNRESOLVED],
    [`fn:default(fn:delete()) | fn:join(',') | fn:default('x')`, undefined, ['x']],
    [`fn:default(fn:default('x'))`, undefined, ['x']],
    [`fn:default(fn:default(fn:default(header:one)))`, undefined, ['1']],
    [`fn:default(fn:default(fn:delete()))`, undefined, DELETED],
    ['fn:default(fn:lower())', undefined, UNRESOLVED],
    ['fn:default(fn:default(request:subjectId))', undefined, ['integration:a', 'integration:b']],
    ['fn:default(fn:upper()) | fn:upper()', 'v', ['V']],
    [`fn:filter(fn:delete(),'eq','')`, 'v', ['v']],
    [`fn:filter(fn:default('a'),'eq',fn:default("a"))`, 'v', ['v']],
    [`fn:filter('eq',fn:default('v'))`, ['v', 'w'], ['v']],
    [`fn:replace(fn:default('v'),fn:default('w'))`, 'vv', ['ww']],
  ])
})

it('delete', () => {
  check([
    ['fn:delete()', 'v', DELETED],
    ['fn:delete( )', undefined, DELETED],
    ['fn:delete() | fn:lower()', 'v', DELETED],
    [`fn:delete() | fn:filter('eq','v')`, 'v', DELETED],
    [`fn:delete() | fn:split(',')`, 'v', UNRESOLVED],
    [`fn:delete() | fn:join(',')`, 'v', UNRESOLVED],
    [`fn:delete() | fn:split(',') | fn:default('x')`, 'v', ['x']],
    [`fn:delete() | fn:split(',') | fn:delete()`, 'v', DELETED],
  ])
})

it('filter with two arguments keeps values', () => {
  check([
    [`fn:filter('eq','a')`, 'a', ['a']],
    [`fn:filter('eq','a')`, 'A', UNRESOLVED],
    [`fn:filter('eq','a')`, undefined, UNRESOLVED],
    [`fn:filter('eq','a')`, ['a', 'b', 'a'], ['a', 'a']],
    [`fn:filter('ne','a')`, ['a', 'b', 'c'], ['b', 'c']],
    [`fn:filter('like','a*')`, ['ab', 'ba', 'a'], ['ab', 'a']],
    [`fn:filter('like','a?|c')`, ['ab', 'c', 'abc'], ['ab', 'c']],
    [`fn:filter('like',header:star)`, ['ab', 'b'], ['ab']],
    [`fn:filter('eq',header:missing)`, 'a', UNRESOLVED],
    [`fn:filter('eq',request:subjectId)`, ['integration:b', 'x'], ['integration:b']],
    [`fn:filter('exists','true')`, ['a', ''], ['a']],
    [`fn:filter('exists','false')`, ['a', ''], ['']],
    [`fn:filter('equals','a')`, 'a', UNRESOLVED],
    [`fn:filter('EQ','a')`, 'a', UNRESOLVED],
    [`fn:filter("eq","a")`, 'a', ['a']],
    [`fn:filter('eq','')`, ['', 'a'], ['']],
    [`fn:filter('eq','a')`, [], UNRESOLVED],
    [`fn:filter('eq','a b|c,(d)')`, 'a b|c,(d)', ['a b|c,(d)']],
    [`fn:filter('ne',header:missing)`, 'a', UNRESOLVED],
    [`fn:filter('ne',request:subjectId)`, 'integration:a', ['integration:a']],
    [`fn:filter('like','A*')`, 'ab', UNRESOLVED],
    [`fn:filter('like','a.c')`, ['abc', 'a.c'], ['a.c']],
    [`fn:filter('like','')`, ['', 'a'], ['']],
    [`fn:filter('like','*')`, ['', 'a'], ['', 'a']],
    [`fn:filter('like',thing-json:in)`, ['a*', 'b?', 'ac'], ['a*', 'b?', 'ac']],
    [`fn:filter('exists','yes')`, ['a', ''], ['']],
    [`fn:filter(header:one,'b')`, 'b', UNRESOLVED],
    [`fn:filter(header:missing,'b')`, 'b', UNRESOLVED],
    // Whatever comes before it, exists asks whether that is there.
    [`fn:filter('eq','exists')`, 'a', ['a']],
    [`fn:filter('','exists')`, 'a', UNRESOLVED],
  ])
})

it('filter with a value of its own keeps all or nothing', () => {
  check([
    [`fn:filter(header:one,'eq','1')`, ['a', 'b'], ['a', 'b']],
    [`fn:filter(header:one,'eq','2')`, ['a', 'b'], UNRESOLVED],
    [`fn:filter(header:one,'ne',header:two)`, 'a', ['a']],
    [`fn:filter(header:one,'like','?')`, 'a', ['a']],
    [`fn:filter(header:missing,'ne','x')`, 'a', ['a']],
    [`fn:filter(header:missing,'eq','')`, 'a', ['a']],
    [`fn:filter(header:missing,'eq',header:missing)`, 'a', ['a']],
    [`fn:filter(header:one,'ne',header:missing)`, 'a', ['a']],
    [`fn:filter(request:subjectId,'like','*:b')`, 'a', ['a']],
    [`fn:filter(header:one,'equals','1')`, 'a', UNRESOLVED],
    [`fn:filter(header:one,'exists')`, 'a', ['a']],
    [`fn:filter(header:empty,'exists')`, 'a', UNRESOLVED],
    [`fn:filter(header:missing,'exists')`, 'a', UNRESOLVED],
    [`fn:filter(header:missing,'exists','false')`, 'a', ['a']],
    [`fn:filter(header:one,'exists','TRUE')`, 'a', ['a']],
    [`fn:filter(header:one,'exists')`, undefined, UNRESOLVED],
    [`fn:filter(header:one,'eq','1')`, undefined, UNRESOLVED],
    [`fn:filter(header:one,header:missing,'1')`, 'a', UNRESOLVED],
    [`fn:filter(header:missing,'like','*')`, 'a', ['a']],
    [`fn:filter(header:missing,'like','?*')`, 'a', UNRESOLVED],
    [`fn:filter(header:one,'like','a|1')`, 'a', ['a']],
    [`fn:filter(header:missing,'exists','true')`, 'a', UNRESOLVED],
    [`fn:filter(header:empty,'exists','false')`, 'a', ['a']],
    [`fn:filter(header:one,'exists','false')`, 'a', UNRESOLVED],
    [`fn:filter('const','eq','const')`, 'a', ['a']],
    [`fn:filter(request:subjectId,'eq','integration:b')`, ['a', 'b'], ['a', 'b']],
    [`fn:filter(request:subjectId,'ne','integration:b')`, 'a', ['a']],
    [`fn:filter('integration:b','eq',request:subjectId)`, 'a', ['a']],
    [`fn:filter(thing-json:in,'eq',thing-json:in)`, ['a', 'b'], ['a', 'b']],
    [`fn:filter(thing-json:in,'exists')`, ['', 'b'], ['', 'b']],
  ])
})

it('substring-before and substring-after', () => {
  check([
    [`fn:substring-before(':')`, 'a:b:c', ['a']],
    [`fn:substring-before(':')`, ':b', ['']],
    [`fn:substring-before(':')`, 'ab', UNRESOLVED],
    [`fn:substring-before(':')`, ['ab', 'a:b'], ['a']],
    [`fn:substring-before('')`, 'ab', ['']],
    [`fn:substring-after(':')`, 'a:b:c', ['b:c']],
    [`fn:substring-after('::')`, 'a::b', ['b']],
    [`fn:substring-after(':')`, 'a:', ['']],
    [`fn:substring-after(':')`, 'ab', UNRESOLVED],
    [`fn:substring-after(':')`, undefined, UNRESOLVED],
    [`fn:substring-after('')`, 'ab', ['ab']],
    [`fn:substring-after(':')`, ['ab', 'a:b', 'c:'], ['b', '']],
    [`fn:substring-before(':') | fn:default('none')`, 'ab', ['none']],
    [`fn:substring-before('a:')`, 'ba:c', ['b']],
  ])
})

it('lower, upper and trim', () => {
  check([
    ['fn:lower()', 'ÄbC', ['äbc']],
    ['fn:upper()', 'äbC', ['ÄBC']],
    ['fn:upper()', ['a', 'b'], ['A', 'B']],
    ['fn:trim()', ' \t\n a b \u0000', ['a b']],
    ['fn:trim()', '   ', ['']],
    ['fn:trim()', '\u00a0a', ['\u00a0a']],
    ['fn:lower()', undefined, UNRESOLVED],
    ['fn:upper()', undefined, UNRESOLVED],
    ['fn:trim()', undefined, UNRESOLVED],
    ['fn:upper()', 'straße', ['STRASSE']],
    ['fn:lower( \t)', 'A', ['a']],
  ])
})

it('replace', () => {
  check([
    [`fn:replace('a','b')`, 'banana', ['bbnbnb']],
    [`fn:replace('a','$&')`, 'a', ['$&']],
    [`fn:replace('.','-')`, 'a.b', ['a-b']],
    [`fn:replace('a','')`, 'banana', ['bnn']],
    [`fn:replace('','-')`, 'ab', ['-a-b-']],
    [`fn:replace(header:missing,'-')`, 'ab', ['-a-b-']],
    [`fn:replace(header:one,header:two)`, '111', ['222']],
    [`fn:replace('a',header:missing)`, 'a', UNRESOLVED],
    [`fn:replace('a','b','c')`, 'a', ['b']],
    [`fn:replace('aa','b')`, 'aaa', ['ba']],
    [`fn:replace('a','b')`, ['a', 'xax'], ['b', 'xbx']],
    [`fn:replace('','-')`, '', ['-']],
    [`fn:replace(request:subjectId,'x')`, 'integration:a', ['x']],
    [`fn:replace('a','b')`, undefined, UNRESOLVED],
  ])
})

it('split', () => {
  check([
    [`fn:split(',')`, 'a,b', ['a', 'b']],
    [`fn:split(',')`, ',a,,b,,', ['', 'a', '', 'b']],
    [`fn:split(',')`, 'ab', ['ab']],
    [`fn:split(',')`, '', ['']],
    [`fn:split(',')`, ',,', UNRESOLVED],
    [`fn:split(',')`, [',', ',a'], ['', 'a']],
    [`fn:split(',')`, ['a,b', 'c'], ['a', 'b', 'c']],
    [`fn:split(',')`, undefined, UNRESOLVED],
    [`fn:split(',')`, [], UNRESOLVED],
    [`fn:split(', ')`, 'a, b,c', ['a', 'b,c']],
    [`fn:split(' ')`, 'one two  three ', ['one', 'two', '', 'three']],
    [`fn:split("'")`, `a'b`, ['a', 'b']],
    [`fn:split('')`, 'abc', ['a', 'b', 'c']],
    [`fn:split('')`, '', ['']],
    [`fn:split(']')`, 'a]b', ['a', 'b']],
    [`fn:split('}')`, 'a}b', ['a', 'b']],
  ])
})

it('split takes the separator for a regular expression where the value contains it', () => {
  check([
    // Without the separator as it is written, nothing is split.
    [`fn:split('\\.')`, 'a.b.c', ['a.b.c']],
    [`fn:split('[,;]')`, 'a,b;c', ['a,b;c']],
    [`fn:split('\\s')`, 'a b', ['a b']],
    [`fn:split('a|b')`, 'xay', ['xay']],
    [`fn:split('.')`, 'abc', ['abc']],
    // A dot is any character: only empty texts are left.
    [`fn:split('.')`, 'a.b', UNRESOLVED],
    [`fn:split('.')`, 'a.\nb', ['', '', '\n']],
    [`fn:split('a.')`, 'xa.yabz', ['x', 'y', 'z']],
    // A bar has nothing on either side of it, which is found everywhere.
    [`fn:split('|')`, 'a|b', ['a', '|', 'b']],
    [`fn:split('a|b')`, 'xay-a|b-z', ['x', 'y-', '|', '-z']],
    [`fn:split(',|')`, 'a,|b', ['a', '', '|', 'b']],
    [`fn:split('\\.')`, 'a\\.b.c', ['a\\', 'b', 'c']],
    [`fn:split('[,;]')`, 'a[,;]b', ['a[', '', ']b']],
    [`fn:split('[^0-9]')`, '1x2[^0-9]', ['1', '2', '', '0', '9']],
    [`fn:split('[a-c]-')`, '1a-2[a-c]-3d-4', ['1', '2[', 'c]-3d-4']],
    [`fn:split('\\s')`, 'a b\\s\tc', ['a', 'b\\s', 'c']],
    [`fn:split('\\d\\t')`, '\\d\\t1\tb', ['\\d\\t', 'b']],
    [`fn:split('\\|')`, '\\|', ['\\']],
  ])
})

it('join', () => {
  check([
    [`fn:join(',')`, ['a', 'b'], ['a,b']],
    [`fn:join('')`, ['a', 'b'], ['ab']],
    [`fn:join(',')`, 'a', ['a']],
    [`fn:join(',')`, [], UNRESOLVED],
    [`fn:join(',')`, undefined, UNRESOLVED],
    [`fn:join(', ')`, ['', ''], [', ']],
    [`fn:split(',') | fn:upper() | fn:join('/')`, 'a,b', ['A/B']],
  ])
})

it('url-encode and url-decode', () => {
  check([
    ['fn:url-encode()', 'a b+c/ä*~-_.', ['a+b%2Bc%2F%C3%A4*%7E-_.']],
    ['fn:url-encode()', `!'()`, ['%21%27%28%29']],
    ['fn:url-encode()', '\ud800', ['%EF%BF%BD']],
    ['fn:url-decode()', 'a+b%2Bc%2F%c3%a4', ['a b+c/ä']],
    ['fn:url-decode()', '100%', UNRESOLVED],
    ['fn:url-decode()', '%f', UNRESOLVED],
    ['fn:url-decode()', '%zz', UNRESOLVED],
    ['fn:url-decode()', '%', UNRESOLVED],
    ['fn:url-decode()', 'a%ffb', ['a\ufffdb']],
    ['fn:url-decode()', '%C3%A4%f0%9f%98%80', ['ä😀']],
    ['fn:url-decode()', 'ä+%2b', ['ä +']],
    ['fn:url-decode()', ['a%20b', '%', 'c'], ['a b', 'c']],
    ['fn:url-encode()', '', ['']],
    ['fn:url-encode()', undefined, UNRESOLVED],
    ['fn:url-encode()', '😀', ['%F0%9F%98%80']],
    ['fn:url-encode() | fn:url-decode()', `a b!'()*~%`, [`a b!'()*~%`]],
  ])
})

it('base64-encode and base64-decode', () => {
  check([
    ['fn:base64-encode()', 'ä?>', ['w6Q/Pg==']],
    ['fn:base64-decode()', 'w6Q/Pg==', ['ä?>']],
    ['fn:base64-decode()', 'w6Q/Pg', ['ä?>']],
    ['fn:base64-decode()', '', ['']],
    ['fn:base64-decode()', 'w6Q/Pg=', UNRESOLVED],
    ['fn:base64-decode()', 'w6Q_Pg', UNRESOLVED],
    ['fn:base64-decode()', 'w6Q/P', UNRESOLVED],
    ['fn:base64-decode()', 'w6Q/ Pg==', UNRESOLVED],
    ['fn:base64-decode()', '=', UNRESOLVED],
    ['fn:base64-decode()', '====', UNRESOLVED],
    ['fn:base64-decode()', '/w==', ['\ufffd']],
    ['fn:base64-decode()', ['YQ==', '!', 'Yg=='], ['a', 'b']],
    ['fn:base64-encode()', '', ['']],
    ['fn:base64-encode()', undefined, UNRESOLVED],
    ['fn:base64-encode() | fn:base64-decode()', 'ä😀\n', ['ä😀\n']],
  ])
})

it('format', () => {
  const json = JSON.stringify({
    id: 'x',
    size: 1.5,
    deep: { er: 'y' },
    tags: ['a', 'b'],
    nothing: null,
    none: [],
    items: [{ n: 1, parts: [{ p: 'p' }, { p: 'q' }] }, { n: 2 }],
    'a/b': 'z',
  })
  check([
    [`fn:format('{id}#{size}')`, json, ['x#1.5']],
    [`fn:format('{/deep/er}{deep/er}')`, json, ['yy']],
    [`fn:format('{deep}')`, json, ['{"er":"y"}']],
    [`fn:format('{id}-{tags}')`, json, ['x-a', 'x-b']],
    [`fn:format('{tags}{tags}')`, json, ['aa', 'ab', 'ba', 'bb']],
    [`fn:format('[{missing}{nothing}{none}]')`, json, ['[]']],
    [`fn:format('\\{{id}\\}')`, json, ['{x}']],
    [`fn:format('{/id}{}{')`, json, ['{/id}{}{']],
    [`fn:format('{a~1b}')`, json, ['z']],
    [`fn:format('{#items}{n};{/items}')`, json, ['1;', '2;']],
    [`fn:format('{id}{#items}{n}{#parts}{p}{/parts}{/items}')`, json, ['x1p', 'x1q', 'x2']],
    [`fn:format('{#tags}<{.}>{id}{/tags}')`, json, ['<a>', '<b>']],
    [`fn:format('{#deep}{er}{/deep}')`, json, ['y']],
    [`fn:format('a{#missing}b{/missing}c')`, json, ['ac']],
    [`fn:format('{.}')`, json, ['']],
    [`fn:format('plain')`, json, ['plain']],
    [`fn:format('{id}')`, 'no json', ['']],
    [`fn:format('{id}')`, '[1]', ['']],
    [`fn:format('{id}')`, ['no json', '{"id":1}', '{"id":2}'], ['1', '2']],
    [`fn:format('{id}')`, '{"__proto__":1,"id":1}', ['']],
    [`fn:format('{id}')`, undefined, UNRESOLVED],
    [`fn:format('')`, json, ['']],
    [`fn:format('{/}')`, '{"a":1}', ['{"a":1}']],
    [`fn:format('{.}')`, '{".":1}', ['1']],
    [`fn:format('\\{id}')`, json, ['{id}']],
    [`fn:format('\\\\{id}')`, json, ['\\{id}']],
    [`fn:format('{/tags}{id}{/id')`, json, ['{/tags}x{/id']],
    [`fn:format('{#}{id}{/}')`, '{"id":1}', ['{#}1{"id":1}']],
    [`fn:format('{#/deep}{er}{//deep}')`, json, ['y']],
    [`fn:format('{#items}{#items}{.}{/items}{n}{/items}')`, json, ['1', '2']],
    [`fn:format('{#tags}{#tags}{.}{/tags}{/tags}')`, json, ['', '']],
    [`fn:format('{#none}x{/none}{#nothing}y{/nothing}')`, json, ['']],
    [`fn:format('{#a}{.},{/a}')`, '{"a":[1,null,[2],true]}', ['1,', 'null,', '[2],', 'true,']],
    [`fn:format('{a}')`, '{"a":[1,null,{"b":2}]}', ['1', 'null', '{"b":2}']],
    [`fn:format('{id}') | fn:filter('ne','')`, 'no json', UNRESOLVED],
  ])
})

it('refuses arguments that do not fit', () => {
  const cases: [call: string, description: RegExp][] = [
    ['fn:default()', /'fallback'/],
    ['fn:default(x)', /'fallback'/],
    [`fn:default('a','b')`, /'fallback'/],
    [`fn:default('a'b)`, /'fallback'/],
    [`fn:default('a' `, /'fallback'/],
    [`fn:delete('a')`, /delete\(\)/],
    [`fn:filter('eq')`, /'compared'/],
    [`fn:filter('a','eq','b','c')`, /'compared'/],
    ['fn:substring-before(header:a)', /'separator'/],
    [`fn:replace('a')`, /'from'/],
    [`fn:join(header:a)`, /'delimiter'/],
    [`fn:split('(a+)+')`, /\( is not supported/],
    [`fn:split(' + ')`, /\+ is not supported.*fn:replace/],
    [`fn:split('$')`, /\$ is not supported/],
    [`fn:split('${'.'.repeat(65)}')`, /64/],
    [`fn:split(fn:default(','))`, /'separator'/],
    [`fn:filter('like','${'?'.repeat(5_000)}')`, /pattern is too complex/],
    [`fn:filter(header:a,'like','*${'?'.repeat(65)}*')`, /pattern is too complex/],
    [`fn:default(fn:filter('a','b'))`, /'compared'/],
    [`fn:default(header:)`, /'fallback'/],
    [`fn:default(:a)`, /'fallback'/],
    [`fn:default('a') x`, /'fallback'/],
    [`fn:default((`, /'fallback'/],
    [`fn:lower(header:a)`, /lower\(\)/],
    [`fn:replace('a',)`, /'from'/],
    [`fn:split('[a')`, /character class/],
    [`fn:split('[]')`, /character class/],
    [`fn:split('\\w')`, /\\w is not supported/],
    [`fn:format('{#a}x')`, /{#a} is not closed by {\/a}/],
    [`fn:format('{a//b}')`, /a\/\/b/],
    [`fn:format('${'{#a}'.repeat(20)}${'{/a}'.repeat(20)}')`, /nested too deeply/],
  ]
  for (const [call, description] of cases) {
    try {
      compilePipeline(call, ALL_PLACEHOLDERS)
      assert.unreachable(`accepted ${call}`)
    } catch (thrown) {
      assert.instance(thrown, DittoException, call)
      const { error } = thrown as DittoException
      assert.is(error.error, 'placeholder:function.signature.invalid', call)
      assert.match(error.description!, description, call)
    }
  }
})

it('never makes values that are too long', () => {
  const long = 'x'.repeat(MAX_VALUE_CHARS / 2)
  check([
    [`fn:replace('x','yyy')`, long, UNRESOLVED],
    [`fn:join('')`, [long, long, 'x'], UNRESOLVED],
    [`fn:url-encode()`, '%'.repeat(MAX_VALUE_CHARS / 2), UNRESOLVED],
  ])
  const doubling = Array.from({ length: 10 }, () => `fn:replace('','xxxxxxxx')`).join(' | ')
  check([[doubling, 'x'.repeat(1_000), UNRESOLVED]])
})

it('compares only so much', () => {
  const context = (count: number, text: string) =>
    contextWith({ headers: { v: 'v' }, thing: { in: Array.from({ length: count }, () => text) } })
  const all = (stages: string, count: number, text: string) =>
    compilePipeline(`header:v | ${stages}`, ALL_PLACEHOLDERS).resolveAll(context(count, text))
  const pairs = `fn:filter(thing-json:in,'eq',thing-json:in)`
  assert.equal(all(pairs, 1_000, 'a'), ['v'])
  assert.is(all(pairs, 10_000, 'a'), UNRESOLVED)
  assert.is(all(pairs, 1_000, 'a'.repeat(100)), UNRESOLVED)
})

it('gives no more values than there is room for', () => {
  const many = Array.from({ length: 20 }, () => 'x'.repeat(1_000))
  check([
    [`fn:replace('x','${'y'.repeat(1_000)}')`, many, UNRESOLVED],
    [`fn:replace('x','${'y'.repeat(1_000)}') | fn:default('z')`, many, ['z']],
  ])
})

it('has every function that there is a signature for', () => {
  for (const [name, signature] of SIGNATURES) {
    const args = Array.from({ length: signature.min }, () => `'a'`).join()
    assert.type(compilePipeline(`fn:${name}(${args})`, ALL_PLACEHOLDERS).resolve, 'function')
  }
  assert.is(SIGNATURES.size, 16)
})
