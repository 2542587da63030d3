/**
 * `fn:split` (Ditto documentation, "Placeholders – function library"). Ditto leaves a value alone that
 * does not contain the separator as it is written, and takes the separator for a Java regular
 * expression otherwise; any expression would let a pattern stop a thread. Understood here are
 *
 * ```
 * separator = row *( "|" row )
 * row       = *character
 * character = plain                 not one of . $ | ( ) [ { ^ ? * + \
 *           | "."                   any but the end of a line
 *           | "\" punctuation       that character
 *           | "\t" | "\n" | "\r" | "\s" | "\d"
 *           | "[" 1*plain "]"       any of them; a-z is a range, a leading ^ means none of them
 * ```
 *
 * Everything else is refused when it is compiled.
 */
import { type Step, whole } from './step.ts'
import { type Values, valuesOf } from './values.ts'

/** Characters of a separator that is more than plain text: each may be compared at every place. */
export const MAX_SEPARATOR_CHARS = 64

/** Whether a UTF-16 code unit is meant. */
type Unit = (code: number) => boolean
type Row = readonly Unit[]

const METACHARACTERS = '.$|()[{^?*+\\'

/**
 * The step that splits every value. Empty texts at the end are dropped, as in Java. Throws
 * {@link Error} with the reason when the separator is none of the above.
 */
export function compileSplit(separator: string): Step {
  const split = splitterOf(separator)
  return whole(false, (values) => splitAll(values, separator, split))
}

type Splitter = (value: string) => string[]

function splitAll(values: Values, separator: string, split: Splitter): Values {
  const parts: string[] = []
  for (const value of values) {
    // Nothing is split at the ends of an empty value, not even by the empty separator.
    if (value === '' || !value.includes(separator)) {
      parts.push(value)
      continue
    }
    const own = split(value)
    if (own.length > 1) while (own.at(-1) === '') own.pop()
    for (const part of own) parts.push(part)
  }
  return valuesOf(parts)
}

function splitterOf(separator: string): Splitter {
  if (!hasMetacharacter(separator)) return (value) => value.split(separator)
  if (separator.length > MAX_SEPARATOR_CHARS) {
    throw new Error(`A separator with special characters has ${MAX_SEPARATOR_CHARS} at most.`)
  }
  const rows = parseRows(separator)
  return (value) => splitByRows(value, rows)
}

function hasMetacharacter(text: string): boolean {
  for (const character of text) {
    if (METACHARACTERS.includes(character)) return true
  }
  return false
}

/** As Java does it: what has no length separates too, but not at the beginning. */
function splitByRows(value: string, rows: readonly Row[]): string[] {
  const parts: string[] = []
  let start = 0
  let at = 0
  while (at <= value.length) {
    const length = lengthOfFirst(rows, value, at)
    if (length >= 0 && at + length > 0) {
      parts.push(value.slice(start, at))
      start = at + length
    }
    at += length > 0 ? length : 1
  }
  parts.push(value.slice(start))
  return parts
}

/** How long the first row that fits at that place is; -1 when none does. */
function lengthOfFirst(rows: readonly Row[], value: string, at: number): number {
  for (const row of rows) {
    if (fits(value, at, row)) return row.length
  }
  return -1
}

function fits(value: string, at: number, row: Row): boolean {
  if (at + row.length > value.length) return false
  for (let index = 0; index < row.length; index++) {
    if (!row[index]!(value.charCodeAt(at + index))) return false
  }
  return true
}

function parseRows(separator: string): readonly Row[] {
  let row: Unit[] = []
  const rows: Row[] = [row]
  let at = 0
  while (at < separator.length) {
    const character = separator[at]!
    if (character === '|') {
      row = []
      rows.push(row)
      at++
    } else if (character === '[') {
      const end = separator.indexOf(']', at)
      row.push(parseClass(separator.slice(at + 1, end < 0 ? separator.length : end), end >= 0))
      at = end < 0 ? separator.length : end + 1
    } else if (character === '\\') {
      row.push(parseEscape(separator[at + 1]))
      at += 2
    } else {
      row.push(character === '.' ? isWithinLine : plain(character))
      at++
    }
  }
  return rows
}

function plain(character: string): Unit {
  if (!METACHARACTERS.includes(character)) return exactly(character)
  throw new Error(
    `The separator is a regular expression of which ${character} is not supported. Replace the ` +
      'character before: fn:replace(from, to).',
  )
}

const ENDS_OF_LINE = '\n\r\u0085\u2028\u2029'

function isWithinLine(code: number): boolean {
  return !ENDS_OF_LINE.includes(String.fromCharCode(code))
}

const ESCAPES: ReadonlyMap<string, Unit> = new Map<string, Unit>([
  ['t', exactly('\t')],
  ['n', exactly('\n')],
  ['r', exactly('\r')],
  ['s', (code) => code === 0x20 || (code >= 0x09 && code <= 0x0d)],
  ['d', between('0', '9')],
])

function parseEscape(character: string | undefined): Unit {
  if (character === undefined) throw new Error('A backslash must be followed by a character.')
  const unit = ESCAPES.get(character)
  if (unit !== undefined) return unit
  if (/\w/.test(character)) throw new Error(`The escape \\${character} is not supported.`)
  return exactly(character)
}

function parseClass(content: string, closed: boolean): Unit {
  const negated = content.startsWith('^')
  const members = negated ? content.slice(1) : content
  if (!closed || members === '' || /[\\[&]/.test(members)) {
    throw new Error(`The character class [${content}] is not supported.`)
  }
  const units: Unit[] = []
  let at = 0
  while (at < members.length) {
    const isRange = members[at + 1] === '-' && at + 2 < members.length
    units.push(isRange ? between(members[at]!, members[at + 2]!) : exactly(members[at]!))
    at += isRange ? 3 : 1
  }
  return (code) => units.some((unit) => unit(code)) !== negated
}

function exactly(character: string): Unit {
  const wanted = character.charCodeAt(0)
  return (code) => code === wanted
}

function between(first: string, last: string): Unit {
  const low = first.charCodeAt(0)
  const high = last.charCodeAt(0)
  return (code) => code >= low && code <= high
}
