/**
 * The text of an expression and its tree (Ditto documentation, "Placeholders – function
 * expressions"). Knows which functions exist and what arguments they take, but neither what they do
 * nor which placeholders there are.
 *
 * ```
 * expression  = ( placeholder | function ) *( "|" function )
 * placeholder = prefix ":" name
 * function    = "fn:" name "(" [ argument *( "," argument ) ] ")"
 * argument    = "'" text "'" | '"' text '"' | placeholder | function
 * ```
 */
import { type DittoError, DittoException } from '../protocol/errors.ts'
import {
  functionSignatureInvalid,
  functionTooComplex,
  functionUnknown,
  placeholderUnresolved,
} from '../protocol/placeholder-errors.ts'
import { SIGNATURES, type Signature } from './signatures.ts'

/** Functions after the first stage of an expression, as in Ditto. */
export const MAX_FUNCTIONS = 10

export interface PlaceholderNode {
  readonly kind: 'placeholder'
  readonly prefix: string
  readonly name: string
}

/** A quoted argument. Backslashes before quotes stay in the value, as in Ditto. */
export interface ConstantNode {
  readonly kind: 'constant'
  readonly value: string
  readonly quote: "'" | '"'
}

export type ArgumentNode = PlaceholderNode | ConstantNode | FunctionNode

/** A function; as an argument it is applied to something unresolved. */
export interface FunctionNode {
  readonly kind: 'function'
  readonly name: string
  readonly arguments: readonly ArgumentNode[]
}

export interface ExpressionNode {
  /** Absent when the expression begins with a function. */
  readonly source?: PlaceholderNode
  readonly functions: readonly FunctionNode[]
}

/**
 * The tree of an expression without braces. Throws `placeholder:unresolved` (no expression at all),
 * `placeholder:function.unknown`, `placeholder:function.signature.invalid` and
 * `placeholder:function.too.complex`.
 */
export function parseExpression(text: string): ExpressionNode {
  const stages = splitOutsideQuotes(text, '|')
  if (stages === undefined) throw invalid(text, 'A quotation mark is not closed.')
  if (stages.some(isBlank)) throw invalid(text, 'There must be something on both sides of a |.')
  if (stages.length > MAX_FUNCTIONS + 1) throw new DittoException(functionTooComplex(MAX_FUNCTIONS))
  const first = stages[0]!.trim()
  if (first.startsWith(FUNCTION_PREFIX)) return { functions: stages.map(parseStage) }
  const source = parsePlaceholder(first)
  if (source === undefined) {
    throw invalid(text, `Write it as 'prefix:name', for example 'thing:id'.`)
  }
  return { source, functions: stages.slice(1).map(parseStage) }
}

/** The text of a tree; parsing it gives an equal tree. */
export function printExpression(node: ExpressionNode): string {
  const stages = node.functions.map(printFunction)
  if (node.source !== undefined) stages.unshift(printPlaceholder(node.source))
  return stages.join(' | ')
}

/** `prefix:name`. */
export function printPlaceholder(node: PlaceholderNode): string {
  return `${node.prefix}:${node.name}`
}

/** `fn:name(arguments)`. */
export function printFunction(node: FunctionNode): string {
  return `fn:${node.name}${printArguments(node.arguments)}`
}

/** `(arguments)`. */
export function printArguments(nodes: readonly ArgumentNode[]): string {
  return `(${nodes.map(printArgument).join(', ')})`
}

function printArgument(node: ArgumentNode): string {
  if (node.kind === 'function') return printFunction(node)
  if (node.kind === 'placeholder') return printPlaceholder(node)
  return `${node.quote}${node.value}${node.quote}`
}

const FUNCTION_PREFIX = 'fn:'

function parseStage(stage: string): FunctionNode {
  return parseFunction(stage.trim(), 1)
}

