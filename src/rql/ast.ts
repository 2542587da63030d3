/**
 * The tree of an RQL expression (Ditto documentation, "RQL expressions"). Knows neither its text
 * nor its meaning.
 */

export const COMPARISONS = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'like', 'ilike'] as const

export type Comparison = (typeof COMPARISONS)[number]

/** A moment that is looked up when the expression is evaluated, such as `time:now-1h[h]`. */
export interface TimeValue {
  /** Without the prefix `time:`. */
  readonly time: string
}

/** What a property is compared with. */
export type RqlValue = string | number | boolean | null | TimeValue

export type RqlNode =
  | {
      readonly kind: 'compare'
      readonly operator: Comparison
      readonly property: string
      readonly value: RqlValue
    }
  | { readonly kind: 'in'; readonly property: string; readonly values: readonly RqlValue[] }
  | { readonly kind: 'exists' | 'empty'; readonly property: string }
  | { readonly kind: 'and' | 'or'; readonly children: readonly RqlNode[] }
  | { readonly kind: 'not'; readonly child: RqlNode }

/** Whether a value is a moment. */
export function isTimeValue(value: RqlValue): value is TimeValue {
  return typeof value === 'object' && value !== null
}
