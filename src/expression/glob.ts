/**
 * Wildcard patterns: `*` stands for any characters, `?` for exactly one, everything else for
 * itself; a pattern describes the whole text. Knows no regular expressions, so that nobody's
 * pattern can make it slow: it needs at most length of text times length of pattern steps.
 */

/** Characters of a pattern; a longer one, which can only come from a message, matches nothing. */
export const MAX_PATTERN_CHARS = 4_096

const STAR = 0x2a
const QUESTION_MARK = 0x3f

/** Whether the pattern describes the whole text. */
export function matchesGlob(text: string, pattern: string): boolean {
  return pattern.length <= MAX_PATTERN_CHARS && matchesPart(text, pattern, 0, pattern.length)
}

/** Whether one of the alternatives, separated by `|`, describes the whole text. */
export function matchesAnyGlob(text: string, pattern: string): boolean {
  if (pattern.length > MAX_PATTERN_CHARS) return false
  let start = 0
  for (;;) {
    const bar = pattern.indexOf('|', start)
    if (bar < 0) return matchesPart(text, pattern, start, pattern.length)
    if (matchesPart(text, pattern, start, bar)) return true
    start = bar + 1
  }
}

function matchesPart(text: string, pattern: string, start: number, end: number): boolean {
  let at = 0
  let patternAt = start
  // Where to go on when what follows the last star does not fit: let the star take one more.
  let afterStar = -1
  let starTakesUpTo = 0
  while (at < text.length) {
    const wanted = patternAt < end ? pattern.charCodeAt(patternAt) : -1
    if (wanted === STAR) {
      afterStar = ++patternAt
      starTakesUpTo = at
    } else if (wanted === QUESTION_MARK) {
      at = nextCharacter(text, at)
      patternAt++
    } else if (wanted === text.charCodeAt(at)) {
      at++
      patternAt++
    } else if (afterStar >= 0) {
      starTakesUpTo = nextCharacter(text, starTakesUpTo)
      at = starTakesUpTo
      patternAt = afterStar
    } else {
      return false
    }
  }
  while (patternAt < end && pattern.charCodeAt(patternAt) === STAR) patternAt++
  return patternAt === end
}

/** One character may be two code units. */
function nextCharacter(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? at + 2 : at + 1
}
