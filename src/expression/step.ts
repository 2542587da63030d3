/** What a compiled function is: one step of a pipeline. Knows no function in particular. */
import type { ExpressionContext } from './context.ts'
import type { Source } from './placeholders.ts'
import { DELETED, MAX_VALUE_CHARS, type Values, valuesOf } from './values.ts'

/** One function of a pipeline with its arguments. Never sees {@link DELETED}: see pipeline.ts. */
export interface Step {
  /**
   * Whether `one` says it all when there is at most one value: then a pipeline needs no lists.
   */
  readonly scalar: boolean
  /** Whether it leaves something deleted deleted; else that becomes unresolved. */
  readonly keepsDeleted: boolean
  /** What becomes of the only value, or of its absence. Called if `scalar`. */
  one(value: string | undefined, context: ExpressionContext): string | undefined
  apply(values: Values, context: ExpressionContext): Values
}

/** A step that treats every value by itself; `undefined` drops it. What is unresolved stays so. */
export function each(map: (value: string, context: ExpressionContext) => string | undefined): Step {
  const one = (value: string | undefined, context: ExpressionContext): string | undefined => {
    if (value === undefined) return undefined
    const result = map(value, context)
    return result === undefined || result.length > MAX_VALUE_CHARS ? undefined : result
  }
  const apply = (values: Values, context: ExpressionContext): Values => {
    const results: string[] = []
    for (const value of values) {
      const result = one(value, context)
      if (result !== undefined) results.push(result)
    }
    return valuesOf(results)
  }
  return { scalar: true, keepsDeleted: true, one, apply }
}

/** A step that needs all values at once. What is unresolved stays so. */
export function whole(keepsDeleted: boolean, map: (values: Values) => Values): Step {
  return {
    scalar: false,
    keepsDeleted,
    one: (value) => (value === undefined ? undefined : map([value])[0]),
    apply: (values) => (values.length === 0 ? values : map(values)),
  }
}

/** A step that puts what `source` has where nothing is. */
export function otherwise(source: Source): Step {
  return {
    scalar: !source.multiple,
    keepsDeleted: true,
    one: (value, context) => value ?? source.first(context),
    apply: (values, context) => (values.length === 0 ? source.all(context) : values),
  }
}

/** The step after which there is nothing but {@link DELETED}. */
export const DELETE: Step = {
  scalar: false,
  keepsDeleted: true,
  one: () => undefined,
  apply: () => DELETED,
}
