/**
 * How RQL compares a scalar of a thing with a value of the expression (Ditto documentation, "RQL
 * expressions – comparison"). Knows neither properties nor trees. What can be known of the value
 * beforehand is known: comparing makes no new texts unless it must.
 */

import { compileLike } from '../expression/like.ts'
import { DittoException } from '../protocol/errors.ts'
import { rqlInvalid } from '../protocol/placeholder-errors.ts'
import type { Comparison, RqlValue } from './ast.ts'

/** What has a value to compare. */
export type Scalar = string | number | boolean | null

/** What it is compared with, in all the ways that it may be looked at. */
export interface Operand {
  readonly value: Scalar
  readonly text: string
  /** NaN for what is neither a number nor the text of one. */
  readonly decimal: number
}

/** Whether a scalar compares with an operand as wanted. */
export type Test = (scalar: Scalar, operand: Operand) => boolean

/** An operand of that value. */
export function operandOf(value: Scalar): Operand {
  return { value, text: String(value), decimal: decimalOf(value) }
}

/** The test of `eq`. */
export const EQUAL: Test = (scalar, operand) =>
  scalar === null ? operand.value === null : order(scalar, operand) === 0

/**
 * The test of an operator; `ne` is the negation of `eq` and has none. Throws 400
 * `rql.expression.invalid` when `like` is to compare with anything but text.
 */
export function compileTest(operator: Exclude<Comparison, 'ne'>, value: RqlValue): Test {
  if (operator !== 'like' && operator !== 'ilike') return ORDERED[operator]
  if (typeof value !== 'string') throw new DittoException(rqlInvalid(`${operator} compares text.`))
  const pattern = compileLike(value, operator === 'ilike')
  return (scalar) => scalar !== null && pattern.matches(String(scalar))
}

const ORDERED = {
  eq: EQUAL,
  gt: (scalar, operand) => order(scalar, operand) > 0,
  ge: (scalar, operand) => order(scalar, operand) >= 0,
  lt: (scalar, operand) => order(scalar, operand) < 0,
  le: (scalar, operand) => order(scalar, operand) <= 0,
} satisfies Record<string, Test>

/**
 * Negative, 0 or positive as the scalar is less than, equal to or greater than the operand; NaN
 * when they have no order because one is null. Numbers compare as numbers, also with text that is
 * one; everything else of different types by its text.
 */
function order(scalar: Scalar, operand: Operand): number {
  const { value, text, decimal } = operand
  if (scalar === null || value === null) return Number.NaN
  if (typeof scalar === 'number' || typeof value === 'number') {
    const number = decimalOf(scalar)
    if (!Number.isNaN(number) && !Number.isNaN(decimal)) return compare(number, decimal)
  }
  // The texts of the booleans have their order too.
  return compare(String(scalar), text)
}

function compare<T extends string | number>(left: T, right: T): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

function decimalOf(scalar: Scalar): number {
  if (typeof scalar === 'number') return scalar
  return typeof scalar === 'string' && isPlain(scalar) ? Number(scalar) : Number.NaN
}

const PLUS = 0x2b
const MINUS = 0x2d
const DOT = 0x2e

/** Turns away what `Number` takes beyond decimals: blanks, infinities and other bases. */
function isPlain(text: string): boolean {
  const first = text.charCodeAt(0)
  const last = text.charCodeAt(text.length - 1)
  if (!isDigit(last) && last !== DOT) return false
  if (!isDigit(first) && first !== DOT && first !== PLUS && first !== MINUS) return false
  return !'xXoObB'.includes(text.charAt(1) || '.')
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
