import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { compileLike, isLikePattern, MAX_STRETCH_WITH_ANY } from '../../../src/expression/like.ts'
import { suite } from '../../support/suite.ts'

const it = suite('like')

const CASES: readonly [text: string, pattern: string, like: boolean, ilike?: boolean][] = [
  ['', '', true],
  ['', '*', true],
  ['', '**', true],
  ['', '?', false],
  ['', 'a', false],
  ['a', '', false],
  ['a', 'a', true],
  ['a', 'A', false, true],
  ['A', 'a', false, true],
  ['abc', 'ab', false],
  ['abc', 'bc', false],
  ['abc', 'abc', true],
  ['abc', 'abcd', false],
  ['abc', 'a*', true],
  ['abc', '*c', true],
  ['abc', '*b*', true],
  ['abc', '*', true],
  ['abc', '***', true],
  ['abc', 'a**c', true],
  ['abc', 'a*b', false],
  ['abc', 'b*', false],
  ['abc', 'a?c', true],
  ['abc', 'a?', false],
  ['abc', '???', true],
  ['abc', '????', false],
  ['abc', '?*?', true],
  ['a', '?*?', false],
  ['ab', '?*?', true],
  ['aa', 'a*a', true],
  ['a', 'a*a', false],
  ['aba', 'ab*ba', false],
  ['abba', 'ab*ba', true],
  ['aXbXc', 'a*Xc', true],
  ['aab', '*ab', true],
  ['aaab', '*aab*', true],
  ['abababac', '*ababac*', true],
  ['abcabd', '*ab?', true],
  ['abcabd', '*ab?*abd', true],
  ['abd', '*ab?*abd', false],
  ['xaybz', '*a?b*', true],
  ['xayybz', '*a?b*', false],
  // A star takes as little as it can, which never hides a match.
  ['one two one two', '*one*two', true],
  ['one two one', '*one*two*one', true],
  ['one two', '*two*one*', false],
  // Nothing but * and ? is special.
  ['a.c', 'a.c', true],
  ['abc', 'a.c', false],
  ['a|b', 'a|b', true],
  ['a', 'a|b', false],
  ['[a]', '[a]', true],
  ['a', '[a]', false],
  ['a\\b', 'a\\b', true],
  ['a(b)+$^{1}', 'a(b)+$^{1}', true],
  ['\\E.*\\Q', '\\E.*\\Q', true],
  ['a\nb', 'a*b', true],
  ['a\nb', 'a?b', true],
  ['\u0000', '?', true],
  // A character can be two code units.
  ['😀', '?', true],
  ['😀', '??', false],
  ['x😀y', 'x?y', true],
  ['x😀y', '*??', true],
  ['x😀y', '?*?', true],
  ['😀😀', '*?*?*', true],
  ['😀', '*?*?*', false],
  ['\ud83d', '?', true],
  ['\ude00\ud83d', '*??', true],
  // Lower and upper case, also of letters that are not ASCII.
  ['KÖLN', '*öl?', false, true],
  ['Straße', 'strasse', false],
  ['ПРИВЕТ', 'привет', false, true],
  ['İ', '?', true],
  ['hello WORLD', 'HE*O w?RLD', false, true],
]

it('describes whole texts', () => {
  for (const [text, pattern, like, ilike = like] of CASES) {
    assert.is(compileLike(pattern, false).matches(text), like, `${text} like ${pattern}`)
    assert.is(compileLike(pattern, true).matches(text), ilike, `${text} ilike ${pattern}`)
  }
})

const MEANING: Readonly<Record<string, string>> = { '*': '.*', '?': '.', '.': '\\.' }

it('agrees with the regular expression of the same meaning', () => {
  const letters = fc.constantFrom('a', 'A', 'b', '.', '\n', '😀')
  const parts = fc.array(fc.oneof(letters, fc.constantFrom('*', '*', '?')), { maxLength: 10 })
  const texts = fc.array(letters, { maxLength: 14 }).map((text) => text.join(''))
  fc.assert(
    fc.property(texts, parts, fc.boolean(), (text, pattern, ignoresCase) => {
      const source = pattern.map((part) => MEANING[part] ?? part).join('')
      const expected = new RegExp(`^${source}$`, ignoresCase ? 'sui' : 'su').test(text)
      assert.is(compileLike(pattern.join(''), ignoresCase).matches(text), expected)
    }),
    { numRuns: 5_000 },
  )
})

it('bounds the stretches that are tried at every place', () => {
  const wild = '?'.repeat(MAX_STRETCH_WITH_ANY)
  assert.ok(isLikePattern(`*${wild}*`))
  assert.not(isLikePattern(`*${wild}a*`))
  assert.not(isLikePattern(`x*b*${wild}a*`))
  assert.ok(isLikePattern(`${wild}a*a${wild}`), 'the ends are tried at one place only')
  assert.ok(isLikePattern(`${wild}a`))
  assert.ok(isLikePattern(`*${'a'.repeat(10 * MAX_STRETCH_WITH_ANY)}*`))
})

/** Far from what linear work on these sizes takes, and far below what quadratic work would. */
const GENEROUS_MS = 10_000

const LARGE = 200_000

const HOSTILE: readonly [title: string, text: string, pattern: string, matches: boolean][] = [
  ['many stars', 'a'.repeat(LARGE), '*a'.repeat(LARGE / 2), true],
  ['many stars and no end', 'a'.repeat(LARGE), `${'*a'.repeat(LARGE / 2)}b`, false],
  ['many stars, no middle', 'a'.repeat(LARGE), `${'*a'.repeat(LARGE / 4)}*b*a`, false],
  ['more stars than text', 'a'.repeat(10), '*a'.repeat(LARGE / 2), false],
  ['nothing but stars', 'a'.repeat(LARGE), '*'.repeat(LARGE), true],
  ['an almost periodic stretch', 'a'.repeat(LARGE), `*${'a'.repeat(LARGE / 2)}b*`, false],
  ['an almost periodic text', `${'a'.repeat(LARGE)}b`, `*${'a'.repeat(LARGE / 2)}b*`, true],
  ['a period of two', 'ab'.repeat(LARGE / 2), `*${'ab'.repeat(LARGE / 4)}b*`, false],
  ['one long stretch', 'a'.repeat(LARGE), `${'a'.repeat(LARGE - 1)}?`, true],
  ['question marks', 'a'.repeat(LARGE), '?'.repeat(LARGE), true],
  ['too many question marks', 'a'.repeat(LARGE), '?'.repeat(LARGE + 1), false],
  ['pairs of question mark and star', 'a'.repeat(LARGE), '?*'.repeat(LARGE), true],
  ['a wild stretch everywhere', 'a'.repeat(LARGE), `*${'a?'.repeat(31)}b*`, false],
  ['wild stretches everywhere', 'a'.repeat(LARGE), `${'*a?'.repeat(LARGE / 4)}*b*`, false],
]

it('takes time in proportion to the text', () => {
  const start = performance.now()
  for (const [title, text, pattern, expected] of HOSTILE) {
    for (const ignoresCase of [false, true]) {
      assert.ok(isLikePattern(pattern), title)
      assert.is(compileLike(pattern, ignoresCase).matches(text), expected, title)
    }
  }
  assert.ok(performance.now() - start < GENEROUS_MS)
})
