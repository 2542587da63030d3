/**
 * The books of a load generator: which message was sent when, which arrived, how long it took. Knows
 * no protocol and no clock; times are microseconds of any monotonic clock.
 */
import { Histogram, type Summary } from '../support/histogram.ts'
import type { Account } from './messages.ts'

/** Messages on their way that can be told apart; a power of two. */
const CAPACITY = 2 ** 20

const IN_FLIGHT = 1
const RECEIVED = 2
const GIVEN_UP = 3

/** Keeps account of messages numbered 0, 1, 2, … whose devices take turns. */
export class Ledger {
  readonly #devices: number
  readonly #sentAtUs = new Float64Array(CAPACITY)
  readonly #states = new Uint8Array(CAPACITY)
  /** The latest number that arrived, by device. */
  readonly #latest: Float64Array
  readonly #latencies = new Histogram()
  #sent = 0
  #received = 0
  #duplicates = 0
  #overtaken = 0
  #foreign = 0
  #inFlight = 0
  /** Everything before it has arrived or was given up. */
  #oldest = 0
  #receivedBefore = 0

  constructor(devices: number) {
    this.#devices = devices
    this.#latest = new Float64Array(devices).fill(-1)
  }

  /** Messages sent that have neither arrived nor been given up. */
  get inFlight(): number {
    return this.#inFlight
  }

  get sent(): number {
    return this.#sent
  }

  get received(): number {
    return this.#received
  }

  /** Notes that the next message is sent, or should have been; answers its number. */
  send(atUs: number): number {
    const number = this.#sent++
    const slot = number % CAPACITY
    if (this.#states[slot] === IN_FLIGHT) this.#inFlight -= 1
    this.#states[slot] = IN_FLIGHT
    this.#sentAtUs[slot] = atUs
    this.#inFlight += 1
    return number
  }

  /** Notes that a message arrived; `number` is NaN when it carried none. */
  receive(number: number, nowUs: number): void {
    if (!(number < this.#sent && number >= Math.max(0, this.#sent - CAPACITY))) {
      this.#foreign += 1
      return
    }
    const slot = number % CAPACITY
    const state = this.#states[slot]
    if (state === RECEIVED) {
      this.#duplicates += 1
      return
    }
    if (state === IN_FLIGHT) this.#inFlight -= 1
    this.#states[slot] = RECEIVED
    this.#received += 1
    this.#latencies.record(nowUs - this.#sentAtUs[slot]!)
    const device = number % this.#devices
    if (number < this.#latest[device]!) this.#overtaken += 1
    else this.#latest[device] = number
  }

  /** Gives up what was sent before an instant, so that a lost message does not block the window. */
  giveUp(beforeUs: number): void {
    this.#oldest = Math.max(this.#oldest, this.#sent - CAPACITY)
    for (; this.#oldest < this.#sent; this.#oldest++) {
      const slot = this.#oldest % CAPACITY
      if (this.#states[slot] !== IN_FLIGHT) continue
      if (this.#sentAtUs[slot]! >= beforeUs) return
      this.#states[slot] = GIVEN_UP
      this.#inFlight -= 1
    }
  }

  /** Forgets the latencies so far: what arrives from now on is measured. */
  beginWindow(): void {
    this.#latencies.reset()
    this.#receivedBefore = this.#received
  }

  /** What arrived since the window began. */
  window(): { received: number; latencyUs: Summary } {
    const received = this.#received - this.#receivedBefore
    return { received, latencyUs: this.#latencies.summary() }
  }

  account(): Account {
    return {
      sent: this.#sent,
      received: this.#received,
      duplicates: this.#duplicates,
      overtaken: this.#overtaken,
      foreign: this.#foreign,
    }
  }
}
