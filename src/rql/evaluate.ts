/**
 * Evaluation of RQL expressions (Ditto documentation, "RQL expressions"). Compiled once; then one
 * message after the other is looked at, and nothing is copied. What is not known yet can be left
 * open: every result is one of three.
 */
import type { ExpressionContext } from '../expression/context.ts'
import { millisOf, parseTime } from '../expression/time.ts'
import type { JsonObject } from '../json/types.ts'
import { DittoException } from '../protocol/errors.ts'
import { rqlInvalid } from '../protocol/placeholder-errors.ts'
import { isTimeValue, type RqlNode, type RqlValue } from './ast.ts'
import { compileTest, EQUAL, type Operand, operandOf, type Test } from './comparison.ts'
import { MAX_RQL_DEPTH, parseRql } from './parser.ts'
import { type Property, resolveProperty } from './properties.ts'
import { anyMatches, isEmptyAt, isPresentAt } from './walk.ts'

/** What an expression is evaluated on. */
export interface RqlSubject {
  /** The thing as far as it is known; undefined for signals that carry none of it. */
  readonly thing: JsonObject | undefined
  /** For placeholders. */
  readonly context: ExpressionContext
}

/** JSON pointers into a thing; `*` stands for every member. */
export type Pointers = readonly (readonly string[])[]

/** A compiled RQL expression. */
export interface RqlPredicate {
  matches(subject: RqlSubject): boolean
  /**
   * Whether it could match once the parts of the thing that the pointers name are known: false only
   * if it does not match whatever they hold.
   */
  mayMatch(subject: RqlSubject, unknownPointers: Pointers): boolean
}

/**
 * Compiles an expression. Throws 400 `rql.expression.invalid`, see {@link parseRql}.
 */
export function compileRql(expression: string | RqlNode): RqlPredicate {
  const node = typeof expression === 'string' ? parseRql(expression) : expression
  const evaluate = compileNode(node, 1)
  return {
    matches: (subject) => evaluate(subject, NOTHING_UNKNOWN) === TRUE,
    mayMatch: (subject, unknownPointers) => evaluate(subject, unknownPointers) !== FALSE,
  }
}

/** Ordered, so that `and` is the minimum, `or` the maximum and `not` the mirror image. */
type Truth = 0 | 1 | 2
const FALSE: Truth = 0
const UNKNOWN: Truth = 1
const TRUE: Truth = 2

const NOTHING_UNKNOWN: Pointers = Object.freeze([])

type Evaluate = (subject: RqlSubject, unknown: Pointers) => Truth

function compileNode(node: RqlNode, depth: number): Evaluate {
  if (depth > MAX_RQL_DEPTH) throw new DittoException(rqlInvalid('It is nested too deeply.'))
  switch (node.kind) {
    case 'and':
      return compileAnd(node.children.map((child) => compileNode(child, depth + 1)))
    case 'or':
      return compileOr(node.children.map((child) => compileNode(child, depth + 1)))
    case 'not': {
      const child = compileNode(node.child, depth + 1)
      return (subject, unknown) => (TRUE - child(subject, unknown)) as Truth
    }
    case 'exists':
      return compileExists(resolveProperty(node.property, 'presence'))
    case 'empty':
      return compileEmpty(resolveProperty(node.property, 'presence'))
    case 'in':
      return compileIn(resolveProperty(node.property, 'value'), node.values)
    case 'compare': {
      const property = resolveProperty(node.property, 'value')
      const { operator, value } = node
      if (operator !== 'ne') return compileComparison(property, compileTest(operator, value), value)
      // A property that is missing is not equal either: `ne` is the negation of `eq`.
      const equal = compileComparison(property, EQUAL, value)
      return (subject, unknown) => (TRUE - equal(subject, unknown)) as Truth
    }
  }
}

function compileAnd(children: readonly Evaluate[]): Evaluate {
  return (subject, unknown) => {
    let result: Truth = TRUE
    for (const child of children) {
      const truth = child(subject, unknown)
      if (truth === FALSE) return FALSE
      if (truth < result) result = truth
    }
    return result
  }
}

