/**
 * Reads values of the AMQP type system from bytes (AMQP 1.0, part 1). Trusts nothing: what is cut short,
 * nested too deep or longer than it can be throws a {@link MalformedError} and costs one message only.
 * Knows no message.
 */

/**
 * A value of AMQP in JavaScript: 64-bit numbers beyond the safe ones are bigint, times are milliseconds
 * since 1970, decimals have no counterpart and are null.
 */
export type AmqpValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uuid
  | Uint8Array
  | readonly AmqpValue[]
  | AmqpMap

/** A map; its keys need not be text. */
export type AmqpMap = ReadonlyMap<AmqpValue, AmqpValue>

/** Bytes are no values of the type system, or not all of one. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
}

/** A UUID, in its usual spelling. */
export class Uuid {
  readonly text: string

  constructor(bytes: Buffer) {
    const hex = bytes.toString('hex')
    const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
    this.text = `${parts.join('-')}-${hex.slice(20)}`
  }
}

const MAX_DEPTH = 32
/** The most elements that take no bytes (an array of nulls). */
const MAX_EMPTY_ELEMENTS = 1024

/** Reads one value after the other. */
export class ValueReader {
  readonly #bytes: Buffer
  #position = 0
  #depth = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#position >= this.#bytes.length
  }

  /** The numeric descriptor of a section; symbolic ones are not used by anybody (section 1.1.3). */
  readDescriptor(): number {
    if (this.#byte() !== 0) throw new MalformedError('a section has no descriptor')
    const descriptor = this.read()
    if (typeof descriptor !== 'number') throw new MalformedError('a descriptor is no number')
    return descriptor
  }

  /** A value; of a described one without its descriptor. */
  read(): AmqpValue {
    return this.#value(this.#typeCode())
  }

  #typeCode(): number {
    let code = this.#byte()
    for (let descriptors = 0; code === 0; descriptors++) {
      if (descriptors === MAX_DEPTH) throw new MalformedError('too many descriptors')
      this.#enter()
      this.read()
      this.#leave()
      code = this.#byte()
    }
    return code
  }

  #value(code: number): AmqpValue {
    switch (code >>> 4) {
      case 0x4:
        return emptyValue(code)
      case 0xa:
        return this.#variable(code, this.#byte())
      case 0xb:
        return this.#variable(code, this.#uint32())
      case 0xc:
        return this.#compound(code, this.#byte(), 1)
      case 0xd:
        return this.#compound(code, this.#uint32(), 4)
      case 0xe:
        return this.#array(this.#byte(), 1)
      case 0xf:
        return this.#array(this.#uint32(), 4)
      default:
        return this.#fixed(code)
    }
  }

  #fixed(code: number): AmqpValue {
    const width = FIXED_WIDTHS[code >>> 4]
    if (width === undefined) throw new MalformedError(`type 0x${code.toString(16)} is unknown`)
    const start = this.#advance(width)
    const bytes = this.#bytes
    switch (code) {
      case 0x50:
      case 0x52:
      case 0x53:
        return bytes[start]!
      case 0x51:
      case 0x54:
      case 0x55:
        return bytes.readInt8(start)
      case 0x56:
        return bytes[start] !== 0
      case 0x60:
        return bytes.readUInt16BE(start)
      case 0x61:
        return bytes.readInt16BE(start)
      case 0x70:
        return bytes.readUInt32BE(start)
      case 0x71:
        return bytes.readInt32BE(start)
      case 0x72:
        return bytes.readFloatBE(start)
      case 0x73:
        return character(bytes.readUInt32BE(start))
      case 0x80:
        return narrowed(bytes.readBigUInt64BE(start))
      case 0x81:
      case 0x83:
        return narrowed(bytes.readBigInt64BE(start))
      case 0x82:
        return bytes.readDoubleBE(start)
      case 0x98:
        return new Uuid(bytes.subarray(start, start + width))
      case 0x74:
      case 0x84:
      case 0x94:
        return null
      default:
        throw new MalformedError(`type 0x${code.toString(16)} is unknown`)
    }
  }

  #variable(code: number, size: number): AmqpValue {
    const start = this.#advance(size)
    switch (code & 0xf) {
      case 0x0:
        return this.#bytes.subarray(start, start + size)
      case 0x1:
      case 0x3:
        return this.#bytes.toString('utf8', start, start + size)
      default:
        throw new MalformedError(`type 0x${code.toString(16)} is unknown`)
    }
  }

  #compound(code: number, size: number, width: 1 | 4): AmqpValue {
    const end = this.#position + size
    const count = width === 1 ? this.#byte() : this.#uint32()
    // Every element takes one byte at least.
    if (count > size || end > this.#bytes.length) throw new MalformedError('a value is cut short')
    const values: AmqpValue[] = []
    this.#enter()
    for (let index = 0; index < count; index++) values.push(this.read())
    this.#leave()
    if ((code & 0xf) === 0) return values
    if ((code & 0xf) !== 1 || count % 2 !== 0) throw new MalformedError('a map has no values')
    const map = new Map<AmqpValue, AmqpValue>()
    for (let index = 0; index < count; index += 2) map.set(values[index]!, values[index + 1]!)
    return map
  }

  #array(size: number, width: 1 | 4): AmqpValue {
    const end = this.#position + size
    const count = width === 1 ? this.#byte() : this.#uint32()
    if (end > this.#bytes.length) throw new MalformedError('a value is cut short')
    const values: AmqpValue[] = []
    this.#enter()
    const code = this.#typeCode()
    const limit = code >>> 4 === 0x4 ? MAX_EMPTY_ELEMENTS : size
    if (count > limit) throw new MalformedError('an array is longer than it can be')
    for (let index = 0; index < count; index++) values.push(this.#value(code))
    this.#leave()
    return values
  }

  #enter(): void {
    if (this.#depth === MAX_DEPTH) throw new MalformedError('values are nested too deep')
    this.#depth += 1
  }

  #leave(): void {
    this.#depth -= 1
  }

  #byte(): number {
    return this.#bytes[this.#advance(1)]!
  }

  #uint32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4))
  }

  /** Where the next `size` bytes begin. */
  #advance(size: number): number {
    const start = this.#position
    this.#position += size
    if (this.#position > this.#bytes.length) throw new MalformedError('a value is cut short')
    return start
  }
}

/** Bytes by the first four bits of the type code. */
const FIXED_WIDTHS: Readonly<Record<number, number>> = { 5: 1, 6: 2, 7: 4, 8: 8, 9: 16 }

function emptyValue(code: number): AmqpValue {
  switch (code) {
    case 0x40:
      return null
    case 0x41:
      return true
    case 0x42:
      return false
    case 0x43:
    case 0x44:
      return 0
    case 0x45:
      return []
    default:
      throw new MalformedError(`type 0x${code.toString(16)} is unknown`)
  }
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function character(codePoint: number): string {
  if (codePoint > 0x10ffff) throw new MalformedError('a character is none')
  return String.fromCodePoint(codePoint)
}

/** A value as JSON has it: bytes in base64, large numbers as text. */
export function toJson(value: AmqpValue): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Uuid) return value.text
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map) {
    const entries = [...(value as AmqpMap)].map(([key, entry]) => [toText(key), toJson(entry)])
    return Object.fromEntries(entries)
  }
  return (value as readonly AmqpValue[]).map(toJson)
}

/** A value as text: what is neither text nor number nor truth is written as JSON. */
export function toText(value: AmqpValue): string {
  if (typeof value === 'string') return value
  const json = toJson(value)
  return typeof json === 'string' ? json : JSON.stringify(json)
}
