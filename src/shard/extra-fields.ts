/**
 * The field selector of a topic's enrichment, compiled. Retrieves nothing.
 */
import { parseExtraFields } from '../connection/extra-fields.ts'
import type { ExpressionContext } from '../expression/context.ts'
import { ALL_PLACEHOLDERS } from '../expression/placeholders.ts'
import { compileTemplate, type Template } from '../expression/template.ts'
import { formatPointer, parsePointer } from '../json/pointer.ts'
import type { Pointers } from '../rql/evaluate.ts'

/** What to select of a thing. */
export interface Selection {
  readonly pointers: Pointers
  /** The field selector with these pointers; empty when there are none. */
  readonly text: string
}

/** The extra fields of a topic. */
export interface ExtraFields {
  /** What is not known of a thing before it is enriched. */
  readonly unknown: Pointers
  /** What to select for a signal; fields whose placeholders it cannot resolve are left out. */
  selectionFor(context: ExpressionContext): Selection
}

/** Compiles extra fields that were validated; see {@link parseExtraFields}. */
export function compileExtraFields(text: string): ExtraFields {
  const fields = parseExtraFields(text).map((field) => compileTemplate(field, ALL_PLACEHOLDERS))
  const constants = fields.flatMap(({ constant }) => (constant === undefined ? [] : [constant]))
  if (constants.length < fields.length) {
    return { unknown: NONE_KNOWN, selectionFor: (context) => resolve(fields, context) }
  }
  const selection = selectionOf(constants)
  return { unknown: selection.pointers, selectionFor: () => selection }
}

/** With placeholders in the selector, anything may be supplied. */
const NONE_KNOWN: Pointers = [[]]

function resolve(fields: readonly Template[], context: ExpressionContext): Selection {
  const selected: string[] = []
  for (const field of fields) {
    selected.push(...field.resolveAll(context))
  }
  return selectionOf(selected)
}

/** Field selectors have no way to name anything else. */
function isField(text: string): boolean {
  return text.trim() !== '' && text !== '/' && !text.includes('//') && !/[,()]/.test(text)
}

function selectionOf(fields: readonly string[]): Selection {
  const pointers = fields.filter(isField).map(parsePointer)
  return { pointers, text: pointers.map(formatPointer).join(',') }
}
