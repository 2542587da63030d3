/**
 * Messages that fail again and again. Not every broker counts deliveries, and none tells all of them, so a
 * message is known here by what it is: address, headers and payload. Only messages that failed cost
 * anything.
 */
import { hash } from 'node:crypto'
import type { ExternalMessage } from '../protocol/external-message.ts'

/** Failed messages that are remembered; the oldest is forgotten first. */
const REMEMBERED_MAX = 10_000

/** A number that the broker gives to each delivery says nothing about the message. */
const DELIVERY_NUMBER = 'messageId'

/** One per source. */
export class Redeliveries {
  readonly #max: number
  readonly #failures = new Map<string, number>()

  /** `max`: how often a message may be delivered again; 0: for ever. */
  constructor(max: number) {
    this.#max = max
  }

  /** The message failed once more; whether it may be delivered again. */
  allow(address: string, message: ExternalMessage): boolean {
    if (this.#max === 0) return true
    const key = keyOf(address, message)
    const failures = (this.#failures.get(key) ?? 0) + 1
    this.#failures.delete(key)
    if (failures > this.#max) return false
    this.#failures.set(key, failures)
    if (this.#failures.size > REMEMBERED_MAX) this.#forgetOldest()
    return true
  }

  /** The message is through. */
  forget(address: string, message: ExternalMessage): void {
    if (this.#failures.size > 0) this.#failures.delete(keyOf(address, message))
  }

  #forgetOldest(): void {
    for (const key of this.#failures.keys()) {
      this.#failures.delete(key)
      return
    }
  }
}

function keyOf(address: string, { headers, payload }: ExternalMessage): string {
  const { [DELIVERY_NUMBER]: _, ...lasting } = headers
  const known = `${address}\n${JSON.stringify(lasting)}\n`
  const content = typeof payload === 'string' ? payload : hash('sha1', payload ?? '')
  return hash('sha1', known + content)
}
