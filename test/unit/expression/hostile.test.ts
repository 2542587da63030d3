import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { compileHeaderMapping } from '../../../src/expression/header-mapping.ts'
import { compilePipeline } from '../../../src/expression/pipeline.ts'
import { ALL_PLACEHOLDERS } from '../../../src/expression/placeholders.ts'
import { parseExpression } from '../../../src/expression/syntax.ts'
import { compileTemplate } from '../../../src/expression/template.ts'
import { parseTime } from '../../../src/expression/time.ts'
import type { Values } from '../../../src/expression/values.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import { contextWith } from './contexts.ts'
import { anyExpression, knownExpression, mutated, pieces, printPiece } from './grammar.ts'

const it = suite('hostile expressions')

const RUNS = 10_000
const LONG = 200_000

/** Linear time needs a hundredth of it. */
const LIMIT_MS = 20_000

/** What the function gives, or undefined if it throws the error of expressions. */
function attempt<T>(text: string, compile: (text: string) => T): T | undefined {
  try {
    return compile(text)
  } catch (thrown) {
    assert.instance(thrown, DittoException, text)
    const { status, error } = (thrown as DittoException).error
    assert.is(status, 400)
    assert.match(error, /^(placeholder:|json\.)/)
    return undefined
  }
}

interface Resolvable {
  resolve(context: ReturnType<typeof contextWith>): string | undefined
  resolveAll(context: ReturnType<typeof contextWith>): Values
}

function checkEvaluation(compiled: Resolvable | undefined, text: string): void {
  if (compiled === undefined) return
  const context = contextWith()
  assert.is(compiled.resolve(context), compiled.resolveAll(context)[0], text)
}

const validTemplate = pieces.map((parts) => parts.map(printPiece).join(''))
const noise = fc.string({ unit: 'binary', maxLength: 60 })

it(
  'end in the error of expressions or in a template, whatever the text',
  () => {
    const texts = fc.oneof(noise, mutated(validTemplate))
    let compiled = 0
    fc.assert(
      fc.property(texts, (text) => {
        const template = attempt(text, (given) => compileTemplate(given, ALL_PLACEHOLDERS))
        if (template !== undefined) compiled++
        checkEvaluation(template, text)
      }),
      { numRuns: RUNS },
    )
    // Both sides of the border were seen.
    assert.ok(compiled > RUNS / 100 && compiled < RUNS)
  },
  LIMIT_MS,
)

it(
  'end in the error of expressions or in a pipeline, whatever the text',
  () => {
    const texts = fc.oneof(noise, mutated(knownExpression), mutated(anyExpression))
    let compiled = 0
    fc.assert(
      fc.property(texts, (text) => {
        attempt(text, parseExpression)
        const pipeline = attempt(text, (given) => compilePipeline(given, ALL_PLACEHOLDERS))
        if (pipeline !== undefined) compiled++
        checkEvaluation(pipeline, text)
        assert.type(parseTime(text), parseTime(text) === undefined ? 'undefined' : 'object')
      }),
      { numRuns: RUNS },
    )
    assert.ok(compiled > RUNS / 100 && compiled < RUNS)
  },
  LIMIT_MS,
)

it('do not reach the prototypes of headers', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  for (const name of names) {
    const template = compileTemplate(`{{ header:${name} }}`, ALL_PLACEHOLDERS)
    assert.is(template.resolve(contextWith({ headers: {} })), undefined)
    const into: Record<string, string> = {}
    compileHeaderMapping({ [name]: '{{ thing:id }}' }, ALL_PLACEHOLDERS).apply(contextWith(), into)
    assert.is(Object.getPrototypeOf(into), Object.prototype, name)
    const json = compileTemplate(`{{ thing-json:${name} }}`, ALL_PLACEHOLDERS)
    assert.is(json.resolve(contextWith()), undefined, name)
  }
})

function repeated(unit: string): string {
  return unit.repeat(Math.ceil(LONG / unit.length))
}

