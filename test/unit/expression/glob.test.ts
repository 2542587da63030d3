import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { compileGlob, MAX_PATTERN_CHARS, MAX_SEARCHES } from '../../../src/expression/glob.ts'
import { MAX_STRETCH_WITH_ANY } from '../../../src/expression/like.ts'
import { suite } from '../../support/suite.ts'

const it = suite('glob')

function matches(text: string, pattern: string): boolean {
  return compileGlob(pattern)!.matches(text)
}

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
    ['ab', 'ab*ab', false],
    ['aba', 'ab*ba', false],
    ['abba', 'ab*ba', true],
    ['aXbXc', 'a*Xc', true],
    ['aab', '*ab', true],
    ['aaab', '*aab*', true],
    ['ababac', '*abac*', true],
    ['a.c', 'a.c', true],
    ['abc', 'a.c', false],
    ['a\nb', 'a*b', true],
    ['😀', '?', true],
    ['😀', '??', false],
    ['x😀y', 'x?y', true],
    ['x😀y', '*??', true],
    ['1234567', '*2?7', false],
    ['1234567', '*5?7', true],
    ['1234567', '1?4*', false],
    ['1234567', '1?3*', true],
    ['1234567', '*?1?3?*', false],
    ['1234567', '*?3?5?*', true],
  ]
  for (const [text, pattern, expected] of cases) {
    assert.is(matches(text, pattern), expected, `${text} ${pattern}`)
  }
})

it('knows alternatives', () => {
  const cases: [text: string, pattern: string, expected: boolean][] = [
    ['a', 'a|b', true],
    ['b', 'a|b', true],
    ['ab', 'a|b', false],
    ['a|b', 'a|b', false],
    ['', 'a|', true],
    ['x', '||', false],
    ['x', 'y|*', true],
    ['x', 'y|z|x', true],
    ['xyz', 'a*|?y?', true],
  ]
  for (const [text, pattern, expected] of cases) {
    assert.is(matches(text, pattern), expected, `${text} ${pattern}`)
  }
})

const MEANING: Readonly<Record<string, string>> = { '*': '.*', '?': '.', '.': '\\.' }

it('agrees with the regular expression of the same meaning', () => {
  const letters = fc.constantFrom('a', 'b', '\n', '.')
  const pattern = fc.array(fc.oneof(letters, fc.constantFrom('*', '?', '|')), { maxLength: 10 })
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 10 }), pattern, (text, parts) => {
      const source = parts.map((part) => MEANING[part] ?? part).join('')
      const expected = new RegExp(`^(?:${source})$`, 's').test(text.join(''))
      assert.is(matches(text.join(''), parts.join('')), expected)
    }),
    { numRuns: 3_000 },
  )
})

it('refuses patterns that take too many steps', () => {
  const cases: [pattern: string, isAccepted: boolean][] = [
    ['a'.repeat(MAX_PATTERN_CHARS), true],
    ['a'.repeat(MAX_PATTERN_CHARS + 1), false],
    ['*|'.repeat(MAX_SEARCHES), true],
    ['*|'.repeat(MAX_SEARCHES + 1), false],
    ['a|'.repeat(1_000), true],
    [`*${'?'.repeat(MAX_STRETCH_WITH_ANY)}*`, true],
    [`*a${'?'.repeat(MAX_STRETCH_WITH_ANY)}*`, false],
    [`${'?'.repeat(1_000)}*${'?'.repeat(1_000)}`, true],
    [`*${'a'.repeat(1_000)}*`, true],
  ]
  for (const [pattern, isAccepted] of cases) {
    assert.is(compileGlob(pattern) !== undefined, isAccepted, pattern.slice(0, 80))
  }
})

it('takes linear time', () => {
  const text = 'a'.repeat(1_000_000)
  const half = 'a'.repeat(MAX_PATTERN_CHARS / 2)
  for (const pattern of [
    `*${half}b*`,
    `*b${half}*`,
    `${'*a'.repeat(MAX_PATTERN_CHARS / 2 - 1)}b`,
    `${'*a'.repeat(MAX_PATTERN_CHARS / 2 - 1)}b*`,
    `*${'a'.repeat(MAX_STRETCH_WITH_ANY - 2)}?b*`,
    '*a*b|'.repeat(10),
  ]) {
    assert.not(matches(text, pattern), pattern.slice(0, 20))
  }
}, 10_000)
