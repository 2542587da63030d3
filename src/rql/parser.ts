/**
 * The parser of RQL expressions (Ditto documentation, "RQL expressions"). One pass, no
 * backtracking.
 *
 * ```
 * expression = WS query
 * query      = comparison "(" property "," value ")"          eq ne gt ge lt le like ilike
 *            | "in" "(" property 1*( "," value ) ")"
 *            | ( "exists" | "empty" ) "(" property ")"
 *            | ( "and" | "or" ) "(" query *( "," WS query ) ")"
 *            | "not" "(" query ")"
 * property   = *( any character but , ) " \ | escape )
 * value      = ( number | string | "time:" name | "true" | "false" | "null" ) WS
 * number     = [ "+" | "-" ] ( "0" | 1-9 *DIGIT ) [ "." 1*DIGIT ]
 * string     = '"' *( character | escape ) '"' | "'" *( character | escape ) "'"
 * escape     = "\" ( quote | "\" | "/" | b | f | n | r | t | u 4HEX )
 * WS         = *( space | tab | CR | LF | FF )
 * ```
 */

import { isLikePattern, MAX_STRETCH_WITH_ANY } from '../expression/like.ts'
import { parseTime } from '../expression/time.ts'
import { DittoException } from '../protocol/errors.ts'
import { rqlInvalid } from '../protocol/placeholder-errors.ts'
import { COMPARISONS, type Comparison, type RqlNode, type RqlValue } from './ast.ts'
import { findProperty, PROPERTY_NAMES, type Purpose, unknownProperty } from './properties.ts'

/** Operators within each other; hostile text must not overflow the stack. */
export const MAX_RQL_DEPTH = 64

/**
 * The tree of an RQL expression. Throws 400 `rql.expression.invalid` with the position (counted
 * from 0, the text's length being its end) and what was expected there.
 */
export function parseRql(text: string): RqlNode {
  return new Parser(text).parse()
}

const OPERATORS = [...COMPARISONS, 'in', 'exists', 'empty', 'and', 'or', 'not'] as const

type Operator = (typeof OPERATORS)[number]

/** Where the parser stands in the text. */
class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): RqlNode {
    this.#skipWhitespace()
    const node = this.#query(1)
    if (this.#at < this.#text.length) throw this.#expected('the end of the expression')
    return node
  }

