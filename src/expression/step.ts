/** What a compiled function is: one step of a pipeline. Knows no function in particular. */
import type { ExpressionContext } from './context.ts'
import type { Source } from './placeholders.ts'
import { DELETED, MAX_TOTAL_CHARS, MAX_VALUE_CHARS, UNRESOLVED, type Values } from './values.ts'

/** One function of a pipeline with its arguments. */
export interface Step {
  /**
   * Whether `one` says it all when there is at most one value: then a pipeline needs no lists.
   */
  readonly scalar: boolean
  /** Whether it may make {@link DELETED} of what was not; never together with `scalar`. */
  readonly deletes: boolean
  /** Whether it leaves something deleted deleted; else that becomes unresolved. */
  readonly keepsDeleted: boolean
  /** What becomes of the only value, or of its absence. Called if `scalar`. */
  one(value: string | undefined, context: ExpressionContext): string | undefined
  apply(values: Values, context: ExpressionContext): Values
}

/**
 * A step that treats every value by itself; `undefined` drops it. What is unresolved or deleted stays
 * so.
 */
export function each(map: (value: string, context: ExpressionContext) => string | undefined): Step {
  const one = (value: string | undefined, context: ExpressionContext): string | undefined => {
    if (value === undefined) return undefined
    const result = map(value, context)
    return result === undefined || result.length > MAX_VALUE_CHARS ? undefined : result
  }
  const apply = (values: Values, context: ExpressionContext): Values => {
    if (values.length === 0) return values
    const results: string[] = []
    let chars = 0
    for (const value of values) {
      const result = one(value, context)
      if (result === undefined) continue
      chars += result.length
      if (chars > MAX_TOTAL_CHARS) return UNRESOLVED
      results.push(result)
    }
    return results.length === 0 ? UNRESOLVED : results
  }
  return { scalar: true, deletes: false, keepsDeleted: true, one, apply }
}

/** A step that needs all values at once. What is unresolved stays so. */
export function whole(keepsDeleted: boolean, map: (values: Values) => Values): Step {
  return {
    scalar: false,
    deletes: false,
    keepsDeleted,
    one: (value) => (value === undefined ? undefined : map([value])[0]),
    apply(values) {
      if (values.length > 0) return map(values)
      return keepsDeleted ? values : UNRESOLVED
    },
  }
}

/** A step that puts what `source` has where nothing is. */
export function otherwise(source: Source): Step {
  return {
    scalar: !source.multiple,
    deletes: source.deletes,
    keepsDeleted: true,
    one: (value, context) => value ?? source.first(context),
    apply: (values, context) => (values === UNRESOLVED ? source.all(context) : values),
  }
}

/** The step after which there is nothing but {@link DELETED}. */
export const DELETE: Step = {
  scalar: false,
  deletes: true,
  keepsDeleted: true,
  one: () => undefined,
  apply: () => DELETED,
}
