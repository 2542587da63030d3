import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { MAX_PATTERN_CHARS, matchesAnyGlob, matchesGlob } from '../../../src/expression/glob.ts'
import { suite } from '../../support/suite.ts'

const it = suite('glob')

it('matches whole texts', () => {
  const cases: [text: string, pattern: string, expected: boolean][] = [
    ['', '', true],
    ['', '*', true],
    ['', '?', false],
    ['a', '', false],
    ['a', 'a', true],
    ['a', 'A', false],
    ['abc', 'a*', true],
    ['abc', '*c', true],
    ['abc', '*b*', true],
    ['abc', 'a*c', true],
    ['abc', 'a*b', false],
    ['abc', 'a?c', true],
    ['abc', 'a?', false],
    ['abc', '***', true],
    ['aXbXc', 'a*Xc', true],
    ['aab', '*ab', true],
    ['a.c', 'a.c', true],
    ['abc', 'a.c', false],
    ['a\nb', 'a*b', true],
    ['a|b', 'a|b', true],
    ['😀', '?', true],
    ['😀', '??', false],
    ['x😀y', 'x?y', true],
    ['x😀y', '*??', true],
  ]
  for (const [text, pattern, expected] of cases) {
    assert.is(matchesGlob(text, pattern), expected, `${text} ${pattern}`)
  }
})

it('knows alternatives', () => {
  const cases: [text: string, pattern: string, expected: boolean][] = [
    ['a', 'a|b', true],
    ['b', 'a|b', true],
    ['ab', 'a|b', false],
    ['a|b', 'a|b', false],
    ['', 'a|', true],
    ['xyz', 'a*|?y?', true],
  ]
  for (const [text, pattern, expected] of cases) {
    assert.is(matchesAnyGlob(text, pattern), expected, `${text} ${pattern}`)
  }
})

it('agrees with the regular expression of the same meaning', () => {
  const letters = fc.constantFrom('a', 'b', '\n', '.')
  const pattern = fc.array(fc.oneof(letters, fc.constantFrom('*', '?')), { maxLength: 8 })
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 10 }), pattern, (text, parts) => {
      const source = parts.map((part) => MEANING[part] ?? part).join('')
      const expected = new RegExp(`^${source}$`, 's').test(text.join(''))
      assert.is(matchesGlob(text.join(''), parts.join('')), expected)
    }),
    { numRuns: 2_000 },
  )
})

const MEANING: Readonly<Record<string, string>> = { '*': '.*', '?': '.', '.': '\\.' }

it('is not slowed down by hostile patterns', () => {
  const start = performance.now()
  assert.not(matchesGlob('a'.repeat(10_000), `${'*a'.repeat(1_000)}b`))
  assert.not(matchesGlob('a'.repeat(10), 'a'.repeat(MAX_PATTERN_CHARS + 1)))
  assert.not(matchesAnyGlob('', '|'.repeat(MAX_PATTERN_CHARS + 1)))
  assert.ok(performance.now() - start < 2_000)
})