  #query(depth: number): RqlNode {
    if (depth > MAX_RQL_DEPTH) {
      throw this.#expected(`at most ${MAX_RQL_DEPTH} operators within each other`)
    }
    const operator = this.#operator()
    this.#take('(')
    const node = this.#operands(operator, depth)
    this.#take(')')
    return node
  }

  #operator(): Operator {
    const name = this.#match(LETTERS) ?? ''
    if (isOperator(name)) return name
    this.#at -= name.length
    throw this.#expected(`one of the operators ${OPERATORS.join(', ')}`)
  }

  #operands(operator: Operator, depth: number): RqlNode {
    switch (operator) {
      case 'and':
      case 'or':
        return { kind: operator, children: this.#queries(depth + 1) }
      case 'not':
        return { kind: 'not', child: this.#query(depth + 1) }
      case 'exists':
      case 'empty':
        return { kind: operator, property: this.#property('presence') }
      case 'in': {
        const property = this.#property('value')
        return { kind: 'in', property, values: this.#values() }
      }
      default: {
        const property = this.#property('value')
        this.#take(',')
        return { kind: 'compare', operator, property, value: this.#operand(operator) }
      }
    }
  }

  #queries(depth: number): readonly RqlNode[] {
    const nodes = [this.#query(depth)]
    while (this.#next(',')) {
      this.#skipWhitespace()
      nodes.push(this.#query(depth))
    }
    return nodes
  }

  #property(purpose: Purpose): string {
    const start = this.#at
    const name = this.#characters(PLAIN_IN_PROPERTY, '"')
    if (findProperty(name, purpose) !== undefined) return name
    this.#at = start
    throw this.#expected(PROPERTY_NAMES[purpose], `${unknownProperty(name)}. `)
  }

  #values(): readonly RqlValue[] {
    this.#take(',')
    const values = [this.#value()]
    while (this.#next(',')) values.push(this.#value())
    return values
  }

  #operand(operator: Comparison): RqlValue {
    const start = this.#at
    const value = this.#value()
    if (operator !== 'like' && operator !== 'ilike') return value
    if (typeof value === 'string' && isLikePattern(value)) return value
    this.#at = start
    throw this.#expected(
      typeof value === 'string'
        ? `at most ${MAX_STRETCH_WITH_ANY} characters between two * of a pattern when ? is among them`
        : `a string, because ${operator} compares text`,
    )
  }

  #value(): RqlValue {
    const value = this.#literal()
    this.#skipWhitespace()
    return value
  }

  #literal(): RqlValue {
    if (this.#next('"')) return this.#string(PLAIN_IN_DOUBLE_QUOTES, '"')
    if (this.#next("'")) return this.#string(PLAIN_IN_SINGLE_QUOTES, "'")
    const number = this.#match(NUMBER)
    if (number !== undefined) return this.#number(number)
    if (this.#next('time:')) return this.#time()
    if (this.#next('true')) return true
    if (this.#next('false')) return false
    if (this.#next('null')) return null
    throw this.#expected(`a number, a quoted string, 'time:…', true, false or null`)
  }

  /** Ditto keeps integers as 64 bit numbers, and has no negative zero among them. */
  #number(text: string): number {
    const value = Number(text)
    const isInteger = !text.includes('.')
    if (text !== '-0' && (isInteger ? isLong(text) : Number.isFinite(value))) return value
    this.#at -= text.length
    throw this.#expected(
      text === '-0' ? 'an integer without sign (or -0.0)' : 'a number that fits into 64 bits',
    )
  }

  #string(plain: RegExp, quote: string): string {
    const value = this.#characters(plain, quote)
    this.#take(quote)
    return value
  }

  #time(): RqlValue {
    const start = this.#at
    const time = this.#match(TIME)!.trimEnd()
    if (parseTime(time) !== undefined) return { time }
    this.#at = start
    throw this.#expected(`a time such as 'now', 'now-1h' or 'now+2d[d]'`)
  }

  /** Plain characters and escapes, up to whatever is neither. */
  #characters(plain: RegExp, quote: string): string {
    let value = ''
    for (;;) {
      value += this.#match(plain) ?? ''
      if (!this.#next('\\')) return value
      value += this.#escaped(quote)
    }
  }

  #escaped(quote: string): string {
    const code = this.#match(HEX_CODE)
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
    const character = this.#text[this.#at] ?? ''
    const value = character === quote ? quote : ESCAPES.get(character)
    if (value === undefined) {
      throw this.#expected(`${quote}, \\, /, b, f, n, r, t or u with four hexadecimal digits`)
    }
    this.#at++
    return value
  }

  #skipWhitespace(): void {
    this.#match(WHITESPACE)
  }

  /** What the (sticky) pattern finds here; goes on behind it. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #next(wanted: string): boolean {
    if (!this.#text.startsWith(wanted, this.#at)) return false
    this.#at += wanted.length
    return true
  }

  #take(wanted: string): void {
    if (!this.#next(wanted)) throw this.#expected(`'${wanted}'`)
  }

  #expected(what: string, reason = ''): DittoException {
    const found = this.#text.slice(this.#at, this.#at + EXCERPT_CHARS).toWellFormed()
    const instead = found === '' ? 'the end' : `'${found}'`
    return new DittoException(
      rqlInvalid(
        `${reason}The RQL expression is invalid at position ${this.#at}: expected ${what}, ` +
          `but found ${instead}.`,
      ),
    )
  }
}

/** Characters of the text that an error shows. */
const EXCERPT_CHARS = 16

const LETTERS = /[a-z]+/y
const WHITESPACE = /[ \n\r\t\f]*/y
const NUMBER = /[+-]?(?:[1-9][0-9]+|[0-9])(?:\.[0-9]+)?/y
const TIME = /[^,)"]*/y
const HEX_CODE = /u[0-9A-Fa-f]{4}/y
const PLAIN_IN_PROPERTY = /[^,)"\\]+/y
const PLAIN_IN_DOUBLE_QUOTES = /[^"\\]+/y
const PLAIN_IN_SINGLE_QUOTES = /[^'\\]+/y

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

const MAX_LONG = 2n ** 63n - 1n
/** With a sign. */
const MAX_LONG_CHARS = 20

function isLong(text: string): boolean {
  if (text.length > MAX_LONG_CHARS) return false
  const value = BigInt(text)
  return value <= MAX_LONG && value >= -MAX_LONG - 1n
}

function isOperator(name: string): name is Operator {
  return (OPERATORS as readonly string[]).includes(name)
}
