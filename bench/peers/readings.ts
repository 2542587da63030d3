/**
 * The payloads of the load generators: readings of a sensor, numbered so that the event which comes of
 * one can be told from all others, whatever stands around it. All have the same length, so that a
 * packet is made once for each device and only the digits change.
 */

const NUMBER_MARK = Buffer.from('"seq":')
/** Numbers start here: JSON knows no leading zeros, and the length must not change. */
const FIRST_NUMBER = 1_000_000_000
const DIGITS = 10
const ZERO = 0x30

/** A reading of exactly so many bytes; the digits are to be written by {@link writeNumber}. */
export function readingOf(bytes: number): Buffer {
  const reading = { seq: FIRST_NUMBER, temperature: 21.5, humidity: 48, note: '' }
  const missing = bytes - JSON.stringify(reading).length
  if (missing < 0) throw new RangeError(`a reading cannot have ${bytes} bytes`)
  return Buffer.from(JSON.stringify({ ...reading, note: 'x'.repeat(missing) }))
}

/** Where the digits begin in a payload that has a reading somewhere inside. */
export function digitsAt(payload: Buffer): number {
  return payload.indexOf(NUMBER_MARK) + NUMBER_MARK.length
}

/** Writes the digits of a message's number in place. */
export function writeNumber(target: Buffer, at: number, number: number): void {
  let rest = FIRST_NUMBER + number
  for (let position = at + DIGITS - 1; position >= at; position--) {
    const next = Math.floor(rest / 10)
    target[position] = ZERO + (rest - next * 10)
    rest = next
  }
}

/** The number that the bytes from `start` to `end` carry; NaN when they carry none. */
export function readNumber(source: Buffer, start: number, end: number): number {
  const mark = source.indexOf(NUMBER_MARK, start)
  const from = mark + NUMBER_MARK.length
  if (mark === -1 || from + DIGITS > end) return Number.NaN
  let number = 0
  for (let position = from; position < from + DIGITS; position++) {
    number = number * 10 + (source[position]! - ZERO)
  }
  return number - FIRST_NUMBER
}
