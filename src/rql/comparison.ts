/**
 * How RQL compares a scalar of a thing with a value of the expression (Ditto documentation, "RQL
 * expressions – comparison"). Knows neither properties nor trees.
 */
import { matchesGlob } from '../expression/glob.ts'
import type { Comparison } from './ast.ts'

/** What has a value to compare. */
export type Scalar = string | number | boolean | null

/** What it is compared with. */
export type Operand = Scalar

/** Whether a scalar compares with an operand as wanted. */
export type Test = (scalar: Scalar, operand: Operand) => boolean

/**
 * The test of every operator; `ne` is the negation of `eq` and has none. `ilike` takes lower case.
 */
export const TESTS: Readonly<Record<Exclude<Comparison, 'ne'>, Test>> = {
  eq: (scalar, operand) => (scalar === null ? operand === null : order(scalar, operand) === 0),
  gt: (scalar, operand) => order(scalar, operand) > 0,
  ge: (scalar, operand) => order(scalar, operand) >= 0,
  lt: (scalar, operand) => order(scalar, operand) < 0,
  le: (scalar, operand) => order(scalar, operand) <= 0,
  like: (scalar, operand) => scalar !== null && matchesGlob(String(scalar), String(operand)),
  ilike: (scalar, operand) =>
    scalar !== null && matchesGlob(String(scalar).toLowerCase(), String(operand)),
}

/**
 * Negative, 0 or positive as the scalar is less than, equal to or greater than the operand; NaN
 * when they have no order because one is null. Numbers compare as numbers, also with text that is
 * one; everything else of different types by its text.
 */
function order(scalar: Scalar, operand: Operand): number {
  if (scalar === null || operand === null) return Number.NaN
  if (typeof scalar === 'number' && typeof operand === 'number') return compare(scalar, operand)
  if (typeof scalar === 'number' || typeof operand === 'number') {
    const left = decimalOf(scalar)
    const right = decimalOf(operand)
    if (left !== undefined && right !== undefined) return compare(left, right)
  }
  // The texts of the booleans have their order too.
  return compare(String(scalar), String(operand))
}

function compare<T extends string | number | boolean>(left: T, right: T): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/

function decimalOf(scalar: string | number | boolean): number | undefined {
  if (typeof scalar === 'number') return scalar
  return typeof scalar === 'string' && DECIMAL.test(scalar) ? Number(scalar) : undefined
}
