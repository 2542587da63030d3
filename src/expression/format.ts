/**
 * `fn:format` (Ditto documentation, "Placeholders – function library"): text with fields of the
 * JSON object that a value is.
 *
 * ```
 * template = *( text | field | section )
 * field    = "{" name "}" | "{/" pointer "}" | "{.}"       {.}: the element itself, in a section
 * section  = "{#" name "}" template "{/" name "}"          once for every element of the array
 * text     = any; "\{" and "\}" stand for braces
 * ```
 */
import { checkJsonShape } from '../json/guard.ts'
import { getOwn } from '../json/own.ts'
import { getAt, parsePointer } from '../json/pointer.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { jsonText } from './placeholders.ts'
import { type Step, whole } from './step.ts'
import {
  combinations,
  MAX_COMBINATIONS,
  MAX_TOTAL_CHARS,
  MAX_VALUE_CHARS,
  type Values,
} from './values.ts'

/** Sections in sections. */
const MAX_NESTED_SECTIONS = 16

type Part =
  | { readonly kind: 'text'; readonly values: Values }
  | { readonly kind: 'element' }
  | { readonly kind: 'field'; readonly pointer: readonly string[] }
  | { readonly kind: 'section'; readonly pointer: readonly string[]; readonly parts: Part[] }

const ELEMENT: Part = { kind: 'element' }
const EMPTY: Values = Object.freeze([''])

/** The step of a template. Throws {@link Error} with the reason when the template is malformed. */
export function compileFormat(template: string): Step {
  const parts = parseTemplate(template)
  return whole(true, (values) => formatAll(values, parts))
}

function formatAll(values: Values, parts: readonly Part[]): Values {
  const results: string[] = []
  let chars = 0
  for (const value of values) {
    const object = parseObject(value)
    if (object === undefined) continue
    for (const text of formatElement(object, parts)) {
      if (text.length > MAX_VALUE_CHARS) continue
      chars += text.length
      if (results.length === MAX_COMBINATIONS || chars > MAX_TOTAL_CHARS) return results
      results.push(text)
    }
  }
  return results.length === 0 ? EMPTY : results
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: JsonValue = JSON.parse(text)
    checkJsonShape(value)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function formatElement(element: JsonValue, parts: readonly Part[]): Values {
  return combinations(parts.map((part) => valuesIn(element, part)))
}

function valuesIn(element: JsonValue, part: Part): Values {
  switch (part.kind) {
    case 'text':
      return part.values
    case 'element':
      return isJsonObject(element) ? fieldValues(getOwn(element, '.')) : [jsonText(element)]
    case 'field':
      return fieldValues(isJsonObject(element) ? getAt(element, part.pointer) : undefined)
    case 'section':
      return sectionValues(isJsonObject(element) ? getAt(element, part.pointer) : undefined, part)
  }
}

function fieldValues(value: JsonValue | undefined): Values {
  if (value === undefined || value === null) return EMPTY
  if (!Array.isArray(value)) return [jsonText(value)]
  return value.length === 0 ? EMPTY : value.slice(0, MAX_COMBINATIONS).map(jsonText)
}

function sectionValues(value: JsonValue | undefined, part: { readonly parts: Part[] }): Values {
  if (value === undefined || value === null) return EMPTY
  const elements = Array.isArray(value) ? value : [value]
  if (elements.length === 0) return EMPTY
  const values: string[] = []
  for (const element of elements) {
    for (const text of formatElement(element, part.parts)) {
      if (values.length === MAX_COMBINATIONS) return values
      values.push(text)
    }
  }
  return values
}

/** What is being read: the whole template, or a section of it. */
interface Level {
  /** The name of the section; undefined for the whole template. */
  readonly section: string | undefined
  readonly parts: Part[]
}

/** Reads the template once from left to right. */
function parseTemplate(template: string): Part[] {
  let level: Level = { section: undefined, parts: [] }
  const outer: Level[] = []
  const closingBrace = template.lastIndexOf('}')
  let text = ''
  let at = 0
  const endText = (): void => {
    if (text !== '') level.parts.push({ kind: 'text', values: [text] })
    text = ''
  }
  while (at < template.length) {
    if (isEscaped(template, at)) {
      text += template[at + 1]
      at += 2
      continue
    }
    const name = template[at] === '{' && at < closingBrace ? nameAt(template, at) : ''
    if (name.startsWith('#') && name.length > 1) {
      endText()
      if (outer.length === MAX_NESTED_SECTIONS) throw new Error('Sections are nested too deeply.')
      outer.push(level)
      level = { section: name.slice(1), parts: [] }
    } else if (level.section !== undefined && name === `/${level.section}`) {
      endText()
      const { section, parts } = level
      level = outer.pop()!
      level.parts.push({ kind: 'section', pointer: parsePointer(section), parts })
    } else if (isField(name)) {
      endText()
      level.parts.push(name === '.' ? ELEMENT : { kind: 'field', pointer: parsePointer(name) })
    } else {
      text += template[at]
      at++
      continue
    }
    at += name.length + 2
  }
  if (level.section !== undefined) {
    throw new Error(`The section {#${level.section}} is not closed by {/${level.section}}.`)
  }
  endText()
  return level.parts
}

function isEscaped(template: string, at: number): boolean {
  return template[at] === '\\' && (template[at + 1] === '{' || template[at + 1] === '}')
}

/** What stands in the braces that open at `at`. */
function nameAt(template: string, at: number): string {
  return template.slice(at + 1, template.indexOf('}', at))
}

/** A pointer of one segment looks like the end of a section, and Ditto takes it for that. */
function isField(name: string): boolean {
  if (name === '' || name.startsWith('#')) return false
  return !name.startsWith('/') || name === '/' || name.indexOf('/', 1) > 0
}
