/** What the options of mappers may say about the message at hand: placeholders and their context. */
import type { ExpressionContext } from '../expression/context.ts'
import type { PlaceholderPrefix } from '../expression/placeholders.ts'
import { compileTemplate, type Template } from '../expression/template.ts'
import { setOwn } from '../json/own.ts'
import { isJsonObject, type JsonValue } from '../json/types.ts'
import { DittoException } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { placeholderUnresolved } from '../protocol/placeholder-errors.ts'

/** The placeholders that Ditto's mappers know. */
const PLACEHOLDERS: ReadonlySet<PlaceholderPrefix> = new Set(['header', 'time', 'request'])

/** Compiles a text of the options. Throws what a placeholder in it is wrong with. */
export function compileForMessage(text: string): Template {
  return compileTemplate(text, PLACEHOLDERS)
}

/** The context of a message before it is a signal. */
export function contextOf({ headers, subjects }: ExternalMessage): ExpressionContext {
  return { connectionId: '', headers, subjects, now: Date.now }
}

/** JSON with placeholders in its texts and names. */
export type JsonTemplate = (context: ExpressionContext) => JsonValue

/**
 * Compiles JSON. What placeholders resolve to stays within its text, whatever it contains. Using it throws
 * 400 `placeholder:unresolved`.
 */
export function compileJson(json: JsonValue): JsonTemplate {
  if (typeof json === 'string') return compileText(json)
  if (Array.isArray(json)) {
    const items = json.map(compileJson)
    return (context) => items.map((item) => item(context))
  }
  if (!isJsonObject(json)) return () => json
  const members = Object.entries(json).map(
    ([name, value]) => [compileText(name), compileJson(value)] as const,
  )
  return (context) => {
    const object = {}
    for (const [name, value] of members) setOwn(object, name(context), value(context))
    return object
  }
}

function compileText(text: string): (context: ExpressionContext) => string {
  const template = compileForMessage(text)
  const { constant } = template
  if (constant !== undefined) return () => constant
  return (context) => {
    const resolved = template.resolve(context)
    if (resolved === undefined) throw new DittoException(placeholderUnresolved(text))
    return resolved
  }
}
