/**
 * Patterns of `fn:filter(…, 'like', …)`: as of RQL's `like` (`like.ts`), with `|` between alternatives.
 * Knows no regular expressions, so that nobody's pattern can make it slow: the time grows with the text
 * and with the pattern, never with their product.
 */
import { compileLike, isLikePattern } from './like.ts'

/** Characters of a pattern. */
export const MAX_PATTERN_CHARS = 4_096

/** Alternatives with stars: each of them may have to read the whole text. */
export const MAX_SEARCHES = 64

/** A compiled pattern. */
export interface Glob {
  /** Whether one of the alternatives describes the whole text. */
  matches(text: string): boolean
}

/**
 * Compiles a pattern. One with more than {@link MAX_PATTERN_CHARS} or {@link MAX_SEARCHES} allow, or with
 * an alternative that is no {@link isLikePattern}, gives undefined: no text should be compared with it.
 */
export function compileGlob(pattern: string): Glob | undefined {
  if (pattern.length > MAX_PATTERN_CHARS) return undefined
  const texts = pattern.split('|')
  if (texts.filter((text) => text.includes('*')).length > MAX_SEARCHES) return undefined
  if (!texts.every(isLikePattern)) return undefined
  const alternatives = texts.map((text) => compileLike(text, false))
  return {
    matches(text) {
      for (const alternative of alternatives) {
        if (alternative.matches(text)) return true
      }
      return false
    },
  }
}
