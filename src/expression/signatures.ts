/**
 * Which functions there are and what arguments they take (Ditto documentation, "Placeholders –
 * function library"). What they do is in functions.ts.
 */

/** Arguments of a function. */
export interface Signature {
  /** As shown in errors, with parentheses. */
  readonly text: string
  readonly min: number
  readonly max: number
  /** Whether placeholders are refused as arguments. */
  readonly constantsOnly: boolean
}

export type FunctionName =
  | 'default'
  | 'delete'
  | 'filter'
  | 'substring-before'
  | 'substring-after'
  | 'lower'
  | 'upper'
  | 'trim'
  | 'replace'
  | 'split'
  | 'join'
  | 'url-encode'
  | 'url-decode'
  | 'base64-encode'
  | 'base64-decode'
  | 'format'

const NOTHING: Signature = { text: '()', min: 0, max: 0, constantsOnly: true }

const TABLE: Readonly<Record<FunctionName, Signature>> = {
  default: { text: "('fallback' | placeholder)", min: 1, max: 1, constantsOnly: false },
  delete: NOTHING,
  filter: {
    text: "(['value' | placeholder,] 'eq' | 'ne' | 'like' | 'exists', 'compared' | placeholder)",
    min: 2,
    max: 3,
    constantsOnly: false,
  },
  'substring-before': { text: "('separator')", min: 1, max: 1, constantsOnly: true },
  'substring-after': { text: "('separator')", min: 1, max: 1, constantsOnly: true },
  lower: NOTHING,
  upper: NOTHING,
  trim: NOTHING,
  // Ditto accepts a third argument and ignores it.
  replace: {
    text: "('from' | placeholder, 'to' | placeholder)",
    min: 2,
    max: 3,
    constantsOnly: false,
  },
  split: { text: "('separator')", min: 1, max: 1, constantsOnly: true },
  join: { text: "('delimiter')", min: 1, max: 1, constantsOnly: true },
  'url-encode': NOTHING,
  'url-decode': NOTHING,
  'base64-encode': NOTHING,
  'base64-decode': NOTHING,
  format: { text: "('{field} {/json/pointer}')", min: 1, max: 1, constantsOnly: true },
}

/** Every function by its name without `fn:`. */
export const SIGNATURES: ReadonlyMap<string, Signature> = new Map(Object.entries(TABLE))
