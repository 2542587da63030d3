/** What the options of mappers may say about the message at hand: placeholders and their context. */
import type { ExpressionContext } from '../expression/context.ts'
import type { PlaceholderPrefix } from '../expression/placeholders.ts'
import { compileTemplate, hasExpressions, type Template } from '../expression/template.ts'
import { setOwn } from '../json/own.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { headersFromOutside } from '../protocol/headers.ts'
import { ofOption } from './options.ts'

/** The placeholders that Ditto's mappers know. */
const PLACEHOLDERS: ReadonlySet<PlaceholderPrefix> = new Set(['header', 'time', 'request'])

/**
 * Compiles a text of the option with that name. Throws a DittoException
 * (`connectivity:message.mapper.config.failed`) that names the option and what is wrong with it.
 */
export function compileForMessage(
  option: string,
  text: string,
  allowed: ReadonlySet<PlaceholderPrefix> = PLACEHOLDERS,
): Template {
  return ofOption(option, () => compileTemplate(text, allowed))
}

/** The context of a message before it is a signal. */
export function contextOf({ headers, subjects }: ExternalMessage): ExpressionContext {
  return { connectionId: '', headers, subjects, now: Date.now }
}

/** JSON with placeholders in its texts and names; undefined where a text of it is. */
export type JsonTemplate = (context: ExpressionContext) => JsonValue | undefined

/** What is made of a text in JSON. */
export type TextResolver = (template: Template, context: ExpressionContext) => string | undefined

/**
 * Compiles the JSON of the option with that name. What placeholders resolve to stays within its
 * text, whatever it contains. Throws what {@link compileForMessage} throws; the result throws what
 * `resolve` throws.
 */
export function compileJson(option: string, json: JsonValue, resolve: TextResolver): JsonTemplate {
  if (typeof json === 'string') return compileText(option, json, resolve)
  if (Array.isArray(json)) {
    const items = json.map((item, index) => compileJson(`${option}/${index}`, item, resolve))
    return (context) => {
      const resolved = items.map((item) => item(context))
      return resolved.every((item) => item !== undefined) ? resolved : undefined
    }
  }
  if (!isJsonObject(json)) return () => json
  const members = Object.entries(json).map(([name, value]) => {
    const place = `${option}/${name}`
    return [compileText(place, name, resolve), compileJson(place, value, resolve)] as const
  })
  return (context) => {
    const object = {}
    for (const [name, value] of members) {
      const ownName = name(context)
      const own = value(context)
      if (ownName === undefined || own === undefined) return undefined
      setOwn(object, ownName, own)
    }
    return object
  }
}

/** Headers of a command, in lower case; those that are unresolved are left out. */
export type HeadersTemplate = (context: ExpressionContext) => JsonObject

/**
 * Compiles the headers in the option with that name. Throws what {@link compileForMessage} throws,
 * also for a header that cannot have such a value whatever the message.
 */
export function compileHeaders(
  option: string,
  headers: JsonObject,
  resolve: TextResolver,
): HeadersTemplate {
  const templates = Object.entries(headers).map(([name, value]) => {
    const place = `${option}/${name}`
    const template = compileJson(place, value, resolve)
    if (!hasExpressions(JSON.stringify(value))) {
      ofOption(place, () => headersFromOutside({ [name]: value }))
    }
    return [name.toLowerCase(), template] as const
  })
  return (context) => {
    const resolved: JsonObject = {}
    for (const [name, template] of templates) {
      const value = template(context)
      if (value !== undefined) setOwn(resolved, name, value)
    }
    return resolved
  }
}

function compileText(
  option: string,
  text: string,
  resolve: TextResolver,
): (context: ExpressionContext) => string | undefined {
  const template = compileForMessage(option, text)
  const { constant } = template
  return constant === undefined ? (context) => resolve(template, context) : () => constant
}
