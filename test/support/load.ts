/**
 * Devices that send numbered readings without a pause, and a subscriber of the events they cause. Every
 * reading is accounted for; one that the broker has confirmed must arrive. Knows MQTT and a script, and
 * nothing of what happens between them.
 */
import type { MqttClient } from 'mqtt'
import { Account } from './account.ts'
import type { Mosquitto } from './broker.ts'

/** Merges a reading into the thing of its device; its event comes out as it went in. */
export const READING_SCRIPT = `function mapToDittoProtocolMsg(headers, textPayload) {
  return Ditto.buildDittoProtocolMsg('load', headers['mqtt.topic'].split('/')[1], 'things', 'twin',
    'commands', 'merge', '/', { 'content-type': 'application/merge-patch+json' },
    { attributes: { reading: textPayload } })
}`

/** Who sends how much, and where events come out. */
export interface LoadOptions {
  /** Readings are sent to `<from>/<device>`, events are expected on `<to>/<device>`, both with QoS 1. */
  readonly from: string
  readonly to: string
  readonly source: Mosquitto
  /** The broker of the events, unless it is that of the readings. */
  readonly sink?: Mosquitto
  readonly devices?: number
  readonly readingsPerSecond?: number
}

const TICK_MS = 10
const WAIT_POLL_MS = 20

/** A running load. */
export class Load {
  readonly account = new Account()
  readonly #publisher: MqttClient
  readonly #subscriber: MqttClient
  readonly #options: Required<LoadOptions>
  readonly #unconfirmed = new Set<Promise<unknown>>()
  #timer: NodeJS.Timeout | undefined
  #sent = 0
  /** The highest number that arrived. */
  #newest = -1
  #lastArrivalMs = performance.now()
  #longestSilenceMs = 0

  private constructor(
    publisher: MqttClient,
    subscriber: MqttClient,
    options: Required<LoadOptions>,
  ) {
    this.#publisher = publisher
    this.#subscriber = subscriber
    this.#options = options
    subscriber.on('message', (topic, payload) => this.#arrived(topic, payload))
  }

  /** Connects and begins to send. */
  static async start(given: LoadOptions): Promise<Load> {
    const options = { sink: given.source, devices: 20, readingsPerSecond: 500, ...given }
    const [publisher, subscriber] = await Promise.all([
      options.source.connect(),
      options.sink.connect(),
    ])
    await subscriber.subscribeAsync(`${options.to}/+`, { qos: 1 })
    const load = new Load(publisher, subscriber, options)
    load.#timer = setInterval(() => load.#send(), TICK_MS)
    return load
  }

  /** How many readings were sent so far. */
  get sent(): number {
    return this.#sent
  }

  /** The longest time without an event since this was asked last, in milliseconds. */
  longestSilenceMs(): number {
    const longest = Math.max(this.#longestSilenceMs, performance.now() - this.#lastArrivalMs)
    this.#longestSilenceMs = 0
    this.#lastArrivalMs = performance.now()
    return longest
  }

  /** Resolves when readings that are sent from now on have arrived; rejects after `limitMs`. */
  async flows(limitMs = 10_000): Promise<void> {
    const first = this.#sent
    await this.#until(() => this.#newest >= first, limitMs, 'no event of a new reading')
  }

  /** Stops sending, and waits for everything that is on its way; rejects after `limitMs`. */
  async finish(limitMs = 20_000): Promise<Account> {
    clearInterval(this.#timer)
    await Promise.all(this.#unconfirmed)
    const isComplete = (): boolean => this.account.missing === 0
    // What is lost is told by the verdict.
    await this.#until(isComplete, limitMs, 'readings are missing').catch(() => {})
    await this.stop()
    return this.account
  }

  /** Stops sending and listening at once. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([this.#publisher.endAsync(true), this.#subscriber.endAsync(true)])
  }

  #send(): void {
    const { from, devices, readingsPerSecond } = this.#options
    for (let i = 0; i < (readingsPerSecond * TICK_MS) / 1000; i++) {
      const number = this.#sent++
      const device = `device-${number % devices}`
      this.account.send(device, `${number}`)
      const confirmed = this.#publisher
        .publishAsync(`${from}/${device}`, `${number}`, { qos: 1 })
        .then(() => this.account.promise(device, `${number}`))
      this.#unconfirmed.add(confirmed)
      const settled = (): boolean => this.#unconfirmed.delete(confirmed)
      // What the end of the load cuts off fails nothing: the test has failed before.
      confirmed.then(settled, settled)
    }
  }

  #arrived(topic: string, payload: Buffer): void {
    const reading: string = JSON.parse(payload.toString()).value.attributes.reading
    this.account.arrive(topic.slice(this.#options.to.length + 1), reading)
    this.#newest = Math.max(this.#newest, Number(reading))
    const now = performance.now()
    this.#longestSilenceMs = Math.max(this.#longestSilenceMs, now - this.#lastArrivalMs)
    this.#lastArrivalMs = now
  }

  async #until(holds: () => boolean, limitMs: number, otherwise: string): Promise<void> {
    const deadline = performance.now() + limitMs
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`${otherwise} after ${limitMs} ms`)
      await new Promise((resolve) => setTimeout(resolve, WAIT_POLL_MS))
    }
  }
}
