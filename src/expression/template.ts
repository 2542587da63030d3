/**
 * Templates: text with expressions in braces (Ditto documentation, "Placeholders"). Compiled once,
 * resolved for every message.
 *
 * ```
 * template = *( text | "{{" expression "}}" | "${" expression "}" )
 * ```
 */
import { DittoException } from '../protocol/errors.ts'
import { placeholderNotResolvable } from '../protocol/placeholder-errors.ts'
import type { ExpressionContext } from './context.ts'
import { compilePipeline, type Pipeline } from './pipeline.ts'
import type { PlaceholderPrefix } from './placeholders.ts'
import { standsOutsideQuotes } from './syntax.ts'
import { combinations, DELETED, UNRESOLVED, type Values } from './values.ts'

/** A compiled template. One unresolved expression makes all of it unresolved. */
export interface Template {
  /** As it was given. */
  readonly text: string
  /** The result when it does not depend on the message, undefined when it does or is deleted. */
  readonly constant: string | undefined
  /** The first value; undefined when it is unresolved or deleted. */
  resolve(context: ExpressionContext): string | undefined
  /**
   * The combinations of the values of all expressions, in order, or `UNRESOLVED` or `DELETED` (see
   * values.ts; both are empty).
   */
  resolveAll(context: ExpressionContext): Values
  /** As `resolve`, but expressions that are unresolved stay as they are. */
  resolvePartially(context: ExpressionContext): string
}

/**
 * Compiles a template whose expressions may use the placeholders with these prefixes. Throws a
 * {@link DittoException} that names the expression and where it stands: `placeholder:unresolved`,
 * `placeholder:placeholder.notresolvable` (braces not closed or nested),
 * `placeholder:function.unknown`, `placeholder:function.signature.invalid`,
 * `placeholder:function.too.complex`.
 */
export function compileTemplate(text: string, allowed: ReadonlySet<PlaceholderPrefix>): Template {
  const parts = parseTemplate(text, allowed)
  if (parts.expressions.length > 0) return compose(text, withoutDeleted(parts))
  return constantTemplate(text, text)
}

/** Literals stand before, between and after the expressions: there is one more of them. */
interface Parts {
  readonly literals: readonly string[]
  readonly expressions: readonly Pipeline[]
}

function compose(text: string, { literals, expressions }: Parts): Template {
  if (expressions.length === 0) {
    return literals[0] === '' ? deletedTemplate(text) : constantTemplate(text, literals[0]!)
  }
  const hasText = literals.some((literal) => literal !== '')
  const only = hasText || expressions.length > 1 ? undefined : expressions[0]
  return {
    text,
    constant: undefined,
    resolve(context) {
      let result = literals[0]!
      let isDeleted = !hasText
      for (let index = 0; index < expressions.length; index++) {
        const expression = expressions[index]!
        const value = expression.resolve(context)
        if (value !== undefined) {
          isDeleted = false
          result += value
        } else if (!isDeletedIn(expression, context)) {
          return undefined
        }
        result += literals[index + 1]!
      }
      return isDeleted ? undefined : result
    },
    resolveAll(context) {
      if (only !== undefined) return only.resolveAll(context)
      const lists: Values[] = []
      if (literals[0] !== '') lists.push([literals[0]!])
      let isDeleted = !hasText
      for (let index = 0; index < expressions.length; index++) {
        const values = expressions[index]!.resolveAll(context)
        if (values !== DELETED) {
          if (values.length === 0) return UNRESOLVED
          isDeleted = false
          lists.push(values)
        }
        const after = literals[index + 1]!
        if (after !== '') lists.push([after])
      }
      return isDeleted ? DELETED : combinations(lists)
    },
    resolvePartially(context) {
      let result = literals[0]!
      for (let index = 0; index < expressions.length; index++) {
        const expression = expressions[index]!
        const value = expression.resolve(context)
        if (value !== undefined) result += value
        else if (!isDeletedIn(expression, context)) result += `{{${expression.text}}}`
        result += literals[index + 1]!
      }
      return result
    },
  }
}

function isDeletedIn(expression: Pipeline, context: ExpressionContext): boolean {
  return expression.deletes && expression.resolveAll(context) === DELETED
}

function constantTemplate(text: string, constant: string): Template {
  const values: Values = Object.freeze([constant])
  const resolve = () => constant
  return { text, constant, resolve, resolveAll: () => values, resolvePartially: resolve }
}

function deletedTemplate(text: string): Template {
  return {
    text,
    constant: undefined,
    resolve: () => undefined,
    resolveAll: () => DELETED,
    resolvePartially: () => '',
  }
}

/** What is deleted whatever the message vanishes here. */
function withoutDeleted({ literals, expressions }: Parts): Parts {
  const kept: Pipeline[] = []
  const around = [literals[0]!]
  for (const [index, expression] of expressions.entries()) {
    const after = literals[index + 1]!
    if (expression.deleted) {
      around.push(around.pop()! + after)
    } else {
      kept.push(expression)
      around.push(after)
    }
  }
  return { literals: around, expressions: kept }
}

const OPENING = /\{\{|\$\{/g

function parseTemplate(text: string, allowed: ReadonlySet<PlaceholderPrefix>): Parts {
  const literals: string[] = []
  const expressions: Pipeline[] = []
  let end = 0
  for (const { 0: opening, index } of text.matchAll(OPENING)) {
    // An opening brace within an expression was dealt with there.
    if (index < end) continue
    const closing = opening === '{{' ? '}}' : '}'
    const start = index + opening.length
    const close = text.indexOf(closing, start)
    const expression = text.slice(start, close)
    if (close < 0 || hasBraces(expression)) throw misplacedBraces(text, index)
    literals.push(text.slice(end, index))
    expressions.push(compileAt(expression, allowed, text, index))
    end = close + closing.length
  }
  literals.push(text.slice(end))
  return { literals, expressions }
}

/** Whether a text that compiles has expressions. */
export function hasExpressions(text: string): boolean {
  return text.includes('{{') || text.includes('${')
}

/** In quotes, braces are text. */
function hasBraces(expression: string): boolean {
  return standsOutsideQuotes(expression, '{{') || standsOutsideQuotes(expression, '${')
}

function compileAt(
  expression: string,
  allowed: ReadonlySet<PlaceholderPrefix>,
  text: string,
  index: number,
): Pipeline {
  try {
    return compilePipeline(expression, allowed)
  } catch (cause) {
    if (!(cause instanceof DittoException)) throw cause
    const { error } = cause
    const description = `${error.description} ${placeOf(text, index)}`
    throw new DittoException({ ...error, description }, { cause })
  }
}

function misplacedBraces(text: string, index: number): DittoException {
  const error = placeholderNotResolvable(text)
  return new DittoException({
    ...error,
    description: `${error.description} ${placeOf(text, index)}`,
  })
}

function placeOf(text: string, index: number): string {
  return `See character ${index + 1} of '${text}'.`
}