function compileOr(children: readonly Evaluate[]): Evaluate {
  return (subject, unknown) => {
    let result: Truth = FALSE
    for (const child of children) {
      const truth = child(subject, unknown)
      if (truth === TRUE) return TRUE
      if (truth > result) result = truth
    }
    return result
  }
}

function compileIn(property: Property, values: readonly RqlValue[]): Evaluate {
  return compileOr(values.map((value) => compileComparison(property, EQUAL, value)))
}

function compileComparison(property: Property, test: Test, value: RqlValue): Evaluate {
  const operandAt = compileOperand(value)
  if (property.kind === 'placeholder') {
    const { source } = property
    return ({ context }) => {
      const text = source.first(context)
      return text !== undefined && test(text, operandAt(context)) ? TRUE : FALSE
    }
  }
  const { pointer } = property
  if (pointer[0] === NAMESPACE) {
    return (subject, unknown) => {
      if (isUnknown(pointer, unknown)) return UNKNOWN
      const namespace = namespaceOf(subject.thing)
      return namespace !== undefined && test(namespace, operandAt(subject.context)) ? TRUE : FALSE
    }
  }
  return (subject, unknown) => {
    if (isUnknown(pointer, unknown)) return UNKNOWN
    return anyMatches(subject.thing, pointer, test, operandAt(subject.context)) ? TRUE : FALSE
  }
}

function compileOperand(value: RqlValue): (context: ExpressionContext) => Operand {
  if (!isTimeValue(value)) {
    const operand = operandOf(value)
    return () => operand
  }
  const time = parseTime(value.time)
  if (time === undefined) throw new DittoException(rqlInvalid(`Unknown time: ${value.time}`))
  let lastMillis = Number.NaN
  let last = operandOf(null)
  return (context) => {
    const millis = millisOf(time, context.now())
    if (millis !== lastMillis) {
      lastMillis = millis
      // Always with a fraction, as the timestamps of things: so the order of the texts is that of
      // time.
      last = operandOf(
        time.asEpochMillis ? String(Math.trunc(millis)) : new Date(millis).toISOString(),
      )
    }
    return last
  }
}

function compileExists(property: Property): Evaluate {
  if (property.kind === 'placeholder') {
    const { source } = property
    return ({ context }) => (source.first(context) === undefined ? FALSE : TRUE)
  }
  const { pointer, special } = property
  if (special) return () => FALSE
  return (subject, unknown) => {
    if (isUnknown(pointer, unknown)) return UNKNOWN
    return isPresentAt(subject.thing, pointer, 0) ? TRUE : FALSE
  }
}

function compileEmpty(property: Property): Evaluate {
  if (property.kind === 'placeholder') {
    const { source } = property
    return ({ context }) => (source.all(context).every((text) => text === '') ? TRUE : FALSE)
  }
  const { pointer, special, feature } = property
  if (special) return () => TRUE
  return (subject, unknown) => {
    if (isUnknown(pointer, unknown)) return UNKNOWN
    return isEmptyAt(subject.thing, pointer, feature) ? TRUE : FALSE
  }
}

const NAMESPACE = '_namespace'

/** Of the field of that name, which things seldom show, or of the id. */
function namespaceOf(thing: JsonObject | undefined): string | undefined {
  const namespace = thing?.[NAMESPACE]
  if (typeof namespace === 'string') return namespace
  const id = thing?.thingId
  return typeof id === 'string' ? id.slice(0, Math.max(id.indexOf(':'), 0)) : undefined
}

/** Whether an unknown part holds what the pointer names, or is within it. */
function isUnknown(pointer: readonly string[], unknown: Pointers): boolean {
  for (const part of unknown) {
    if (overlap(pointer, part)) return true
  }
  return false
}

function overlap(pointer: readonly string[], part: readonly string[]): boolean {
  const levels = Math.min(pointer.length, part.length)
  for (let level = 0; level < levels; level++) {
    if (part[level] !== pointer[level] && part[level] !== ANY_MEMBER) return false
  }
  return true
}

const ANY_MEMBER = '*'
