/**
 * What Sluice adds to a message that it only hands on: a live message comes in as Ditto Protocol over
 * one protocol and leaves over another, or the same, as it is. No script, no twin.
 */
import { startMosquitto } from '../../test/support/broker.ts'
import { type RabbitMq, startRabbitMq } from '../../test/support/rabbitmq.ts'
import type { EndOrder, Protocol } from '../peers/ends/end.ts'
import { BROKER_CONFIG } from './mosquitto.ts'
import type { Scenario, ScenarioSettings, Stage } from './scenario.ts'
import { stageOf } from './stage.ts'

const AUTHORIZATION_CONTEXT = ['integration:bench']

/** A live message to a device's inbox around the reading. */
const ENVELOPE = JSON.stringify({
  topic: 'bench/{device}/things/live/messages/reading',
  headers: { 'content-type': 'application/json', 'response-required': false },
  path: '/inbox/messages/reading',
  value: '{reading}',
}).replace('"{reading}"', '{reading}')

/** How a protocol names what is sent and received, inside and outside the gateway. */
interface Names {
  readonly title: string
  readonly scheme: string
  /** Where the generator sends, `{device}` for the name; what the gateway's source consumes. */
  readonly sentTo: string
  readonly source: string
  /** Where the gateway publishes, and where the generator receives. */
  readonly target: string
  readonly receivedFrom: string
  /** A place of the bare library to publish to. */
  readonly publishedTo: string
}

const NAMES: Readonly<Record<Protocol, Names>> = {
  mqtt: {
    title: 'MQTT',
    scheme: 'tcp://',
    sentTo: 'bench/{device}/in',
    source: 'bench/+/in',
    target: 'bench-out/{{ thing:name }}',
    receivedFrom: 'bench-out/+',
    publishedTo: 'bench-out/relay',
  },
  'amqp-091': {
    title: 'AMQP 0.9.1',
    scheme: 'amqp://guest:guest@',
    sentTo: 'bench-in',
    source: 'bench-in',
    target: '/bench-out',
    receivedFrom: 'bench-out',
    publishedTo: 'bench-out',
  },
  'amqp-10': {
    title: 'AMQP 1.0',
    scheme: 'amqp://guest:guest@',
    sentTo: '/amq/queue/bench-in',
    source: '/amq/queue/bench-in',
    target: '/amq/queue/bench-out',
    receivedFrom: '/amq/queue/bench-out',
    publishedTo: '/amq/queue/bench-out',
  },
}

/** A relay from one protocol to another. */
export function relay(name: string, from: Protocol, to: Protocol): Scenario {
  return {
    name,
    summary: `live messages from ${NAMES[from].title} to ${NAMES[to].title}: no script, no twin`,
    qos: 0,
    prepare: (settings) => prepare(settings, from, to),
  }
}

async function prepare(settings: ScenarioSettings, from: Protocol, to: Protocol): Promise<Stage> {
  const { qos } = settings
  const brokers = new Map<'mosquitto' | 'rabbitmq', { port: number; stop(): Promise<void> }>()
  for (const protocol of [from, to]) {
    const isMqtt = protocol === 'mqtt'
    const kind = isMqtt ? 'mosquitto' : 'rabbitmq'
    if (brokers.has(kind)) continue
    brokers.set(
      kind,
      isMqtt ? await startMosquitto({ config: BROKER_CONFIG }) : await startWithQueues(),
    )
  }
  const end = (protocol: Protocol, address: string): EndOrder => {
    const { port } = brokers.get(protocol === 'mqtt' ? 'mosquitto' : 'rabbitmq')!
    return { protocol, port, address, qos }
  }
  return stageOf({
    connections: [inbound(end(from, NAMES[from].source)), outbound(end(to, NAMES[to].target))],
    order: {
      ...settings,
      from: end(from, NAMES[from].sentTo),
      to: end(to, NAMES[to].receivedFrom),
      envelope: ENVELOPE,
      setup: undefined,
    },
    relay: { from: end(from, NAMES[from].source), to: end(to, NAMES[to].publishedTo) },
    stop: async () => {
      await Promise.all([...brokers.values()].map((broker) => broker.stop()))
    },
  })
}

/** Whoever consumes from a queue expects it to be there. */
async function startWithQueues(): Promise<RabbitMq> {
  const rabbit = await startRabbitMq()
  const connection = await rabbit.connect()
  const channel = await connection.createChannel()
  for (const queue of ['bench-in', 'bench-out']) await channel.assertQueue(queue)
  await connection.close()
  return rabbit
}

function base({ protocol, port }: EndOrder): object {
  const uri = `${NAMES[protocol].scheme}127.0.0.1:${port}`
  return { connectionType: protocol, connectionStatus: 'open', uri }
}

function fieldsOf({ protocol, qos }: EndOrder): object {
  return protocol === 'mqtt' ? { qos } : {}
}

function inbound(order: EndOrder): object {
  const authorizationContext = AUTHORIZATION_CONTEXT
  const source = { addresses: [order.address], authorizationContext, ...fieldsOf(order) }
  return { ...base(order), name: 'live messages in', sources: [source] }
}

function outbound(order: EndOrder): object {
  const target = {
    address: order.address,
    topics: ['_/_/things/live/messages'],
    authorizationContext: AUTHORIZATION_CONTEXT,
    headerMapping: {},
    ...fieldsOf(order),
  }
  return { ...base(order), name: 'live messages out', targets: [target] }
}
