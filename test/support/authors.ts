/**
 * The desk of somebody who writes connections: the same desk for every protocol, so that a test says once
 * what an author writes and what devices send and receive because of it. Knows how each protocol carries
 * what a message says beside its payload, and nothing of what a gateway does with it.
 *
 * A device sends to `<stream>`; whatever a gateway publishes at `out/<stream>` arrives here.
 */
import type { ConfirmChannel } from 'amqplib'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from './broker.ts'
import { CONNECTIONS, eventually, logTexts, look, open } from './gateway.ts'
import { type RabbitMq, startRabbitMq } from './rabbitmq.ts'
import type { Suite } from './suite.ts'

const ARRIVAL_LIMIT_MS = 10_000
const OUT = 'out'
const LAST = 'last'
const SUBJECT = 'test:author'
/** Authors compare many targets at once. */
const CONFIG = { workers: { threads: 2 }, connections: { max_targets: 100 } }

/** A message that a gateway published. */
export interface Arrived {
  /** What the address has behind `out/`. */
  readonly stream: string
  /** What {@link Desk.showing} or {@link Desk.mapping} resolved to; undefined when it did not. */
  readonly shown: string | undefined
  /** The payload, to be looked into without types. */
  readonly json: ReturnType<typeof JSON.parse>
}

/** What differs from protocol to protocol. */
interface Protocol {
  readonly namespace: string
  readonly connectionType: string
  readonly uri: string
  /** What sources and targets need beside their addresses. */
  readonly fields: object
  /** The header that holds what a device says beside the payload, perhaps with more before it. */
  readonly saidIn: string
  /** Pipelines that resolve to exactly that in a source, and in the input of an enforcement. */
  readonly said: string
  readonly saidToEnforcement: string
  /** Whether header mappings know more than what is in the headers of messages. */
  readonly hasHeaders: boolean
  sourceAddress(stream: string): string
  showing(stream: string, template: string): object
  mapping(stream: string, template: string): Readonly<Record<string, string>>
  prepare(stream: string): Promise<void>
  send(stream: string, payload: string, said: string | undefined): Promise<void>
  /** Sends an empty object to `out/<stream>`, past the gateway. */
  sendOut(stream: string): Promise<void>
  stop(): Promise<void>
}

type OnArrived = (arrived: Arrived) => void

/** One protocol of one test: opens connections, sends as devices do, and waits for what comes out. */
export class Desk {
  readonly protocol: Protocol
  readonly sluice: Sluice
  readonly #opened: string[] = []
  readonly #arrived = new Map<string, Arrived[]>()
  readonly #awaited = new Map<string, () => void>()

  constructor(sluice: Sluice, protocol: Protocol) {
    this.sluice = sluice
    this.protocol = protocol
  }

  get namespace(): string {
    return this.protocol.namespace
  }

  /** Opens a connection; it goes with the test. */
  async open(fields: object): Promise<string> {
    const { connectionType, uri } = this.protocol
    const base = { connectionType, connectionStatus: 'open', uri }
    const id = await open(this.sluice, { ...base, ...fields })
    this.#opened.push(id)
    return id
  }

  /** Opens a connection with one source, which answers nobody unless its fields say so. */
  async consume(stream: string, source: object = {}, fields: object = {}): Promise<string> {
    await this.protocol.prepare(stream)
    const base = {
      addresses: [this.protocol.sourceAddress(stream)],
      authorizationContext: [SUBJECT],
      replyTarget: { enabled: false },
    }
    return this.open({ sources: [{ ...base, ...this.protocol.fields, ...source }], ...fields })
  }

  /** Opens a connection with one target, for all twin events unless its fields say otherwise. */
  publish(stream: string, target: object = {}, fields: object = {}): Promise<string> {
    return this.open({ targets: [this.target(stream, target)], ...fields })
  }

  target(stream: string, fields: object = {}): object {
    const topics = ['_/_/things/twin/events']
    const base = { address: `${OUT}/${stream}`, topics, authorizationContext: [SUBJECT] }
    return { ...base, ...this.protocol.fields, ...fields }
  }

  /** A reply target whose messages arrive at the stream. */
  replyTo(stream: string, fields: object = {}): object {
    return { address: `${OUT}/${stream}`, ...fields }
  }

  /** Fields of a target of the stream that let the template, whatever is in it, be seen. */
  showing(stream: string, template: string): object {
    return this.protocol.showing(stream, template)
  }

