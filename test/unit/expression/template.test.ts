import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { compilePipeline } from '../../../src/expression/pipeline.ts'
import {
  ALL_PLACEHOLDERS,
  CONNECTION_ONLY,
  HEADER_ONLY,
} from '../../../src/expression/placeholders.ts'
import { compileTemplate } from '../../../src/expression/template.ts'
import {
  DELETED,
  MAX_COMBINATIONS,
  UNRESOLVED,
  type Values,
} from '../../../src/expression/values.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import { contextWith } from './contexts.ts'
import { type Piece, pieces, printPiece } from './grammar.ts'

const it = suite('template')

it('resolves literals and expressions to the first value of each', () => {
  const cases: [template: string, expected: string | undefined][] = [
    ['', ''],
    ['devices/lamp', 'devices/lamp'],
    ['{{ thing:id }}', 'org.acme:lamp'],
    ['{{thing:id}}', 'org.acme:lamp'],
    ['{{  thing:name\n}}', 'lamp'],
    [`\${thing:id}`, 'org.acme:lamp'],
    [`a/\${ thing:name }/{{ topic:action }}`, 'a/lamp/modify'],
    ['devices/{{ thing:name }}/events', 'devices/lamp/events'],
    ['{{ thing:namespace }}{{ thing:name }}', 'org.acmelamp'],
    ['{{ thing:name }}}', 'lamp}'],
    ['{"a":{"b":"{{ thing:name }}"}}', '{"a":{"b":"lamp"}}'],
    ['{{ request:subjectId }}', 'integration:a'],
    ['x/{{ header:missing }}', undefined],
    [`x/{{ header:missing | fn:default('y/{}') }}`, 'x/y/{}'],
    ['x{{ fn:delete() }}y', 'xy'],
    ['x{{ fn:delete() }}{{ thing:name }}', 'xlamp'],
    ['x{{ fn:delete() }}{{ header:missing }}', undefined],
    ['{{ fn:delete() }}', undefined],
    ['{{ fn:delete() }}{{ thing:name | fn:delete() }}', undefined],
    ['x{{ header:missing | fn:default(fn:delete()) }}y', 'xy'],
    ['x{{ thing:name | fn:default(fn:delete()) }}y', 'xlampy'],
    ['{{ header:missing | fn:default(fn:delete()) }}', undefined],
    ['{{ fn:default(fn:delete()) }}{{ fn:delete() }}', undefined],
    ['{{ fn:default(fn:delete()) }}{{ thing:name }}', 'lamp'],
    ['{{ fn:default(fn:delete()) }}{{ header:missing }}', undefined],
    [' ', ' '],
    [`\${ thing:id }/\${thing:name|fn:upper()}`, 'org.acme:lamp/LAMP'],
    [`\${thing:id}}`, 'org.acme:lamp}'],
    [`{{ header:missing | fn:default('{{x') }}`, '{{x'],
    [`{{ header:missing | fn:default('\${x') }}`, `\${x`],
    [`{{ header:missing | fn:default("it's | {a},(b)") }}`, "it's | {a},(b)"],
    [`{{header:missing|fn:default('a')|fn:upper()}}`, 'A'],
    ['{{ header:Reply-To | fn:substring-after("/") }}{{ topic:action-subject }}', '1modify'],
    ['$SYS/{a}', '$SYS/{a}'],
    ['x }} y', 'x }} y'],
  ]
  for (const [text, expected] of cases) {
    const template = compileTemplate(text, ALL_PLACEHOLDERS)
    assert.is(template.text, text)
    assert.is(template.resolve(contextWith()), expected, text)
  }
})

it('tells constants from what depends on the message', () => {
  const cases: [template: string, constant: string | undefined][] = [
    ['', ''],
    ['plain', 'plain'],
    ['a{{ fn:delete() }}b', 'ab'],
    ['{{ fn:delete() }}', undefined],
    ['{{ thing:id }}', undefined],
    [`{{ fn:default('x') }}`, undefined],
  ]
  for (const [text, constant] of cases) {
    assert.is(compileTemplate(text, ALL_PLACEHOLDERS).constant, constant, text)
  }
})

