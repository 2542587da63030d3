/**
 * The load generator for MQTT, a process of its own: publishes numbered readings of many devices,
 * receives what the gateway makes of them, and keeps account of every one. Talks as messages.ts says.
 */
import { once } from 'node:events'
import type { Load } from '../scenarios/scenario.ts'
import { Ledger } from './ledger.ts'
import type { GeneratorCommand, GeneratorReport } from './messages.ts'
import { MqttWire, type PublishPacket, publishPacket, type WireSink } from './mqtt-wire.ts'
import { digitsAt, readingOf, readNumber, writeNumber } from './readings.ts'

/** What the generator is started with. */
export interface MqttLoadOrder {
  readonly brokerPort: number
  readonly qos: 0 | 1
  readonly devices: number
  readonly payloadBytes: number
  readonly load: Load
  /** With `{device}` in place of the name. */
  readonly readingTopic: string
  /** What a reading is sent in, with `{reading}` in its place and `{device}` as above. */
  readonly envelope: string
  readonly eventFilter: string
  /** Published once for each device before all; each causes one event. `{device}` as above. */
  readonly setup: { readonly topic: string; readonly payload: string } | undefined
}

/** Devices set up at once; everybody's queues hold so many. */
const SETUP_WINDOW = 100
const SETUP_LIMIT_MS = 60_000
const REPORT_INTERVAL_MS = 200
/** How often an open loop looks what is due. */
const TICK_MS = 1
/** A message that takes longer is counted as lost, unless it arrives all the same. */
const LOST_AFTER_MS = 5_000
/** A broker that reads so slowly is not sent more. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
const MAX_PACKET_ID = 65_535

/** The packet of one device, and where in its payload the digits are. */
interface Prepared extends PublishPacket {
  readonly digitsAt: number
}

/** Sends and receives; one per process. */
class MqttLoad implements WireSink {
  readonly #order: MqttLoadOrder
  readonly #ledger: Ledger
  /** One for each device. */
  readonly #packets: readonly Prepared[]
  #wire: MqttWire | undefined
  #phase: 'opening' | 'setup' | 'sending' | 'draining' = 'opening'
  #setUp = 0
  #setUpSent = 0
  #beganAtUs = 0
  #onSetUp = (): void => {}

  constructor(order: MqttLoadOrder) {
    this.#order = order
    this.#ledger = new Ledger(order.devices)
    const payload = order.envelope.replace('{reading}', readingOf(order.payloadBytes).toString())
    this.#packets = Array.from({ length: order.devices }, (_, device) => {
      const bytes = Buffer.from(forDevice(payload, device))
      const topic = forDevice(order.readingTopic, device)
      return { ...publishPacket(topic, bytes, order.qos), digitsAt: digitsAt(bytes) }
    })
  }

  async prepare(): Promise<void> {
    const { brokerPort, eventFilter, qos, setup } = this.#order
    this.#wire = await MqttWire.open(brokerPort, `bench-load-${process.pid}`, this)
    await this.#wire.subscribe(eventFilter, qos)
    if (setup === undefined) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#onSetUp = resolve
    this.#phase = 'setup'
    const timer = setTimeout(() => {
      reject(new Error(`${this.#setUp} of ${this.#order.devices} devices could be set up`))
    }, SETUP_LIMIT_MS)
    this.#setUpMore()
    await promise
    clearTimeout(timer)
  }

  begin(): void {
    this.#phase = 'sending'
    this.#beganAtUs = nowUs()
    this.#pump()
    if (this.#order.load.kind === 'open') this.#tick()
    setInterval(() => {
      this.#ledger.giveUp(nowUs() - LOST_AFTER_MS * 1_000)
      if (this.#phase === 'sending') this.#pump()
      report({ kind: 'progress', sent: this.#ledger.sent, received: this.#ledger.received })
    }, REPORT_INTERVAL_MS)
  }

  measure(): void {
    this.#ledger.beginWindow()
  }

  /** Resolves when everything arrived or was given up. */
  async finish(): Promise<void> {
    report({ kind: 'window', ...this.#ledger.window() })
    this.#phase = 'draining'
    while (this.#ledger.inFlight > 0) {
      await new Promise((resolve) => setTimeout(resolve, REPORT_INTERVAL_MS / 4))
    }
    report({ kind: 'result', account: this.#ledger.account() })
    this.#wire?.close()
  }

  onPublish(packet: Buffer, start: number, end: number): void {
    if (this.#phase === 'setup') this.#setUp += 1
    else this.#ledger.receive(readNumber(packet, start, end), nowUs())
  }

  onBurst(): void {
    if (this.#phase === 'sending') this.#pump()
    else if (this.#phase === 'setup') this.#setUpMore()
  }

  onEnd(reason: string): void {
    fail(`the session of the load generator ended: ${reason}`)
  }

  #tick(): void {
    if (this.#phase !== 'sending') return
    this.#pump()
    setTimeout(() => this.#tick(), TICK_MS)
  }

  #setUpMore(): void {
    const { setup, devices } = this.#order
    if (this.#setUp >= devices) this.#onSetUp()
    while (setup && this.#setUpSent < Math.min(devices, this.#setUp + SETUP_WINDOW)) {
      const payload = Buffer.from(forDevice(setup.payload, this.#setUpSent++))
      this.#wire?.write(publishPacket(setup.topic, payload, 1).bytes)
    }
  }

  #pump(): void {
    if (this.#wire!.waitingBytes > MAX_WAITING_BYTES) return
    const { load } = this.#order
    const count =
      load.kind === 'closed'
        ? load.window - this.#ledger.inFlight
        : Math.floor(((nowUs() - this.#beganAtUs) * load.rate) / 1e6) - this.#ledger.sent
    if (count > 0) this.#send(count)
  }

  /** In an open loop a message counts from when it was due, however late it could be sent. */
  #send(count: number): void {
    const { load, devices } = this.#order
    const chunks: Buffer[] = []
    const sentAtUs = nowUs()
    for (let index = 0; index < count; index++) {
      const dueAtUs =
        load.kind === 'closed'
          ? sentAtUs
          : this.#beganAtUs + ((this.#ledger.sent + 1) / load.rate) * 1e6
      const number = this.#ledger.send(dueAtUs)
      chunks.push(this.#numbered(this.#packets[number % devices]!, number))
    }
    this.#wire!.write(count === 1 ? chunks[0]! : Buffer.concat(chunks))
  }

  #numbered(prepared: Prepared, number: number): Buffer {
    const { bytes, packetIdAt, payloadAt, digitsAt } = prepared
    const packet = Buffer.from(bytes)
    if (this.#order.qos === 1) packet.writeUInt16BE(1 + (number % MAX_PACKET_ID), packetIdAt)
    writeNumber(packet, payloadAt + digitsAt, number)
    return packet
  }
}

function forDevice(text: string, device: number): string {
  return text.replaceAll('{device}', `device-${String(device).padStart(4, '0')}`)
}

function nowUs(): number {
  return performance.now() * 1_000
}

function report(message: GeneratorReport): void {
  process.send?.(message)
}

function fail(message: string): void {
  report({ kind: 'failed', message })
  process.disconnect()
  process.exitCode = 1
}

const [order] = (await once(process, 'message')) as [MqttLoadOrder]
const load = new MqttLoad(order)
process.on('disconnect', () => process.exit())
process.on('message', (command: GeneratorCommand) => {
  if (command.kind === 'begin') load.begin()
  else if (command.kind === 'measure') load.measure()
  else void load.finish()
})
await load.prepare().then(
  () => report({ kind: 'ready' }),
  (error: Error) => fail(error.message),
)