/** `depth`: 1 for a stage, one more for each function that this one is an argument of. */
function parseFunction(text: string, depth: number): FunctionNode {
  if (depth > MAX_FUNCTIONS) throw new DittoException(functionTooComplex(MAX_FUNCTIONS))
  const call = text.startsWith(FUNCTION_PREFIX) ? text.slice(FUNCTION_PREFIX.length) : text
  const parenthesis = call.indexOf('(')
  const name = call.slice(0, Math.max(parenthesis, 0))
  const signature = text === call ? undefined : SIGNATURES.get(name)
  if (signature === undefined) throw new DittoException(functionUnknown(name || call))
  const given = call.slice(parenthesis)
  const nodes = parseArguments(given, depth)
  if (nodes === undefined || !conforms(nodes, signature)) {
    throw new DittoException(functionSignatureInvalid(name, given, signature.text))
  }
  return { kind: 'function', name, arguments: nodes }
}

function conforms(nodes: readonly ArgumentNode[], signature: Signature): boolean {
  if (nodes.length < signature.min || nodes.length > signature.max) return false
  return !signature.constantsOnly || nodes.every((node) => node.kind === 'constant')
}

function parseArguments(given: string, depth: number): readonly ArgumentNode[] | undefined {
  if (!given.endsWith(')')) return undefined
  const inner = given.slice(1, -1)
  if (inner.trim() === '') return []
  const nodes: ArgumentNode[] = []
  for (const part of splitOutsideQuotes(inner, ',') ?? ['']) {
    const node = parseArgument(part.trim(), depth)
    if (node === undefined) return undefined
    nodes.push(node)
  }
  return nodes
}

function parseArgument(text: string, depth: number): ArgumentNode | undefined {
  if (text.startsWith(FUNCTION_PREFIX)) return parseFunction(text, depth + 1)
  const quote = text[0]
  if (quote !== "'" && quote !== '"') return parsePlaceholder(text)
  if (endOfQuoted(text, 0) !== text.length) return undefined
  return { kind: 'constant', value: text.slice(1, -1), quote }
}

/** Blanks around the colon belong to prefix and name, as in Ditto: `thing: id` is no placeholder. */
function parsePlaceholder(text: string): PlaceholderNode | undefined {
  const colon = text.indexOf(':')
  const name = text.slice(colon + 1)
  return colon < 1 || name === ''
    ? undefined
    : { kind: 'placeholder', prefix: text.slice(0, colon), name }
}

/** Whether what is wanted stands in the text before a quote that is not closed, and in no quotes. */
export function standsOutsideQuotes(text: string, wanted: string): boolean {
  let position = 0
  while (position >= 0 && position < text.length) {
    if (text.startsWith(wanted, position)) return true
    const character = text[position]
    const isQuote = character === "'" || character === '"'
    position = isQuote ? endOfQuoted(text, position) : position + 1
  }
  return false
}

/** The parts between separators that stand outside quotes; undefined when a quote is not closed. */
function splitOutsideQuotes(text: string, separator: string): string[] | undefined {
  const parts: string[] = []
  let start = 0
  let position = 0
  while (position < text.length) {
    const character = text[position]
    if (character === "'" || character === '"') {
      position = endOfQuoted(text, position)
      if (position < 0) return undefined
      continue
    }
    if (character === separator) {
      parts.push(text.slice(start, position))
      start = position + 1
    }
    position++
  }
  parts.push(text.slice(start))
  return parts
}

/** The position after the quote that closes the one at `start`; -1 when there is none. */
function endOfQuoted(text: string, start: number): number {
  const quote = text[start]
  for (let position = start + 1; position < text.length; position++) {
    if (text[position] === quote) return position + 1
    if (text[position] === '\\' && text[position + 1] === quote) position++
  }
  return -1
}

function isBlank(text: string): boolean {
  return text.trim() === ''
}

function invalid(text: string, reason: string): DittoException {
  const error: DittoError = { ...placeholderUnresolved(text.trim()), description: reason }
  return new DittoException(error)
}
