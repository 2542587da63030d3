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
import { getAt, parsePointer } from '../json/pointer.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { jsonText } from './placeholders.ts'
import { type Step, whole } from './step.ts'
import { combinations, MAX_COMBINATIONS, MAX_VALUE_CHARS, type Values } from './values.ts'

/** Sections in sections. */
const MAX_NESTED_SECTIONS = 16

type Part =
  | { readonly kind: 'text'; readonly values: Values }
  | { readonly kind: 'element' }
  | { readonly kind: 'field'; readonly pointer: readonly string[] }
  | { readonly kind: 'section'; readonly pointer: readonly string[]; readonly parts: Part[] }

const EMPTY: Values = Object.freeze([''])

/** The step of a template. Throws {@link Error} with the reason when the template is malformed. */
export function compileFormat(template: string): Step {
  const parts = parseTemplate(template, 0)
  return whole(true, (values) => formatAll(values, parts))
}

function formatAll(values: Values, parts: readonly Part[]): Values {
  const results: string[] = []
  for (const value of values) {
    const object = parseObject(value)
    if (object === undefined) continue
    for (const text of formatElement(object, parts)) {
      if (results.length < MAX_COMBINATIONS && text.length <= MAX_VALUE_CHARS) results.push(text)
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
      return isJsonObject(element) ? EMPTY : [jsonText(element)]
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

function parseTemplate(template: string, depth: number): Part[] {
  if (depth > MAX_NESTED_SECTIONS) throw new Error('Sections are nested too deeply.')
  const parts: Part[] = []
  let text = ''
  let at = 0
  while (at < template.length) {
    const escaped = template[at] === '\\' && (template[at + 1] === '{' || template[at + 1] === '}')
    if (escaped) {
      text += template[at + 1]
      at += 2
      continue
    }
    const name = template[at] === '{' ? nameAt(template, at) : undefined
    if (name === undefined) {
      text += template[at]
      at++
      continue
    }
    if (text !== '') parts.push({ kind: 'text', values: [text] })
    text = ''
    at += name.length + 2
    if (name.startsWith('#')) {
      const section = name.slice(1)
      const end = endOfSection(template, at, section)
      const inner = parseTemplate(template.slice(at, end), depth + 1)
      parts.push({ kind: 'section', pointer: parsePointer(section), parts: inner })
      at = end + section.length + 3
    } else {
      parts.push(
        name === '.' ? { kind: 'element' } : { kind: 'field', pointer: parsePointer(name) },
      )
    }
  }
  if (text !== '') parts.push({ kind: 'text', values: [text] })
  return parts
}

/** What stands in the braces that open at `at`; undefined when they are plain text. */
function nameAt(template: string, at: number): string | undefined {
  const end = template.indexOf('}', at)
  const name = end < 0 ? '' : template.slice(at + 1, end)
  // A pointer of one segment looks like the end of a section, and Ditto takes it for that.
  const isStrayEnd = name.startsWith('/') && name.lastIndexOf('/') === 0
  return name === '' || name === '#' || isStrayEnd ? undefined : name
}

/** Where the end of a section begins, leaving out sections of the same name within it. */
function endOfSection(template: string, start: number, name: string): number {
  const opening = `{#${name}}`
  const closing = `{/${name}}`
  let depth = 1
  let at = start
  for (;;) {
    const end = template.indexOf(closing, at)
    if (end < 0) throw new Error(`The section ${opening} is not closed by ${closing}.`)
    const nested = template.indexOf(opening, at)
    if (nested >= 0 && nested < end) {
      depth++
      at = nested + opening.length
    } else {
      depth--
      if (depth === 0) return end
      at = end + closing.length
    }
  }
}