it('combines multiple values in order', () => {
  const text = '{{ request:subjectId }}-{{ thing-json:attributes/list }}'
  assert.equal(compileTemplate(text, ALL_PLACEHOLDERS).resolveAll(contextWith()), [
    'integration:a-a',
    'integration:a-b',
    'integration:b-a',
    'integration:b-b',
  ])
  assert.equal(compileTemplate('x', ALL_PLACEHOLDERS).resolveAll(contextWith()), ['x'])
})

it('tells unresolved from deleted', () => {
  const all = (text: string) => compileTemplate(text, ALL_PLACEHOLDERS).resolveAll(contextWith())
  assert.is(all('x{{ header:missing }}'), UNRESOLVED)
  assert.is(all('{{ thing:id | fn:delete() }}'), DELETED)
  assert.is(all('{{ fn:delete() }}{{ header:missing }}'), UNRESOLVED)
  assert.is(all('{{ header:missing | fn:default(fn:delete()) }}'), DELETED)
  assert.is(all('{{ fn:default(fn:delete()) }}{{ header:missing }}'), UNRESOLVED)
  assert.is(all('{{ header:missing }}{{ fn:default(fn:delete()) }}'), UNRESOLVED)
  assert.is(all('{{ thing-json:attributes/none }}'), UNRESOLVED)
  assert.equal(all(`{{ fn:default('') }}`), [''])
})

it('leaves deleted parts out of all combinations', () => {
  const text =
    'a{{ request:subjectId }}b{{ fn:default(fn:delete()) }}c{{ thing-json:attributes/list }}'
  assert.equal(compileTemplate(text, ALL_PLACEHOLDERS).resolveAll(contextWith()), [
    'aintegration:abca',
    'aintegration:abcb',
    'aintegration:bbca',
    'aintegration:bbcb',
  ])
})

it('is as its parts are, and printing it changes nothing', () => {
  fc.assert(
    fc.property(pieces, (parts) => {
      const context = contextWith()
      const template = compileTemplate(parts.map(printPiece).join(''), ALL_PLACEHOLDERS)
      const printed = compileTemplate(parts.map(reprintPiece).join(''), ALL_PLACEHOLDERS)
      assert.equal(printed.resolveAll(context), template.resolveAll(context), template.text)
      assert.is(printed.constant, template.constant)
      assert.is(template.resolve(context), template.resolveAll(context)[0])
      assert.equal(template.resolveAll(context), expectedOf(parts), template.text)
    }),
    { numRuns: 1_000 },
  )
})

/** A part as the expression in it prints itself, in braces of the new form. */
function reprintPiece(part: Piece): string {
  if (part.kind === 'text') return part.text
  return `{{${compilePipeline(part.expression, ALL_PLACEHOLDERS).print()}}}`
}

/** The values of a template from the values of its parts, put together in the simplest way. */
function expectedOf(parts: readonly Piece[]): Values {
  if (parts.length === 0) return ['']
  const lists = parts.map((part) =>
    part.kind === 'text'
      ? [part.text]
      : compilePipeline(part.expression, ALL_PLACEHOLDERS).resolveAll(contextWith()),
  )
  const kept = lists.filter((values) => values !== DELETED)
  return kept.reduce<readonly string[]>(
    (heads, tails) => heads.flatMap((head) => tails.map((tail) => head + tail)),
    kept.length === 0 ? [] : [''],
  )
}

it('bounds the combinations', () => {
  const list = Array.from({ length: 500 }, (_, index) => String(index))
  const context = contextWith({ thing: { attributes: { list } } })
  const text = '{{ thing-json:attributes/list }}'.repeat(4)
  const values = compileTemplate(text, ALL_PLACEHOLDERS).resolveAll(context)
  assert.is(values.length, MAX_COMBINATIONS)
  assert.is(values[1], '0001')
})