  /** A header mapping that lets a template of headers be seen on each message. */
  mapping(stream: string, template: string): Readonly<Record<string, string>> {
    return this.protocol.mapping(stream, template)
  }

  /** Sends as a device does; `said` goes beside the payload. */
  send(stream: string, content: object | string, said?: string): Promise<void> {
    const payload = typeof content === 'string' ? content : JSON.stringify(content)
    return this.protocol.send(stream, payload, said)
  }

  /** A twin command for a thing in the desk's namespace. */
  command(thing: string, action: string, path: string, value?: unknown, headers = {}): object {
    const topic = `${this.namespace}/${thing}/things/twin/commands/${action}`
    return { topic, headers: { 'correlation-id': `of-${thing}`, ...headers }, path, value }
  }

  modify(thing: string, path: string, value: unknown, headers = {}): object {
    return this.command(thing, 'modify', path, value, headers)
  }

  /** A message to a thing in the desk's namespace. */
  message(thing: string, subject: string, value: string, headers = {}): object {
    const topic = `${this.namespace}/${thing}/things/live/messages/${subject}`
    const all = { 'content-type': 'text/plain', 'correlation-id': `of-${thing}`, ...headers }
    return { topic, headers: all, path: `/inbox/messages/${subject}`, value }
  }

  /** Takes the next message that arrives, or has arrived, at the stream. */
  async next(stream: string): Promise<Arrived> {
    const inbox = this.#inbox(stream)
    if (inbox.length === 0) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const elsewhere = (): string => JSON.stringify(Object.fromEntries(this.#arrived))
      const timer = setTimeout(
        () => reject(new Error(`nothing arrived at ${stream}, but ${elsewhere()}`)),
        ARRIVAL_LIMIT_MS,
      )
      this.#awaited.set(stream, resolve)
      await promise
      clearTimeout(timer)
    }
    return inbox.shift()!
  }

  /** The next messages of the stream, in the order of their arrival. */
  async take(stream: string, count: number): Promise<readonly Arrived[]> {
    const taken: Arrived[] = []
    while (taken.length < count) taken.push(await this.next(stream))
    return taken
  }

  /** What has arrived at the stream and was not taken. */
  left(stream: string): readonly Arrived[] {
    return this.#inbox(stream)
  }

  arrive(arrived: Arrived): void {
    this.#inbox(arrived.stream).push(arrived)
    this.#awaited.get(arrived.stream)?.()
  }

  /** Waits until a line of the connection's log contains the text. */
  async logged(id: string, text: string): Promise<void> {
    await eventually(
      () => logTexts(this.sluice, id),
      (texts) => texts.some((line) => line.includes(text)),
    )
  }

  /** Waits until the connection's counter, such as `inbound.dropped.success`, has the value. */
  async counted(id: string, counter: string, value: number): Promise<void> {
    const [direction, metric, outcome] = counter.split('.') as [string, string, string]
    const read = async (): Promise<number> => {
      const { connectionMetrics } = await look(this.sluice, id, 'metrics')
      return connectionMetrics[direction][metric][outcome].PT1H
    }
    assert.is(await eventually(read, (count) => count >= value), value, counter)
  }

  /** Ends what the test opened; what is still on its way arrives here before the next test. */
  async clear(): Promise<void> {
    const ids = this.#opened.splice(0)
    await Promise.all(ids.map((id) => this.sluice.request('DELETE', `${CONNECTIONS}/${id}`)))
    await this.protocol.sendOut(LAST)
    await this.next(LAST)
    this.#arrived.clear()
    this.#awaited.clear()
  }

  #inbox(stream: string): Arrived[] {
    const known = this.#arrived.get(stream)
    if (known !== undefined) return known
    const inbox: Arrived[] = []
    this.#arrived.set(stream, inbox)
    return inbox
  }
}

const PROTOCOLS = ['MQTT', 'AMQP 0.9.1'] as const

