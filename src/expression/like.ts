/**
 * Patterns with wildcards: of RQL's `like` and `ilike` (Ditto documentation, "RQL expressions – like")
 * and of filters in expressions. `*` stands for any characters, `?` for exactly one, everything else for
 * itself; a pattern describes the whole text. Compiled once. Stars cut a pattern into stretches; each is
 * looked for behind the one before it, at the first place where it fits, so that no place is tried twice:
 * the time grows with the text alone.
 */

/**
 * Characters of a stretch between two stars that has a `?`: the only kind that is tried anew at every
 * place of the text, which costs this many steps for each at most.
 */
export const MAX_STRETCH_WITH_ANY = 64

/** A compiled pattern. */
export interface LikePattern {
  /** Whether the pattern describes the whole text. */
  matches(text: string): boolean
}

/**
 * Compiles a pattern; when it ignores case, letters count as equal if they are in lower case. The
 * pattern must be one that {@link isLikePattern} accepts.
 */
export function compileLike(pattern: string, ignoresCase: boolean): LikePattern {
  const fold = ignoresCase ? lowerCaseTable() : undefined
  const stretches = pattern.split(STARS).map((text, index, all) => {
    const isBetweenStars = index > 0 && index < all.length - 1
    return compileStretch(text, fold, isBetweenStars)
  })
  return new Stretches(stretches, fold)
}

/** Whether no stretch of the pattern is longer than {@link MAX_STRETCH_WITH_ANY} allows. */
export function isLikePattern(pattern: string): boolean {
  return pattern
    .split(STARS)
    .slice(1, -1)
    .every((stretch) => stretch.length <= MAX_STRETCH_WITH_ANY || !stretch.includes('?'))
}

const STARS = /\*+/
const QUESTION_MARK = 0x3f

/** Stands in a stretch for one character, whichever. */
const ANY = -1

/** Nowhere in the text. */
const NOWHERE = -1

interface Stretch {
  /** Code units, or {@link ANY}. */
  readonly codes: Int32Array
  /**
   * For each code, how many codes before and with it are the stretch's beginning again (the failure
   * function of Knuth, Morris and Pratt); undefined where it is not needed, or `?` forbids it.
   */
  readonly borders: Int32Array | undefined
}

function compileStretch(
  text: string,
  fold: Uint16Array | undefined,
  isBetweenStars: boolean,
): Stretch {
  const codes = new Int32Array(text.length)
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    codes[index] = code === QUESTION_MARK ? ANY : folded(code, fold)
  }
  return { codes, borders: isBetweenStars && !codes.includes(ANY) ? bordersOf(codes) : undefined }
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

/** The first stretch begins the text, the last one ends it, the others lie in between. */
class Stretches implements LikePattern {
  readonly #stretches: readonly Stretch[]
  readonly #fold: Uint16Array | undefined

  constructor(stretches: readonly Stretch[], fold: Uint16Array | undefined) {
    this.#stretches = stretches
    this.#fold = fold
  }

  matches(text: string): boolean {
    const last = this.#stretches.length - 1
    let at = this.#endOf(this.#stretches[0]!.codes, text, 0, text.length)
    if (at === NOWHERE || last === 0) return at === text.length
    const end = this.#startOfLast(this.#stretches[last]!.codes, text, at)
    if (end === NOWHERE) return false
    for (let index = 1; index < last; index++) {
      const { codes, borders } = this.#stretches[index]!
      at =
        borders === undefined
          ? this.#findAnywhere(codes, text, at, end)
          : this.#findLiteral(codes, borders, text, at, end)
      if (at === NOWHERE) return false
    }
    return true
  }

  /** Where the codes end in the text if they begin at `at`. */
  #endOf(codes: Int32Array, text: string, start: number, end: number): number {
    let at = start
    for (let index = 0; index < codes.length; index++) {
      if (at >= end) return NOWHERE
      const code = codes[index]!
      if (code === ANY) at += isPairAt(text, at) ? 2 : 1
      else if (code === folded(text.charCodeAt(at), this.#fold)) at++
      else return NOWHERE
    }
    return at
  }

  /** Where the codes begin if they end with the text, not before `start`. */
  #startOfLast(codes: Int32Array, text: string, start: number): number {
    let at = text.length
    for (let index = codes.length - 1; index >= 0; index--) {
      if (at <= start) return NOWHERE
      const code = codes[index]!
      if (code === ANY) at -= isPairAt(text, at - 2) ? 2 : 1
      else if (code === folded(text.charCodeAt(at - 1), this.#fold)) at--
      else return NOWHERE
    }
    return at < start ? NOWHERE : at
  }

  /** Where the first occurrence ends; every character of the text is looked at twice at most. */
  #findLiteral(
    codes: Int32Array,
    borders: Int32Array,
    text: string,
    start: number,
    end: number,
  ): number {
    let length = 0
    for (let at = start; at < end; at++) {
      const code = folded(text.charCodeAt(at), this.#fold)
      while (length > 0 && code !== codes[length]) length = borders[length - 1]!
      if (code === codes[length]) length++
      if (length === codes.length) return at + 1
    }
    return NOWHERE
  }

  #findAnywhere(codes: Int32Array, text: string, start: number, end: number): number {
    for (let from = start; from < end; from += isPairAt(text, from) ? 2 : 1) {
      const at = this.#endOf(codes, text, from, end)
      if (at !== NOWHERE) return at
    }
    return NOWHERE
  }
}

/** One character may be two code units. */
function isPairAt(text: string, at: number): boolean {
  return isHighSurrogate(text.charCodeAt(at)) && isLowSurrogate(text.charCodeAt(at + 1))
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000
}

function folded(code: number, fold: Uint16Array | undefined): number {
  return fold === undefined ? code : fold[code]!
}

const CODE_UNITS = 0x1_0000

let table: Uint16Array | undefined

/** Per code unit the one of its lower case, so that no text needs to be copied to be compared. */
function lowerCaseTable(): Uint16Array {
  if (table !== undefined) return table
  table = new Uint16Array(CODE_UNITS)
  for (let code = 0; code < CODE_UNITS; code++) {
    const lower = String.fromCharCode(code).toLowerCase()
    table[code] = lower.length === 1 ? lower.charCodeAt(0) : code
  }
  return table
}