it('refuses what cannot be compiled and says what and where', () => {
  const cases: [template: string, error: string, message: RegExp, description: RegExp][] = [
    ['a {{ nope:id }}', 'placeholder:unresolved', /'nope:id'/, /header, entity.*character 3/],
    ['{{ thing:color }}', 'placeholder:unresolved', /'thing:color'/, /no 'color'/],
    ['{{ thing }}', 'placeholder:unresolved', /'thing'/, /prefix:name/],
    ['{{ thing: id }}', 'placeholder:unresolved', /'thing: id'/, /no ' id'/],
    ['{{ thing :id }}', 'placeholder:unresolved', /'thing :id'/, /header, entity/],
    ['{{ Thing:id }}', 'placeholder:unresolved', /'Thing:id'/, /header, entity/],
    ['{{ thing:ID }}', 'placeholder:unresolved', /'thing:ID'/, /no 'ID'/],
    [`\${request.subjectId}`, 'placeholder:unresolved', /'request.subjectId'/, /prefix:name/],
    ['{{ request:subject }}', 'placeholder:unresolved', /request:subject/, /no 'subject'/],
    ['{{ source:address }}', 'placeholder:unresolved', /source:address/, /can be used here/],
    ['{{ header:a | fn:default(nope:id) }}', 'placeholder:unresolved', /nope:id/, /header, ent/],
    [
      '{{ header:a | fn:default(fn:nope()) }}',
      'placeholder:function.unknown',
      /<nope>/,
      /parentheses/,
    ],
    ['{{ header:a | FN:lower() }}', 'placeholder:function.unknown', /<FN:lower>/, /./],
    ['{{ header:a | fn:lower () }}', 'placeholder:function.unknown', /<lower >/, /./],
    ['{{ header:a | lower() }}', 'placeholder:function.unknown', /<lower>/, /./],
    ['{{ fn:lower() | header:a }}', 'placeholder:function.unknown', /<header:a>/, /./],
    ['{{ | fn:lower() }}', 'placeholder:unresolved', /fn:lower/, /both sides/],
    ['{{ header:a | }}', 'placeholder:unresolved', /header:a/, /both sides/],
    ['{{ }}', 'placeholder:unresolved', /''/, /character 1/],
    ['{{ header:a || fn:lower() }}', 'placeholder:unresolved', /header:a/, /both sides/],
    [`{{ fn:default('x) }}`, 'placeholder:unresolved', /fn:default/, /quotation mark/],
    ['{{ header:a | fn:nope() }}', 'placeholder:function.unknown', /<nope>/, /character 1/],
    ['{{ header:a | fn:lower }}', 'placeholder:function.unknown', /<lower>/, /parentheses/],
    ['{{ header:a | thing:id }}', 'placeholder:function.unknown', /<thing:id>/, /./],
    [
      '{{ header:a | fn:lower(1) }}',
      'placeholder:function.signature.invalid',
      /\(1\)/,
      /lower\(\)/,
    ],
    [
      '{{ header:a | fn:split(header:b) }}',
      'placeholder:function.signature.invalid',
      /header:b/,
      /separator/,
    ],
    [
      `{{ header:a${' | fn:lower()'.repeat(11)} }}`,
      'placeholder:function.too.complex',
      /complex/,
      /'10'/,
    ],
    ['x {{ thing:id', 'placeholder:placeholder.notresolvable', /thing:id/, /character 3/],
    ['{{ thing:{{ thing:id }} }}', 'placeholder:placeholder.notresolvable', /thing/, /nested/],
    ['a}}b{{', 'placeholder:placeholder.notresolvable', /a}}b/, /character 5/],
    [`\${thing:id`, 'placeholder:placeholder.notresolvable', /thing:id/, /braces/],
    ['{{ policy:id }}', 'placeholder:unresolved', /policy:id/, /can be used here/],
  ]
  for (const [text, error, message, description] of cases) {
    try {
      compileTemplate(text, ALL_PLACEHOLDERS)
      assert.unreachable(`accepted ${text}`)
    } catch (thrown) {
      assert.instance(thrown, DittoException, text)
      const found = (thrown as DittoException).error
      assert.is(found.status, 400)
      assert.is(found.error, error, text)
      assert.match(found.message, message)
      assert.match(found.description!, description)
    }
  }
})

it('allows ten functions and only the given prefixes', () => {
  const ten = `{{ header:a${' | fn:lower()'.repeat(10)} }}`
  assert.is(compileTemplate(ten, HEADER_ONLY).resolve(contextWith({ headers: { a: 'X' } })), 'x')
  const label = compileTemplate('{{connection:id}}:ack', CONNECTION_ONLY)
  assert.is(label.resolve(contextWith()), 'the-connection:ack')
  assert.throws(() => compileTemplate('{{ header:a }}', CONNECTION_ONLY))
})