it(
  'take linear time to be read',
  () => {
    const units = [
      '{',
      '{{',
      '${',
      `\${a}`,
      '{{ ${',
      '{{ thing:id }}',
      `\${thing:id}`,
      '|',
      'a|',
      ` | fn:lower()`,
      "'",
      `"'`,
      "\\'",
      `{{'\\'`,
      `{{ header:a | fn:default('`,
      'fn:default(',
      'fn:default(fn:delete())|',
      '(',
      ',',
      ':',
      '\\',
      '{#a}',
      '{#a}{/a}',
    ]
    for (const unit of units) {
      const long = repeated(unit)
      for (const text of [
        long,
        `{{ ${long}`,
        `{{ ${long} }}`,
        `\${${long}}`,
        `{{ header:a | fn:default('${long}') }}`,
        `{{ header:${long} }}`,
        `{{ thing-json:${long} }}`,
        `{{ time:now-${long} }}`,
        `{{ header:a | fn:filter('like','${long}') }}`,
        `{{ header:a | fn:filter(${long}) }}`,
        `{{ header:a | fn:split('[${long}]') }}`,
        `{{ header:a | fn:format('${long}') }}`,
        `{{ header:a | fn:format('{${long}') }}`,
      ]) {
        const template = attempt(text, (given) => compileTemplate(given, ALL_PLACEHOLDERS))
        checkEvaluation(template, unit)
      }
    }
  },
  LIMIT_MS,
)

it(
  'take linear time to be read when no part of them is like another',
  () => {
    const parts = (count: number, print: (index: number) => string) =>
      Array.from({ length: count }, (_, index) => print(index)).join('')
    const sections = parts(15_000, (index) => `{#${index}}{/${index}}`)
    const open = parts(30_000, (index) => `{#${index}}`)
    for (const text of [
      `{{ header:a | fn:format('${sections}') }}`,
      `{{ header:a | fn:format('${open}') }}`,
      parts(15_000, (index) => `{{ header:${index} }}`),
      parts(15_000, (index) => `\${header:a${index}|fn:lower()}`),
    ]) {
      attempt(text, (given) => compileTemplate(given, ALL_PLACEHOLDERS))
    }
  },
  LIMIT_MS,
)

it(
  'take linear time to be evaluated',
  () => {
    const thing = { list: Array.from({ length: LONG / 2 }, (_, index) => String(index)) }
    for (const unit of ['a', '%', '%41', '+', '=', ' ', ',', 'ab', '😀', '{', '"', '[']) {
      const v = repeated(unit)
      const json = JSON.stringify({ a: [...v.slice(0, 20_000)], b: { c: v } })
      const context = contextWith({ headers: { v, json, star: `${'*a'.repeat(60)}b` }, thing })
      for (const stages of [
        'header:v | fn:url-decode() | fn:url-encode()',
        'header:v | fn:base64-decode()',
        'header:v | fn:base64-encode()',
        'header:v | fn:trim() | fn:upper() | fn:lower()',
        `header:v | fn:replace('${unit}','x')`,
        `header:v | fn:replace('','x')`,
        `header:v | fn:split('${unit === '"' ? "\\'" : unit}') | fn:join('-')`,
        `header:v | fn:split('') | fn:upper() | fn:join('')`,
        `header:v | fn:substring-before('aab') | fn:substring-after('b')`,
        `header:v | fn:filter('like',header:star)`,
        `header:v | fn:filter('like','*aaaaaaaaaaaaaaaab*|*b*a*b')`,
        `header:json | fn:format('{#a}{.}{#a}{.}{/a}{/a}{/b/c}')`,
        `thing-json:list | fn:filter('ne','7') | fn:filter(header:v,'like','*x') | fn:join(',')`,
        `thing-json:list | fn:filter(thing-json:list,'eq',thing-json:list)`,
        `thing-json:list | fn:filter('like',thing-json:list)`,
        `thing-json:list | fn:replace('1',header:v)`,
      ]) {
        // Regular expressions as separators are refused by some units; that is tested elsewhere.
        const pipeline = attempt(stages, (text) => compilePipeline(text, ALL_PLACEHOLDERS))
        assert.is(pipeline?.resolve(context), pipeline?.resolveAll(context)[0], stages)
      }
    }
  },
  LIMIT_MS,
)
