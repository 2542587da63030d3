/**
 * Writes values of the AMQP type system as bytes (AMQP 1.0, part 1), as many of them as messages from us
 * have. rhea wraps each value in an object and writes into a buffer that grows; here the caller says how
 * much there can be. Knows no message.
 */

const DESCRIBED = 0x00
const SMALL_ULONG = 0x53
const NULL = 0x40
const TRUE = 0x41
const BYTE = 0x51
const UINT = 0x70
const TIMESTAMP = 0x83
/** Binary, string and symbol: with a length of one byte; of four bytes when this is added. */
const BINARY = 0xa0
const STRING = 0xa1
const SYMBOL = 0xa3
const LONG = 0x10
const LIST = 0xd0
const MAP = 0xd1

const MAX_BYTE = 0xff
/** The most bytes of a character of JavaScript in UTF-8. */
const UNIT_BYTES = 3
/** What values of fixed width take at most, and lists, maps and sections without their content. */
export const FIXED_BYTES = 9

/** What a text takes at most. */
export function textBytes(text: string): number {
  return FIXED_BYTES + UNIT_BYTES * text.length
}

/** Writes one value after the other. */
export class ValueWriter {
  readonly #buffer: Buffer
  #at = 0

  /** `capacity`: the sum of {@link textBytes}, lengths of bytes, and {@link FIXED_BYTES} for all else. */
  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  /** What was written so far. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  /** The value that follows is this section. */
  section(descriptor: number): void {
    this.#uint8(DESCRIBED)
    this.#uint8(SMALL_ULONG)
    this.#uint8(descriptor)
  }

  null(): void {
    this.#uint8(NULL)
  }

  true(): void {
    this.#uint8(TRUE)
  }

  byte(value: number): void {
    this.#uint8(BYTE)
    this.#uint8(value)
  }

  uint(value: number): void {
    this.#uint8(UINT)
    this.#uint32(value)
  }

  /** In milliseconds since 1970. */
  time(value: number): void {
    this.#uint8(TIMESTAMP)
    this.#at = this.#buffer.writeBigInt64BE(BigInt(value), this.#at)
  }

  text(value: string): void {
    this.#variable(STRING, value)
  }

  symbol(value: string): void {
    this.#variable(SYMBOL, value)
  }

  /** Text as bytes, which is how some properties want it. */
  textAsBinary(value: string): void {
    this.#variable(BINARY, value)
  }

  binary(value: Uint8Array): void {
    if (value.length <= MAX_BYTE) {
      this.#uint8(BINARY)
      this.#uint8(value.length)
    } else {
      this.#uint8(BINARY | LONG)
      this.#uint32(value.length)
    }
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  /** As many values follow as there are elements; then {@link end} with what is returned here. */
  beginList(elements: number): number {
    return this.#begin(LIST, elements)
  }

  /** Twice as many values follow as there are entries; then {@link end} with what is returned here. */
  beginMap(entries: number): number {
    return this.#begin(MAP, 2 * entries)
  }

  end(begun: number): void {
    this.#setUint32(begun, this.#at - begun - 4)
  }

  #begin(code: number, count: number): number {
    this.#uint8(code)
    const begun = this.#at
    this.#at += 4
    this.#uint32(count)
    return begun
  }

  #variable(code: number, text: string): void {
    if (UNIT_BYTES * text.length <= MAX_BYTE) {
      this.#uint8(code)
      const length = this.#buffer.write(text, this.#at + 1)
      this.#uint8(length)
      this.#at += length
    } else {
      this.#uint8(code | LONG)
      const length = this.#buffer.write(text, this.#at + 4)
      this.#uint32(length)
      this.#at += length
    }
  }

  #uint8(value: number): void {
    this.#buffer[this.#at++] = value
  }

  #uint32(value: number): void {
    this.#setUint32(this.#at, value)
    this.#at += 4
  }

  #setUint32(at: number, value: number): void {
    this.#buffer[at] = value >>> 24
    this.#buffer[at + 1] = (value >>> 16) & 0xff
    this.#buffer[at + 2] = (value >>> 8) & 0xff
    this.#buffer[at + 3] = value & 0xff
  }
}
