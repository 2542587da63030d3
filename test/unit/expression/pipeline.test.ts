import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { compilePipeline } from '../../../src/expression/pipeline.ts'
import { ALL_PLACEHOLDERS } from '../../../src/expression/placeholders.ts'
import { MAX_FUNCTIONS, parseExpression, printExpression } from '../../../src/expression/syntax.ts'
import { suite } from '../../support/suite.ts'
import { contextWith } from './contexts.ts'
import { expressionNode, knownExpression } from './grammar.ts'

const it = suite('pipeline')

it('begins with a placeholder, a function or an input', () => {
  const cases: [text: string, input: string | undefined, expected: string | undefined][] = [
    ['header:reply-to', undefined, 'replies/1'],
    ['header:reply-to', 'input', 'replies/1'],
    [`fn:default('x')`, undefined, 'x'],
    [`fn:default('x')`, 'input', 'input'],
    ['fn:upper()', undefined, undefined],
    ['fn:upper()', 'input', 'INPUT'],
    [`fn:filter(header:mixed,'eq','case')`, 'true', 'true'],
    [`fn:filter(header:mixed,'eq','other')`, 'true', undefined],
    [`fn:filter(header:mixed,'eq','case')|fn:filter(header:count,'eq','3')`, 'true', 'true'],
    [`fn:split(',') | fn:filter('ne','a') | fn:join(';')`, 'a,b,c', 'b;c'],
  ]
  for (const [text, input, expected] of cases) {
    const pipeline = compilePipeline(text, ALL_PLACEHOLDERS)
    assert.is(pipeline.resolveFrom(input, contextWith()), expected, text)
    if (input === undefined) assert.is(pipeline.resolve(contextWith()), expected, text)
  }
})

it('prints itself', () => {
  const cases: [text: string, printed: string][] = [
    [' header:a|fn:lower( ) ', 'header:a | fn:lower()'],
    [`fn:default( "a|'b'" )`, `fn:default("a|'b'")`],
    [`fn:filter(header:a,'like' ,"b")`, `fn:filter(header:a, 'like', "b")`],
    [`time:now[h]|fn:default('it\\'s')`, `time:now[h] | fn:default('it\\'s')`],
  ]
  for (const [text, printed] of cases) {
    assert.is(compilePipeline(text, ALL_PLACEHOLDERS).print(), printed)
  }
})

it('gives the tree of an expression', () => {
  assert.equal(parseExpression(`header:a:b | fn:filter(thing-json:x/y,'eq',"z")`), {
    source: { kind: 'placeholder', prefix: 'header', name: 'a:b' },
    functions: [
      {
        kind: 'function',
        name: 'filter',
        arguments: [
          { kind: 'placeholder', prefix: 'thing-json', name: 'x/y' },
          { kind: 'constant', value: 'eq', quote: "'" },
          { kind: 'constant', value: 'z', quote: '"' },
        ],
      },
    ],
  })
})

it('gives functions as arguments a tree of their own', () => {
  const deletes = { kind: 'function', name: 'delete', arguments: [] }
  assert.equal(parseExpression('fn:default( fn:default(fn:delete( )) )'), {
    functions: [
      {
        kind: 'function',
        name: 'default',
        arguments: [{ kind: 'function', name: 'default', arguments: [deletes] }],
      },
    ],
  })
})

it('counts functions in arguments as functions', () => {
  const nested = (depth: number) => `${'fn:default('.repeat(depth)}'x'${')'.repeat(depth)}`
  assert.is(compilePipeline(nested(MAX_FUNCTIONS), ALL_PLACEHOLDERS).resolve(contextWith()), 'x')
  assert.throws(() => compilePipeline(nested(MAX_FUNCTIONS + 1), ALL_PLACEHOLDERS), /complex/)
})

it('tells what is deleted from what may be', () => {
  const cases: [text: string, deleted: boolean, deletes: boolean][] = [
    ['header:a', false, false],
    ['header:a | fn:delete()', true, false],
    ['header:a | fn:delete() | fn:lower()', true, false],
    [`header:a | fn:delete() | fn:join(',')`, false, false],
    ['header:a | fn:default(fn:delete())', false, true],
    [`header:a | fn:default(fn:default('x'))`, false, false],
    ['header:a | fn:default(fn:default(fn:delete()))', false, true],
  ]
  for (const [text, deleted, deletes] of cases) {
    const pipeline = compilePipeline(text, ALL_PLACEHOLDERS)
    assert.is(pipeline.deleted, deleted, text)
    assert.is(pipeline.deletes, deletes, text)
  }
})

it('prints what parses to the same tree', () => {
  fc.assert(
    fc.property(expressionNode, (node) => {
      const text = printExpression(node)
      assert.equal(parseExpression(text), node, text)
      assert.is(printExpression(parseExpression(text)), text)
    }),
    { numRuns: 1_000 },
  )
})

it('gives what it printed the same meaning', () => {
  fc.assert(
    fc.property(knownExpression, (text) => {
      const pipeline = compilePipeline(text, ALL_PLACEHOLDERS)
      const printed = compilePipeline(pipeline.print(), ALL_PLACEHOLDERS)
      const context = contextWith()
      assert.is(printed.print(), pipeline.print())
      assert.equal(printed.resolveAll(context), pipeline.resolveAll(context), text)
      assert.is(printed.resolve(context), pipeline.resolveAll(context)[0], text)
    }),
    { numRuns: 1_000 },
  )
})
