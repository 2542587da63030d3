/**
 * What an expression can come to: some values, nothing (unresolved), or the wish to be left out
 * (deleted). Knows neither placeholders nor functions.
 */

/** The values of an expression, in order. Compare with `===` to tell why there are none. */
export type Values = readonly string[]

/** There is no value: a header is missing, a filter let nothing through. */
export const UNRESOLVED: Values = Object.freeze([])

/** `fn:delete()` was asked to leave this part out. */
export const DELETED: Values = Object.freeze([])

/** Values that a combination of several multi-valued parts may have; further ones are left out. */
export const MAX_COMBINATIONS = 1_000

/** Characters of one value; a function that would make a longer one gives no value instead. */
export const MAX_VALUE_CHARS = 1_048_576

/** Characters of all values of an expression; a function that would make more gives none. */
export const MAX_TOTAL_CHARS = 8_388_608

/** A list without values is unresolved. */
export function valuesOf(values: readonly string[]): Values {
  return values.length === 0 ? UNRESOLVED : values
}

/**
 * Every concatenation of one value of each list, in order (Ditto documentation, "Placeholders –
 * multiple values"); at most {@link MAX_COMBINATIONS} with {@link MAX_TOTAL_CHARS} together.
 */
export function combinations(lists: readonly Values[]): readonly string[] {
  let heads: readonly string[] = ['']
  for (const tails of lists) heads = pairs(heads, tails)
  return heads
}

/** How many characters the values have. */
export function charsOf(values: Values): number {
  let chars = 0
  for (const value of values) chars += value.length
  return chars
}

function pairs(heads: readonly string[], tails: Values): readonly string[] {
  const paired: string[] = []
  let chars = 0
  for (const head of heads) {
    for (const tail of tails) {
      chars += head.length + tail.length
      if (paired.length === MAX_COMBINATIONS || chars > MAX_TOTAL_CHARS) return paired
      paired.push(head + tail)
    }
  }
  return paired
}
