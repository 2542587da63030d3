/** The text of RQL trees. */
import { isTimeValue, type RqlNode, type RqlValue } from './ast.ts'

/** The text of a tree that the parser gave; parsing it gives an equal tree. */
export function printRql(node: RqlNode): string {
  switch (node.kind) {
    case 'compare':
      return `${node.operator}(${printProperty(node.property)},${printValue(node.value)})`
    case 'in':
      return `in(${[printProperty(node.property), ...node.values.map(printValue)].join(',')})`
    case 'exists':
    case 'empty':
      return `${node.kind}(${printProperty(node.property)})`
    case 'and':
    case 'or':
      return `${node.kind}(${node.children.map(printRql).join(',')})`
    case 'not':
      return `not(${printRql(node.child)})`
  }
}

function printValue(value: RqlValue): string {
  if (isTimeValue(value)) return `time:${value.time}`
  if (typeof value === 'number') return printNumber(value)
  return JSON.stringify(value)
}

function printProperty(name: string): string {
  return name.replace(/[,)"\\]/g, (character) => ESCAPES[character]!)
}

const ESCAPES: Readonly<Record<string, string>> = {
  ',': '\\u002c',
  ')': '\\u0029',
  '"': '\\"',
  '\\': '\\\\',
}

/** RQL knows no exponents, and takes numbers without fraction for 64 bit integers. */
function printNumber(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0.0' : String(value)
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const sign = value < 0 ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  const point = Number(exponent) + 1
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  const whole = digits.slice(0, point).padEnd(point, '0')
  return `${sign}${whole}.${digits.slice(point) || '0'}`
}
