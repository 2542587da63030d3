/**
 * The outside world of a gateway, the same for every protocol: streams that a device sends to and that
 * somebody listens to, with the protocol's own client library. Knows how a connection names a stream,
 * and nothing of what happens to a message in between.
 */
import type { ChannelModel, ConfirmChannel } from 'amqplib'
import type { MqttClient } from 'mqtt'
import rhea, { type Connection, type Message } from 'rhea'
import type { Mosquitto } from './broker.ts'
import type { RabbitMq } from './rabbitmq.ts'

/** A message as it is outside. */
export interface Outside {
  readonly payload: string | Buffer
  /** Protocols without headers send none and receive none. */
  readonly headers: Readonly<Record<string, string>>
}

/** One protocol at one broker. */
export interface End {
  readonly name: string
  readonly connectionType: string
  readonly uri: string
  /** The address by which sources consume a stream, and targets publish to it. */
  readonly sourceAddress: (stream: string) => string
  readonly targetAddress: (stream: string) => string
  /** What sources and targets of this protocol need beside their addresses. */
  readonly fields: object
  /** Whether messages carry headers. */
  readonly hasHeaders: boolean
  /** Makes the stream exist. */
  prepare(stream: string): Promise<void>
  /** Resolves when the broker has taken responsibility for the message. */
  send(stream: string, message: Outside): Promise<void>
  listen(stream: string, onMessage: (message: Outside) => void): Promise<void>
  stop(): Promise<void>
}

/** MQTT 3.1.1 at QoS 1; a stream is a topic. */
export async function mqttEnd(broker: Mosquitto): Promise<End> {
  const client: MqttClient = await broker.connect()
  const listeners = new Map<string, (message: Outside) => void>()
  client.on('message', (topic, payload) => listeners.get(topic)?.({ payload, headers: {} }))
  const address = (stream: string): string => `streams/${stream}`
  return {
    name: 'MQTT',
    connectionType: 'mqtt',
    uri: broker.url(),
    sourceAddress: address,
    targetAddress: address,
    fields: { qos: 1 },
    hasHeaders: false,
    prepare: async () => {},
    send: async (stream, { payload }) => {
      await client.publishAsync(address(stream), payload, { qos: 1 })
    },
    listen: async (stream, onMessage) => {
      listeners.set(address(stream), onMessage)
      await client.subscribeAsync(address(stream), { qos: 1 })
    },
    stop: () => client.endAsync(true),
  }
}

/** AMQP 0.9.1; a stream is a durable queue, reached through the default exchange. */
export async function amqp091End(broker: RabbitMq): Promise<End> {
  const connection: ChannelModel = await broker.connect()
  const channel: ConfirmChannel = await connection.createConfirmChannel()
  channel.on('error', () => undefined)
  return {
    name: 'AMQP 0.9.1',
    connectionType: 'amqp-091',
    uri: broker.url(),
    sourceAddress: (stream) => stream,
    targetAddress: (stream) => `/${stream}`,
    fields: {},
    hasHeaders: true,
    prepare: async (stream) => {
      await channel.assertQueue(stream, { durable: true })
    },
    send: (stream, { payload, headers }) =>
      new Promise((resolve, reject) => {
        const options = { persistent: true, headers }
        channel.sendToQueue(stream, Buffer.from(payload), options, (error) =>
          error === null ? resolve() : reject(error),
        )
      }),
    listen: async (stream, onMessage) => {
      await channel.consume(
        stream,
        (delivered) => {
          if (delivered === null) return
          const { content, properties } = delivered
          onMessage({ payload: content, headers: properties.headers ?? {} })
        },
        { noAck: true },
      )
    },
    stop: async () => {
      await connection.close().catch(() => {})
    },
  }
}

/** AMQP 1.0; a stream is a durable queue of RabbitMQ, declared with AMQP 0.9.1. */
export async function amqp10End(broker: RabbitMq): Promise<End> {
  const declarer = await amqp091End(broker)
  const connection = await openAmqp10(broker.port)
  const address = (stream: string): string => `/amq/queue/${stream}`
  const senders = new Map<string, Promise<Sender>>()
  return {
    name: 'AMQP 1.0',
    connectionType: 'amqp-10',
    uri: broker.url(),
    sourceAddress: address,
    targetAddress: address,
    fields: {},
    hasHeaders: true,
    prepare: declarer.prepare,
    send: async (stream, message) => {
      let sender = senders.get(stream)
      if (sender === undefined) {
        sender = openSender(connection, address(stream))
        senders.set(stream, sender)
      }
      await (await sender).send(message)
    },
    listen: async (stream, onMessage) => {
      const receiver = connection.open_receiver({ source: address(stream), credit_window: 100 })
      receiver.on('message', ({ message }) => onMessage(outsideOf(message)))
      await new Promise((resolve) => receiver.once('receiver_open', resolve))
    },
    stop: async () => {
      connection.close()
      await declarer.stop()
    },
  }
}

interface Sender {
  send(message: Outside): Promise<void>
}

async function openAmqp10(port: number): Promise<Connection> {
  const container = rhea.create_container()
  container.on('error', () => undefined)
  const connection = container.connect({
    host: '127.0.0.1',
    port,
    username: 'guest',
    password: 'guest',
    reconnect: false,
  })
  for (const event of ['connection_error', 'session_error', 'disconnected']) {
    connection.on(event, () => undefined)
  }
  await new Promise((resolve) => connection.once('connection_open', resolve))
  return connection
}

async function openSender(connection: Connection, address: string): Promise<Sender> {
  const sender = connection.open_sender(address)
  const waiting = new Map<number, () => void>()
  let credit = Promise.withResolvers<void>()
  sender.on('sendable', () => {
    credit.resolve()
    credit = Promise.withResolvers()
  })
  sender.on('accepted', ({ delivery }) => {
    waiting.get(delivery!.id)?.()
    waiting.delete(delivery!.id)
  })
  await credit.promise
  return {
    send: async ({ payload, headers }) => {
      while (!sender.sendable()) await credit.promise
      const body = typeof payload === 'string' ? payload : rhea.message.data_section(payload)
      const { id } = sender.send({ body, application_properties: headers, durable: true })
      await new Promise<void>((resolve) => {
        waiting.set(id, resolve)
      })
    },
  }
}

function outsideOf({ body, application_properties: headers = {} }: Message): Outside {
  if (typeof body === 'string' || Buffer.isBuffer(body)) return { payload: body, headers }
  return { payload: body.content, headers }
}
