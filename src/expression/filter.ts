/**
 * `fn:filter` (Ditto documentation, "Placeholders – function library"): keeps values, or does not.
 */
import type { ExpressionContext } from './context.ts'
import type { Argument } from './functions.ts'
import { compileGlob, type Glob } from './glob.ts'
import type { Step } from './step.ts'
import { charsOf, UNRESOLVED, type Values } from './values.ts'

/**
 * Characters that a filter compares at most, each counted once for every text that it is compared
 * with; when there would be more, nothing is kept.
 */
const MAX_COMPARED_CHARS = 50_000_000

const EXISTS = 'exists'
const LIKE = 'like'
const NO_TEXT: Values = Object.freeze([''])

type Operator = (value: string, compared: string) => boolean
type Operators = ReadonlyMap<string, Operator>

/**
 * The step of `fn:filter(operator, compared)`, `fn:filter(value, 'exists')` or
 * `fn:filter(value, operator, compared)`. Throws {@link Error} with the reason when a constant
 * pattern is too complex.
 */
export function compileFilter(args: readonly Argument[]): Step {
  const [first, second, third] = args as [Argument, Argument, Argument?]
  const operators = createOperators()
  if (third === undefined) {
    checkPattern(first, second)
    return filterByValue(first, second, operators)
  }
  checkPattern(second, third)
  const isSingle = !first.multiple && !third.multiple
  return keepIf((context) => {
    const operator = operatorOf(second, operators, context)
    if (isSingle) return operator?.(first.first(context) ?? '', third.first(context) ?? '') ?? false
    return isAnyPair(operator, orNoText(first.all(context)), orNoText(third.all(context)))
  })
}

function checkPattern(operator: Argument, pattern: Argument): void {
  if (operator.constant !== LIKE || pattern.constant === undefined) return
  if (compileGlob(pattern.constant) === undefined) {
    throw new Error('The pattern is too complex. Use fewer alternatives and shorter parts with ?.')
  }
}

/** Each filter has its own operators: `like` remembers the pattern that it saw last. */
function createOperators(): Operators {
  return new Map<string, Operator>([
    ['eq', (value, compared) => value === compared],
    ['ne', (value, compared) => value !== compared],
    [LIKE, createLike()],
    [EXISTS, (value, wanted) => (value !== '') === (wanted.toLowerCase() === 'true')],
  ])
}

/** Patterns are constants, or come from messages that mostly bring the same one. */
function createLike(): Operator {
  let pattern: string | undefined
  let glob: Glob | undefined
  return (value, compared) => {
    if (compared !== pattern) {
      glob = compileGlob(compared)
      pattern = compared
    }
    return glob?.matches(value) ?? false
  }
}

function operatorOf(
  name: Argument,
  operators: Operators,
  context: ExpressionContext,
): Operator | undefined {
  return operators.get(name.first(context) ?? '')
}

/** The form with two arguments, which looks at the values of the pipeline unless it has its own. */
function filterByValue(first: Argument, second: Argument, operators: Operators): Step {
  const apply = (values: Values, context: ExpressionContext): Values => {
    if (values.length === 0) return values
    if (second.first(context) === EXISTS) return hasText(first.all(context)) ? values : UNRESOLVED
    return keepMatching(operatorOf(first, operators, context), values, second.all(context))
  }
  const one = (value: string | undefined, context: ExpressionContext): string | undefined => {
    if (value === undefined) return undefined
    if (second.first(context) === EXISTS) return hasText(first.all(context)) ? value : undefined
    const operator = operatorOf(first, operators, context)
    if (operator === undefined) return undefined
    for (const text of second.all(context)) {
      if (operator(value, text)) return value
    }
    return undefined
  }
  return { scalar: true, deletes: false, keepsDeleted: true, one, apply }
}

/** A step that keeps all values or none. */
function keepIf(holds: (context: ExpressionContext) => boolean): Step {
  return {
    scalar: true,
    deletes: false,
    keepsDeleted: true,
    one: (value, context) => (value !== undefined && holds(context) ? value : undefined),
    apply: (values, context) => (values.length === 0 || holds(context) ? values : UNRESOLVED),
  }
}

function hasText(values: Values): boolean {
  for (const value of values) {
    if (value !== '') return true
  }
  return false
}

/** The values for which the operator holds with any of the compared texts. */
function keepMatching(operator: Operator | undefined, values: Values, compared: Values): Values {
  if (operator === undefined || isTooMuch(values, compared)) return UNRESOLVED
  const isKept: boolean[] = []
  for (const text of compared) {
    for (let index = 0; index < values.length; index++) {
      isKept[index] ||= operator(values[index]!, text)
    }
  }
  const kept: string[] = []
  for (let index = 0; index < values.length; index++) {
    if (isKept[index]) kept.push(values[index]!)
  }
  return kept.length === 0 ? UNRESOLVED : kept
}

function isAnyPair(operator: Operator | undefined, values: Values, compared: Values): boolean {
  if (operator === undefined || isTooMuch(values, compared)) return false
  for (const text of compared) {
    for (const value of values) {
      if (operator(value, text)) return true
    }
  }
  return false
}

function isTooMuch(values: Values, compared: Values): boolean {
  return (charsOf(values) + values.length) * compared.length > MAX_COMPARED_CHARS
}

/** What is unresolved counts as the empty text here, so that `ne` can hold. */
function orNoText(values: Values): Values {
  return values.length === 0 ? NO_TEXT : values
}
