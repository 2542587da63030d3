/** Whatever text comes in, the parser answers in time, and with nothing but its own errors. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { DittoException } from '../../../src/protocol/errors.ts'
import type { RqlNode } from '../../../src/rql/ast.ts'
import { compileRql } from '../../../src/rql/evaluate.ts'
import { MAX_RQL_DEPTH, parseRql } from '../../../src/rql/parser.ts'
import { printRql } from '../../../src/rql/print.ts'
import { suite } from '../../support/suite.ts'
import { contextWith } from '../expression/contexts.ts'
import { anyTree, assertTellsWhere } from './support.ts'

const it = suite('rql hostile')

/** Far from what linear work on these sizes takes, and far below what quadratic work would. */
const GENEROUS_MS = 10_000

const LARGE = 200_000

const SUBJECT = {
  thing: {
    thingId: 'a:b',
    attributes: { a: 1, text: 'x', list: [1, null, [{}]], nothing: null },
    features: { f: { properties: { on: true } } },
  },
  context: contextWith(),
}

it('prints what parses to the same tree', () => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      const text = printRql(tree)
      assert.equal(parseRql(text), tree, text)
      assert.is(printRql(parseRql(text)), text)
    }),
    { numRuns: 1_000 },
  )
})

/** Throws unless the text is refused as it should be, or can be printed, parsed again and evaluated. */
function check(text: string): 'accepted' | 'refused' {
  let tree: RqlNode
  try {
    tree = parseRql(text)
  } catch (thrown) {
    assert.instance(thrown, DittoException, text)
    const { error } = thrown as DittoException
    assert.is(error.error, 'rql.expression.invalid', text)
    assert.is(error.status, 400, text)
    assertTellsWhere(error.message, text)
    return 'refused'
  }
  assert.equal(parseRql(printRql(tree)), tree, text)
  assert.type(compileRql(text).matches(SUBJECT), 'boolean', text)
  return 'accepted'
}

it('takes random text', () => {
  const pieces = fc.constantFrom(
    ...[
      'eq',
      'in',
      'and',
      'not',
      'like',
      'exists',
      '(',
      ')',
      ',',
      ' ',
      '"',
      "'",
      '\\',
      '\\u00',
      '/',
    ],
    ...[
      'attributes/',
      'features/',
      'thingId',
      'topic:',
      'time:',
      'now',
      'true',
      'null',
      '-',
      '1',
      '.',
    ],
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (any) => void check(any)),
    { numRuns: 10_000 },
  )
})

/** One change to a text: characters go, come, come twice or become others. */
interface Mutation {
  readonly kind: 'delete' | 'duplicate' | 'replace' | 'insert'
  readonly at: number
  readonly count: number
  readonly by: string
}

function mutate(text: string, { kind, at, count, by }: Mutation): string {
  const start = at % (text.length + 1)
  const [before, after] = [text.slice(0, start), text.slice(start)]
  switch (kind) {
    case 'delete':
      return before + after.slice(count)
    case 'duplicate':
      return before + after.slice(0, count) + after
    case 'replace':
      return before + by + after.slice(by.length)
    case 'insert':
      return before + by + after
  }
}

it('takes mutations of valid expressions', () => {
  const mutation: fc.Arbitrary<Mutation> = fc.record({
    kind: fc.constantFrom('delete', 'duplicate', 'replace', 'insert'),
    at: fc.nat(10_000),
    count: fc.integer({ min: 1, max: 5 }),
    by: fc.oneof(
      fc.constantFrom(...'(),"\'\\ /~:*?[]+-.019eunt\u0000\ud800\n'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
    ),
  })
  const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 })
  const seen = { accepted: 0, refused: 0 }
  fc.assert(
    fc.property(anyTree.map(printRql), mutations, (text, changes) => {
      seen[check(changes.reduce(mutate, text))]++
    }),
    { numRuns: 10_000 },
  )
  assert.ok(seen.accepted > 500 && seen.refused > 500, JSON.stringify(seen))
})

it('takes every beginning of an expression', () => {
  const text = `and(or(eq(attributes/a,"\\u0041"),in(thingId,1.5,'x',time:now)), not(exists(topic:action)))`
  for (let end = 0; end < text.length; end++) assert.is(check(text.slice(0, end)), 'refused')
  assert.is(check(text), 'accepted')
})

it('refuses what is nested too deeply, whatever it is nested in', () => {
  for (const operator of ['not(', 'and(', 'or(', 'and(exists(thingId),']) {
    for (const depth of [MAX_RQL_DEPTH, 1_000, LARGE / operator.length]) {
      const inner = 'exists(thingId)'
      const text = operator.repeat(depth) + inner + ')'.repeat(depth)
      assert.throws(() => parseRql(text), /expected at most 64 operators within each other/)
      assert.is(check(text), 'refused')
    }
    const depth = MAX_RQL_DEPTH - 1
    const text = `${operator.repeat(depth)}exists(thingId)${')'.repeat(depth)}`
    assert.is(check(text), 'accepted')
  }
})

const times = (text: string, length: number) => text.repeat(Math.floor(length / text.length))

const LONG: readonly [title: string, make: (length: number) => string][] = [
  ['a long text', (length) => `eq(attributes/a,"${times('x', length)}")`],
  ['a long text of escapes', (length) => `eq(attributes/a,"${times('\\u0041', length)}")`],
  ['a text without end', (length) => `eq(attributes/a,"${times('\\n', length)}`],
  ['a long property', (length) => `eq(attributes/${times('a/', length)}b,1)`],
  ['a long property with escapes', (length) => `exists(attributes/${times('\\"', length)})`],
  ['a long unknown property', (length) => `eq(${times('x', length)},1)`],
  ['a long integer', (length) => `eq(attributes/a,${times('9', length)})`],
  ['a long fraction', (length) => `eq(attributes/a,0.${times('9', length)})`],
  ['many values', (length) => `in(attributes/a,${times('"x",', length)}"y")`],
  ['many children', (length) => `or(${times('exists(thingId),', length)}exists(thingId))`],
  ['much whitespace', (length) => `${times(' ', length)}exists(thingId)`],
  ['a long time', (length) => `eq(attributes/a,time:now-${times('1', length)})`],
  ['a long operator', (length) => times('eq', length)],
  ['many stars', (length) => `like(attributes/a,"${times('*a', length)}")`],
  ['many question marks', (length) => `like(attributes/a,"${times('?', length)}")`],
]

it('takes time in proportion to the length of the text', () => {
  const start = performance.now()
  for (const [, make] of LONG) for (const length of [2_000, 20_000, LARGE]) check(make(length))
  assert.ok(performance.now() - start < GENEROUS_MS)
})