/** Starts brokers and a gateway for the suite; gives a function that registers a test per protocol. */
export function authors(it: Suite): (title: string, test: (desk: Desk) => Promise<void>) => void {
  let mosquitto: Mosquitto
  let rabbit: RabbitMq
  let sluice: Sluice
  const desks = new Map<string, Desk>()
  it.before(async () => {
    ;[mosquitto, rabbit, sluice] = await Promise.all([
      startMosquitto({ config: ['set_tcp_nodelay true'] }),
      startRabbitMq(),
      startSluice({ config: CONFIG }),
    ])
    const made = { MQTT: overMqtt(mosquitto), 'AMQP 0.9.1': overAmqp091(rabbit) }
    for (const name of PROTOCOLS) {
      const { protocol, listen } = await made[name]
      const desk = new Desk(sluice, protocol)
      await listen((arrived) => desk.arrive(arrived))
      desks.set(name, desk)
    }
  })
  it.afterEach(async () => {
    for (const desk of desks.values()) await desk.clear()
  })
  it.after(async () => {
    for (const { protocol } of desks.values()) await protocol.stop()
    await sluice.stop()
    await Promise.all([mosquitto.stop(), rabbit.stop()])
  })
  return (title, test) => {
    for (const name of PROTOCOLS) it(`${name}: ${title}`, () => test(desks.get(name)!))
  }
}

interface Made {
  readonly protocol: Protocol
  readonly listen: (onArrived: OnArrived) => Promise<void>
}

/** MQTT 3.1.1 has no headers: a device says something by its topic, and so does the gateway. */
async function overMqtt(broker: Mosquitto): Promise<Made> {
  const client = await broker.connect()
  const protocol: Protocol = {
    namespace: 'authors.mqtt',
    connectionType: 'mqtt',
    uri: broker.url(),
    fields: { qos: 1 },
    saidIn: 'header:mqtt.topic',
    said: "header:mqtt.topic | fn:substring-after('/')",
    saidToEnforcement: "source:address | fn:substring-after('/')",
    hasHeaders: false,
    sourceAddress: (stream) => `${stream}/#`,
    showing: (stream, template) => ({ address: `${OUT}/${stream}/${template}` }),
    mapping: (stream, template) => ({ 'mqtt.topic': `${OUT}/${stream}/${template}` }),
    prepare: async () => {},
    send: async (stream, payload, said) => {
      const topic = said === undefined ? stream : `${stream}/${said}`
      await client.publishAsync(topic, payload, { qos: 1 })
    },
    sendOut: async (stream) => {
      await client.publishAsync(`${OUT}/${stream}`, '{}', { qos: 1 })
    },
    stop: () => client.endAsync(true),
  }
  const listen = async (onArrived: OnArrived): Promise<void> => {
    client.on('message', (topic, payload) => {
      const [stream, ...shown] = topic.slice(OUT.length + 1).split('/')
      const text = shown.length === 0 ? undefined : shown.join('/')
      onArrived({ stream: stream!, shown: text, json: JSON.parse(payload.toString()) })
    })
    await client.subscribeAsync(`${OUT}/#`, { qos: 1 })
  }
  return { protocol, listen }
}

/** AMQP 0.9.1 has headers for what is said; a stream is a queue, or a routing key of one exchange. */
async function overAmqp091(broker: RabbitMq): Promise<Made> {
  const connection = await broker.connect()
  const channel: ConfirmChannel = await connection.createConfirmChannel()
  const protocol: Protocol = {
    namespace: 'authors.amqp',
    connectionType: 'amqp-091',
    uri: broker.url(),
    fields: {},
    saidIn: 'header:said',
    said: 'header:said',
    saidToEnforcement: 'header:said',
    hasHeaders: true,
    sourceAddress: (stream) => stream,
    showing: (_stream, template) => ({ headerMapping: { shown: template } }),
    mapping: (_stream, template) => ({ shown: template }),
    prepare: async (stream) => {
      await channel.assertQueue(stream, { durable: false })
    },
    send: async (stream, payload, said) => {
      const headers = said === undefined ? {} : { said }
      channel.sendToQueue(stream, Buffer.from(payload), { headers })
      await channel.waitForConfirms()
    },
    sendOut: async (stream) => {
      channel.publish(OUT, stream, Buffer.from('{}'))
    },
    stop: () => connection.close(),
  }
  const listen = async (onArrived: OnArrived): Promise<void> => {
    await channel.assertExchange(OUT, 'topic', { durable: false })
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, OUT, '#')
    await channel.consume(
      queue,
      (delivered) => {
        if (delivered === null) return
        const { content, properties, fields } = delivered
        const shown = properties.headers?.shown
        onArrived({ stream: fields.routingKey, shown, json: JSON.parse(content.toString()) })
      },
      { noAck: true },
    )
  }
  return { protocol, listen }
}
