/**
 * `fn:filter` (Ditto documentation, "Placeholders – function library"): keeps values, or does not.
 */
import type { ExpressionContext } from './context.ts'
import type { Argument } from './functions.ts'
import { matchesAnyGlob } from './glob.ts'
import type { Source } from './placeholders.ts'
import { each, type Step } from './step.ts'
import type { Values } from './values.ts'

/** Pairs that the form with three arguments compares at most; then nothing is kept. */
const MAX_PAIRS = 100_000

const EXISTS = 'exists'
const NO_TEXT: Values = Object.freeze([''])

type Operator = (value: string, compared: string) => boolean

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['eq', (value, compared) => value === compared],
  ['ne', (value, compared) => value !== compared],
  ['like', matchesAnyGlob],
  [EXISTS, (value, wanted) => (value !== '') === (wanted.toLowerCase() === 'true')],
])

/**
 * The step of `fn:filter(operator, compared)`, `fn:filter(value, 'exists')` or
 * `fn:filter(value, operator, compared)`.
 */
export function compileFilter(args: readonly Argument[]): Step {
  const [first, second, third] = args as [Argument, Argument, Argument?]
  if (third !== undefined) {
    return each((value, context) =>
      anyPairHolds(first, operatorOf(second, context), third, context) ? value : undefined,
    )
  }
  return each((value, context) => {
    const keep =
      second.first(context) === EXISTS
        ? first.all(context).some((text) => text !== '')
        : holdsForAny(value, operatorOf(first, context), second.all(context))
    return keep ? value : undefined
  })
}

function operatorOf(name: Source, context: ExpressionContext): Operator | undefined {
  return OPERATORS.get(name.first(context) ?? '')
}

function holdsForAny(value: string, operator: Operator | undefined, compared: Values): boolean {
  if (operator === undefined) return false
  for (const text of compared) {
    if (operator(value, text)) return true
  }
  return false
}

/** What is unresolved counts as the empty text here, so that `ne` can hold. */
function anyPairHolds(
  values: Source,
  operator: Operator | undefined,
  compared: Source,
  context: ExpressionContext,
): boolean {
  const left = orNoText(values.all(context))
  const right = orNoText(compared.all(context))
  if (left.length * right.length > MAX_PAIRS) return false
  for (const value of left) {
    if (holdsForAny(value, operator, right)) return true
  }
  return false
}

function orNoText(values: Values): Values {
  return values.length === 0 ? NO_TEXT : values
}
