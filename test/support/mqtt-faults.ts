/**
 * A flow of numbered MQTT messages that faults strike: from one broker through Sluice to another, at QoS 1
 * with a persistent session, each acknowledged only when the event that it caused is confirmed by the
 * second broker. So none may be lost; what may come twice is what was unsettled when something broke.
 */
import * as assert from 'uvu/assert'
import type { Sluice } from '../../bench/support/sluice.ts'
import { MAX_BATCH } from '../../src/transport/transport.ts'
import type { Mosquitto } from './broker.ts'
import { sized } from './faults.ts'
import { CONNECTIONS, eventually, look, open, untilStatus } from './gateway.ts'
import type { TcpProxy } from './proxy.ts'

const MESSAGES = sized(400, 10_000)
/** So that a fault finds messages under way. */
const MESSAGES_PER_SECOND = sized(600, 2_500)
export const MAX_UNSETTLED = 100
/** What was taken and not settled when a session ended; admission looks at it batch by batch. */
export const MAX_REPEATED = MAX_UNSETTLED + MAX_BATCH
export const KEEP_ALIVE_SECONDS = sized(1, 2)
const ARRIVAL_LIMIT_MS = 60_000
const DEVICES = 20

const SCRIPT = `function mapToDittoProtocolMsg(headers, textPayload) {
  return Ditto.buildDittoProtocolMsg('load', headers['mqtt.topic'].split('/')[2], 'things', 'twin',
    'commands', 'merge', '/', { 'content-type': 'application/merge-patch+json' },
    { attributes: { number: Number(textPayload) } })
}`

/** Both brokers, and the networks before them. */
export interface Sides {
  readonly in: Mosquitto
  readonly out: Mosquitto
  readonly toIn: TcpProxy
  readonly toOut: TcpProxy
}

/** Numbered messages from one broker to the other. */
export class MqttFlow {
  source = ''
  target = ''
  readonly #sluice: Sluice
  readonly #sides: Sides
  readonly #name: string
  readonly #seen = new Map<number, number>()
  #arrived = 0

  constructor(sluice: Sluice, sides: Sides, name: string) {
    this.#sluice = sluice
    this.#sides = sides
    this.#name = name
  }

  /** Lets the messages wait in the session at the broker, and opens the connections. */
  async begin(): Promise<void> {
    const clientId = `${this.#name}-sink`
    const sink = await this.#sides.out.connect({ clientId, clean: false, reconnectPeriod: 50 })
    sink.on('message', (_topic, payload) => this.#arrive(payload))
    await sink.subscribeAsync(`${this.#name}/out/+`, { qos: 1 })
    const session = await this.#sides.in.connect({ clientId: this.#name, clean: false })
    await session.subscribeAsync(`${this.#name}/in/+`, { qos: 1 })
    await session.endAsync()
    const devices = await this.#sides.in.connect()
    const publish = (_: unknown, number: number): Promise<unknown> =>
      devices.publishAsync(`${this.#name}/in/device-${number % DEVICES}`, `${number}`, { qos: 1 })
    await Promise.all(Array.from({ length: MESSAGES }, publish))
    this.#sides.in.save()
    this.target = await open(this.#sluice, this.#publishing())
    this.source = await open(this.#sluice, this.#consuming(`${this.target}:published`))
    await this.arrivedAtLeast(MESSAGES / 10)
  }

  /** Everything has arrived, and not more often than explained. */
  async end(repeatable: number): Promise<void> {
    await this.arrivedAtLeast(MESSAGES)
    for (const id of [this.source, this.target]) await this.untilLive(id, 'open')
    const lost = Array.from({ length: MESSAGES }, (_, n) => n).filter((n) => !this.#seen.has(n))
    assert.equal(lost, [])
    assert.is(this.#seen.size, MESSAGES, 'only what was sent')
    const repeated = this.#arrived - this.#seen.size
    assert.ok(repeated <= repeatable, `${repeated} came twice, expected up to ${repeatable}`)
  }

  /** What one fault leaves behind shall not reach the next. */
  async remove(): Promise<void> {
    for (const id of [this.source, this.target]) {
      if (id !== '') await this.#sluice.request('DELETE', `${CONNECTIONS}/${id}`)
    }
  }

  /** Until so many different messages have arrived. */
  async arrivedAtLeast(count: number): Promise<void> {
    await eventually(
      () => this.#seen.size,
      (size) => size >= count,
      ARRIVAL_LIMIT_MS,
    )
  }

  /** Until some more have arrived than now, or everything. */
  async untilMore(more = 1): Promise<void> {
    await this.arrivedAtLeast(Math.min(MESSAGES, this.#seen.size + more))
  }

  untilLive(id: string, status: string, limitMs = ARRIVAL_LIMIT_MS) {
    return untilStatus(this.#sluice, id, status, limitMs)
  }

  async clientStatus(id: string): Promise<{ status: string; statusDetails: string }> {
    return (await look(this.#sluice, id, 'status')).clientStatus[0]
  }

  #arrive(payload: Buffer): void {
    const { number } = JSON.parse(payload.toString()).value.attributes
    this.#seen.set(number, (this.#seen.get(number) ?? 0) + 1)
    this.#arrived += 1
  }

  #consuming(label: string): object {
    return {
      ...this.#base(this.#sides.toIn, this.#name),
      messagesPerSecond: MESSAGES_PER_SECOND,
      sources: [
        {
          addresses: [`${this.#name}/in/+`],
          qos: 1,
          authorizationContext: ['test:faults'],
          payloadMapping: ['js'],
          acknowledgementRequests: { includes: [label, 'twin-persisted'] },
          replyTarget: { enabled: false },
        },
      ],
      mappingDefinitions: {
        js: { mappingEngine: 'JavaScript', options: { incomingScript: SCRIPT } },
      },
    }
  }

  #publishing(): object {
    return {
      ...this.#base(this.#sides.toOut, `${this.#name}-target`),
      targets: [
        {
          address: `${this.#name}/out/{{ thing:name }}`,
          qos: 1,
          topics: ['_/_/things/twin/events?namespaces=load'],
          authorizationContext: ['test:faults'],
          issuedAcknowledgementLabel: '{{ connection:id }}:published',
        },
      ],
    }
  }

  #base(proxy: TcpProxy, clientId: string): object {
    return {
      connectionType: 'mqtt',
      connectionStatus: 'open',
      uri: `tcp://127.0.0.1:${proxy.port}`,
      specificConfig: {
        clientId,
        keepAlive: `${KEEP_ALIVE_SECONDS}s`,
        reconnectForRedelivery: 'true',
        reconnectForRedeliveryDelay: '1s',
      },
    }
  }
}
