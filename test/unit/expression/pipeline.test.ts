import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { compilePipeline } from '../../../src/expression/pipeline.ts'
import { ALL_PLACEHOLDERS } from '../../../src/expression/placeholders.ts'
import { SIGNATURES } from '../../../src/expression/signatures.ts'
import {
  type ArgumentNode,
  type ExpressionNode,
  type FunctionNode,
  MAX_FUNCTIONS,
  parseExpression,
  printExpression,
} from '../../../src/expression/syntax.ts'
import { compileTemplate } from '../../../src/expression/template.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import { contextWith } from './contexts.ts'

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

const word = fc.stringMatching(/^[a-z0-9/_\-[\]*:]{1,12}$/)
const quote = fc.constantFrom("'" as const, '"' as const)

const placeholderNode = fc.record(
  {
    kind: fc.constant('placeholder' as const),
    prefix: fc.stringMatching(/^[a-eg-z-]{1,9}$/),
    name: word,
  },
  { noNullPrototype: true },
)

/** A quote within quotes needs a backslash, which stays; so no backslash may stand at the end. */
const constantNode = fc
  .tuple(fc.string({ unit: 'binary', maxLength: 12 }), quote)
  .map(([text, mark]): ArgumentNode => {
    const value = text.replaceAll('\\', '/').replaceAll(mark, `\\${mark}`)
    return { kind: 'constant', value, quote: mark }
  })

const functionNode: fc.Arbitrary<FunctionNode> = fc
  .constantFrom(...SIGNATURES)
  .chain(([name, { min, max, constantsOnly }]) => {
    const argument = constantsOnly ? constantNode : fc.oneof(constantNode, placeholderNode)
    return fc
      .array(argument, { minLength: min, maxLength: max })
      .map((nodes) => ({ name, arguments: nodes }))
  })

const expressionNode: fc.Arbitrary<ExpressionNode> = fc
  .tuple(
    fc.option(placeholderNode, { nil: undefined }),
    fc.array(functionNode, { minLength: 1, maxLength: MAX_FUNCTIONS }),
  )
  .map(([source, functions]) => (source === undefined ? { functions } : { source, functions }))

it('prints what parses to the same tree', () => {
  fc.assert(
    fc.property(expressionNode, (node) => {
      const text = printExpression(node)
      assert.equal(parseExpression(text), node, text)
      assert.is(printExpression(parseExpression(text)), text)
    }),
    { numRuns: 500 },
  )
})

it('never throws anything but its own errors, whatever the text', () => {
  const known = fc.constantFrom('header:a', 'thing:id', 'thing-json:attributes/list', 'time:now')
  const stages = fc.tuple(known, fc.array(functionNode, { maxLength: 4 }))
  const valid = stages.map(
    ([source, functions]) => `x/{{ ${source} | ${printExpression({ functions })} }}/\${${source}}`,
  )
  const mutated = fc
    .tuple(valid, fc.nat(), fc.nat(4), fc.string({ unit: 'binary', maxLength: 3 }))
    .map(([text, at, cut, extra]) => {
      const start = at % (text.length + 1)
      return text.slice(0, start) + extra + text.slice(start + cut)
    })
  fc.assert(
    fc.property(fc.oneof(valid, mutated, fc.string({ unit: 'binary' })), (text) => {
      try {
        const template = compileTemplate(text, ALL_PLACEHOLDERS)
        assert.is(template.resolve(contextWith()), template.resolveAll(contextWith())[0])
      } catch (thrown) {
        assert.instance(thrown, DittoException, text)
      }
    }),
    { numRuns: 1_500 },
  )
})

it('takes time in proportion to the text', () => {
  const start = performance.now()
  for (const hostile of ["'", `"'`, '{{', '${', '|', `{{'\\'`, "{{ header:a | fn:default('"]) {
    try {
      compileTemplate(hostile.repeat(20_000), ALL_PLACEHOLDERS)
    } catch (thrown) {
      assert.instance(thrown, DittoException)
    }
  }
  assert.ok(performance.now() - start < 2_000)
})
