/**
 * Wildcard patterns: `*` stands for any characters, `?` for exactly one, `|` parts alternatives,
 * everything else stands for itself; an alternative describes the whole text. Knows no regular
 * expressions, so that nobody's pattern can make it slow. Stars cut an alternative into stretches;
 * each is looked for behind the one before it, at the first place where it fits, so that no place is
 * tried twice: the time grows with the text and with the pattern, never with their product.
 */

/** Characters of a pattern. */
export const MAX_PATTERN_CHARS = 4_096

/** Alternatives with stars: each of them may have to read the whole text. */
export const MAX_SEARCHES = 64

/**
 * Characters of a stretch between two stars that has a `?`: the only kind that is tried anew at every
 * place of the text, which costs this many steps for each at most.
 */
export const MAX_STRETCH_WITH_ANY = 64

/** A compiled pattern. */
export interface Glob {
  /** Whether one of the alternatives describes the whole text. */
  matches(text: string): boolean
}

/**
 * Compiles a pattern. One with more than {@link MAX_PATTERN_CHARS}, {@link MAX_SEARCHES} or
 * {@link MAX_STRETCH_WITH_ANY} allow gives undefined: no text should be compared with it.
 */
export function compileGlob(pattern: string): Glob | undefined {
  if (pattern.length > MAX_PATTERN_CHARS) return undefined
  const alternatives = pattern.split('|').map(compileAlternative)
  const searches = alternatives.filter((alternative) => alternative.length > 1)
  if (searches.length > MAX_SEARCHES) return undefined
  if (!searches.every((alternative) => alternative.slice(1, -1).every(isAffordable))) {
    return undefined
  }
  return {
    matches(text) {
      for (const alternative of alternatives) {
        if (describes(alternative, text)) return true
      }
      return false
    },
  }
}

const QUESTION_MARK = 0x3f

/** Stands in a stretch for one character, whichever. */
const ANY = -1

/** Nowhere in the text. */
const NOWHERE = -1

/** What stands between stars; the first stretch begins the text and the last one ends it. */
interface Stretch {
  /** Code units, or {@link ANY}. */
  readonly codes: Int32Array
  /**
   * For each code, how many codes before and with it are the stretch's beginning again (the failure
   * function of Knuth, Morris and Pratt); undefined when `?` forbids it.
   */
  readonly borders: Int32Array | undefined
}

function compileAlternative(alternative: string): readonly Stretch[] {
  return alternative.split(/\*+/).map(compileStretch)
}

function compileStretch(text: string): Stretch {
  const codes = new Int32Array(text.length)
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    codes[index] = code === QUESTION_MARK ? ANY : code
  }
  return { codes, borders: codes.includes(ANY) ? undefined : bordersOf(codes) }
}

function isAffordable({ codes, borders }: Stretch): boolean {
  return borders !== undefined || codes.length <= MAX_STRETCH_WITH_ANY
}

function bordersOf(codes: Int32Array): Int32Array {
  const borders = new Int32Array(codes.length)
  for (let index = 1, length = 0; index < codes.length; index++) {
    while (length > 0 && codes[index] !== codes[length]) length = borders[length - 1]!
    if (codes[index] === codes[length]) length++
    borders[index] = length
  }
  return borders
}

function describes(stretches: readonly Stretch[], text: string): boolean {
  const last = stretches.length - 1
  let at = endOf(stretches[0]!.codes, text, 0, text.length)
  if (at === NOWHERE || last === 0) return at === text.length
  const end = startOfLast(stretches[last]!.codes, text, at)
  if (end === NOWHERE) return false
  for (let index = 1; index < last; index++) {
    const { codes, borders } = stretches[index]!
    at =
      borders === undefined
        ? findAnywhere(codes, text, at, end)
        : findLiteral(codes, borders, text, at, end)
    if (at === NOWHERE) return false
  }
  return true
}

/** Where the codes end in the text if they begin at `start`. */
function endOf(codes: Int32Array, text: string, start: number, end: number): number {
  let at = start
  for (const code of codes) {
    if (at >= end) return NOWHERE
    if (code === ANY) at += isPairAt(text, at) ? 2 : 1
    else if (code === text.charCodeAt(at)) at++
    else return NOWHERE
  }
  return at
}

/** Where the codes begin if they end with the text, not before `start`. */
function startOfLast(codes: Int32Array, text: string, start: number): number {
  let at = text.length
  for (let index = codes.length - 1; index >= 0; index--) {
    if (at <= start) return NOWHERE
    const code = codes[index]!
    if (code === ANY) at -= isPairAt(text, at - 2) ? 2 : 1
    else if (code === text.charCodeAt(at - 1)) at--
    else return NOWHERE
  }
  return at < start ? NOWHERE : at
}

/** Where the first occurrence ends; every character of the text is looked at twice at most. */
function findLiteral(
  codes: Int32Array,
  borders: Int32Array,
  text: string,
  start: number,
  end: number,
): number {
  let length = 0
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    while (length > 0 && code !== codes[length]) length = borders[length - 1]!
    if (code === codes[length]) length++
    if (length === codes.length) return at + 1
  }
  return NOWHERE
}

function findAnywhere(codes: Int32Array, text: string, start: number, end: number): number {
  for (let from = start; from < end; from += isPairAt(text, from) ? 2 : 1) {
    const at = endOf(codes, text, from, end)
    if (at !== NOWHERE) return at
  }
  return NOWHERE
}

/** One character may be two code units. */
function isPairAt(text: string, at: number): boolean {
  return isSurrogate(text, at, 0xd800) && isSurrogate(text, at + 1, 0xdc00)
}

/** Whether the code unit is one of the 1,024 surrogates that begin with `first`. */
function isSurrogate(text: string, at: number, first: number): boolean {
  const code = text.charCodeAt(at)
  return code >= first && code < first + 0x400
}
