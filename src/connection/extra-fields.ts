/**
 * The fields that a topic's `extraFields` name (Ditto documentation, "Signal enrichment"), with
 * placeholders in them. Resolves none: what a placeholder stands for cannot change how many fields
 * there are, whatever commas and parentheses a device puts in it.
 */
import { parseFieldSelector } from '../json/field-selector.ts'
import { formatPointer } from '../json/pointer.ts'

/**
 * One JSON pointer per field, in the order of the text, each a template if it has placeholders.
 * Throws 400 `json.fieldselector.invalid`, or `json.pointer.invalid` for consecutive slashes.
 */
export function parseExtraFields(text: string): readonly string[] {
  const { masked, placeholders } = mask(text)
  return parseFieldSelector(masked).map((pointer) =>
    formatPointer(pointer).replace(MASK, (all, index) => placeholders[Number(index)] ?? all),
  )
}

/** Characters that no text has, around the number of a placeholder. */
const MASK = /\uffff(\d+)\uffff/g

const OPENING = /\{\{|\$\{/g

/** Puts numbers in the place of placeholders. */
function mask(text: string): { readonly masked: string; readonly placeholders: readonly string[] } {
  const placeholders: string[] = []
  let masked = ''
  let end = 0
  for (const { 0: opening, index } of text.matchAll(OPENING)) {
    if (index < end) continue
    const closing = opening === '{{' ? '}}' : '}'
    const close = text.indexOf(closing, index)
    // Braces that are not closed are for the templates to refuse.
    if (close < 0) break
    masked += `${text.slice(end, index)}\uffff${placeholders.length}\uffff`
    end = close + closing.length
    placeholders.push(text.slice(index, end))
  }
  return { masked: masked + text.slice(end), placeholders }
}
