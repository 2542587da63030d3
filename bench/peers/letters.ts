/** What a load generator sends: a reading of each device in its envelope, ready but for the number. */
import { digitsAt, readingOf, writeNumber } from './readings.ts'

/** What the letters look like. */
export interface LetterOrder {
  readonly devices: number
  readonly payloadBytes: number
  /** What a reading is sent in, with `{reading}` in its place and `{device}` for the name. */
  readonly envelope: string
}

/** The payloads of all devices, which take turns. */
export class Letters {
  readonly bodies: readonly Buffer[]
  readonly #digitsAt: readonly number[]

  constructor({ devices, payloadBytes, envelope }: LetterOrder) {
    const body = envelope.replace('{reading}', readingOf(payloadBytes).toString())
    this.bodies = Array.from({ length: devices }, (_, device) =>
      Buffer.from(forDevice(body, device)),
    )
    this.#digitsAt = this.bodies.map(digitsAt)
  }

  /** The device whose turn it is. */
  deviceOf(number: number): number {
    return number % this.bodies.length
  }

  /** Writes a message's number into a copy of its body that begins at `at`. */
  write(target: Buffer, at: number, number: number): void {
    writeNumber(target, at + this.#digitsAt[this.deviceOf(number)]!, number)
  }

  /** A copy of the body with its number. */
  numbered(number: number): Buffer {
    const body = Buffer.from(this.bodies[this.deviceOf(number)]!)
    this.write(body, 0, number)
    return body
  }
}

/** Puts the name of a device in its place. */
export function forDevice(text: string, device: number): string {
  return text.replaceAll('{device}', `device-${String(device).padStart(4, '0')}`)
}
