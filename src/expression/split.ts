/**
 * `fn:split` (Ditto documentation, "Placeholders – function library"). Ditto takes any Java regular
 * expression as separator; that would let a pattern stop a thread. What is understood here is a row
 * of single characters, each one written as
 *
 * ```
 * character = plain                 not one of . $ | ( ) [ ] { } ^ ? * + \
 *           | "\" punctuation       that character
 *           | "\t" | "\n" | "\r" | "\s" | "\d"
 *           | "[" 1*plain "]"       any of them; a-z is a range, a leading ^ means none of them
 * ```
 *
 * Everything else is refused when it is compiled.
 */
import { type Step, whole } from './step.ts'
import { type Values, valuesOf } from './values.ts'

/** Whether a UTF-16 code unit is meant. */
type Unit = (code: number) => boolean

const METACHARACTERS = '.$|()[]{}^?*+\\'

/**
 * The step that splits every value. Empty texts at the end are dropped, as in Java. Throws
 * {@link Error} with the reason when the separator is none of the above.
 */
export function compileSplit(separator: string): Step {
  const split = splitterOf(separator)
  return whole(false, (values) => splitAll(values, split))
}

function splitAll(values: Values, split: (value: string) => string[]): Values {
  const parts: string[] = []
  for (const value of values) {
    const own = split(value)
    // A value without separator is itself, even if it is empty.
    if (own.length > 1) while (own.at(-1) === '') own.pop()
    for (const part of own) parts.push(part)
  }
  return valuesOf(parts)
}

function splitterOf(separator: string): (value: string) => string[] {
  if (!hasMetacharacter(separator)) {
    return (value) => (value === '' ? [''] : value.split(separator))
  }
  const units = parseUnits(separator)
  return (value) => splitByUnits(value, units)
}

function hasMetacharacter(text: string): boolean {
  for (const character of text) {
    if (METACHARACTERS.includes(character)) return true
  }
  return false
}

function splitByUnits(value: string, units: readonly Unit[]): string[] {
  const parts: string[] = []
  let start = 0
  let at = 0
  while (at + units.length <= value.length) {
    if (fits(value, at, units)) {
      parts.push(value.slice(start, at))
      at += units.length
      start = at
    } else {
      at++
    }
  }
  parts.push(value.slice(start))
  return parts
}

function fits(value: string, at: number, units: readonly Unit[]): boolean {
  for (let index = 0; index < units.length; index++) {
    if (!units[index]!(value.charCodeAt(at + index))) return false
  }
  return true
}

function parseUnits(separator: string): readonly Unit[] {
  const units: Unit[] = []
  let at = 0
  while (at < separator.length) {
    const character = separator[at]!
    if (character === '[') {
      const end = separator.indexOf(']', at)
      units.push(parseClass(separator.slice(at + 1, end < 0 ? separator.length : end), end >= 0))
      at = end + 1
    } else if (character === '\\') {
      units.push(parseEscape(separator[at + 1]))
      at += 2
    } else if (METACHARACTERS.includes(character)) {
      throw new Error(`Write \\${character} to split at the character ${character}.`)
    } else {
      units.push(exactly(character))
      at++
    }
  }
  return units
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
