/**
 * Every mapper at work, and what consumers send back, over MQTT and AMQP 0.9.1: with the real service and
 * real brokers.
 */
import { isDeepStrictEqual } from 'node:util'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { amqp091End, type End, mqttEnd, type Outside } from '../support/ends.ts'
import { eventually, look, open } from '../support/gateway.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { suite } from '../support/suite.ts'

const it = suite('mappers')

const LIMIT_MS = 60_000
const authorizationContext = ['test:mappers']
const PROTOCOL = 'application/vnd.eclipse.ditto+json'

let mosquitto: Mosquitto
let rabbit: RabbitMq
let sluice: Sluice
let ends: readonly End[]

it.before(async () => {
  ;[mosquitto, rabbit, sluice] = await Promise.all([
    startMosquitto(),
    startRabbitMq(),
    startSluice({ config: { workers: { threads: 2 } } }),
  ])
  ends = await Promise.all([mqttEnd(mosquitto), amqp091End(rabbit)])
})
it.after(async () => {
  await Promise.all(ends.map((end) => end.stop()))
  await sluice.stop()
  await Promise.all([mosquitto.stop(), rabbit.stop()])
})

/** The streams of one protocol, and what was received on them. */
class Streams {
  readonly end: End
  readonly #received = new Map<string, Outside[]>()

  constructor(end: End) {
    this.end = end
  }

  name(stream: string): string {
    return `${stream}-${this.end.connectionType}`
  }

  async prepare(...streams: readonly string[]): Promise<void> {
    for (const stream of streams) await this.end.prepare(this.name(stream))
  }

  async listen(...streams: readonly string[]): Promise<void> {
    for (const stream of streams) {
      const received: Outside[] = []
      this.#received.set(stream, received)
      await this.end.listen(this.name(stream), (message) => received.push(message))
    }
  }

  send(stream: string, content: unknown, headers: Record<string, string> = {}): Promise<void> {
    const payload = typeof content === 'string' ? content : JSON.stringify(content)
    return this.end.send(this.name(stream), { payload, headers })
  }

  async received(stream: string, count: number): Promise<readonly Outside[]> {
    const what = (): readonly Outside[] => this.#received.get(stream)!
    return eventually(what, ({ length }) => length >= count)
  }

  source(stream: string, fields: object): object {
    const { end } = this
    const addresses = [end.sourceAddress(this.name(stream))]
    const replyTarget = { enabled: false }
    return { addresses, ...end.fields, authorizationContext, replyTarget, ...fields }
  }

  target(stream: string, fields: object): object {
    const { end } = this
    const address = end.targetAddress(this.name(stream))
    return { address, ...end.fields, authorizationContext, headerMapping: {}, ...fields }
  }

  connection(fields: object): Promise<string> {
    const { name, connectionType, uri } = this.end
    return open(sluice, { name, connectionType, connectionStatus: 'open', uri, ...fields })
  }
}

/** What the payloads have that this file looks at. */
interface Told {
  readonly headers: Readonly<Record<string, string>>
  readonly status: number
  readonly value: Readonly<Record<string, { readonly payload: unknown }>>
}

/** A thing as the Normalized mapper tells it. */
interface Normalized {
  readonly attributes: unknown
  readonly features: Readonly<Record<string, { readonly properties: { readonly status: object } }>>
  readonly _context: { readonly headers: Readonly<Record<string, string>> }
  readonly _modified: string
}

function json<T = Told>({ payload }: Outside): T {
  return JSON.parse(payload.toString())
}

it(
  'each mapper makes of its messages what Ditto makes of them',
  async () => {
    for (const end of ends) {
      const streams = new Streams(end)
      const thing = `mapped:${end.connectionType}`
      await publishEverywhere(streams)
      const id = await consumeEverywhere(streams, thing)

      await streams.send('create', 'the first word')
      const [created] = await streams.received('normalized', 1)
      const { _context, _modified, ...told } = json<Normalized>(created!)
      const attributes = { by: 'test:mappers', level: 0 }
      assert.equal(told, { thingId: thing, policyId: thing, attributes, _revision: 1 })
      const [event] = await streams.received('cloud', 1)
      const { subject, data } = json<{ subject: string; data: Told }>(event!)
      assert.equal([subject, data.value.thingId], [thing, thing])

      const [namespace, name] = thing.split(':')
      const live = `${namespace}/${name}/things/live/commands/retrieve`
      const answer = { topic: live, path: '/attributes/level', value: 7, status: 200 }
      await streams.send('protocol', { ...answer, headers: { 'correlation-id': 'x' } })
      const merged = (await streams.received('normalized', 2))[1]!
      assert.equal(json<Normalized>(merged).attributes, { level: 7 })
      // Of the response the CloudEvents mapper makes nothing.
      assert.equal(await made(streams, id, 'protocol'), { mapped: 2, dropped: 1, failed: 0 })

      await streams.send('script', '21')
      const [short, whole] = await streams.received('both', 2)
      assert.is(short!.payload.toString(), `${thing} 21`)
      assert.equal(json<{ value: unknown }>(whole!).value, 21)

      await streams.send('raw', 'hi')
      const [raw] = await streams.received('raw-out', 1)
      assert.is(raw!.payload.toString(), 'hi')

      await streams.send('status', '', NOTIFICATION)
      if (end.hasHeaders) {
        assert.is(raw!.headers['ditto-message-thing-id'], thing)
        await checkWithHeaders(streams, thing)
      } else {
        const dropped = { mapped: 0, dropped: 1, failed: 0 }
        await eventually(
          () => made(streams, id, 'status'),
          (metrics) => isDeepStrictEqual(metrics, dropped),
        )
      }
    }
  },
  LIMIT_MS,
)

/** A connection with a target for each mapper that publishes. */
async function publishEverywhere(streams: Streams): Promise<void> {
  const names = ['normalized', 'raw-out', 'cloud', 'both'] as const
  await streams.prepare(...names)
  await streams.listen(...names)
  const [normalized, rawOut, cloud, both] = names
  await streams.connection({
    targets: [
      streams.target(normalized, {
        topics: ['_/_/things/twin/events'],
        payloadMapping: ['Normalized'],
      }),
      streams.target(rawOut, {
        topics: ['_/_/things/live/messages'],
        payloadMapping: ['RawMessage'],
      }),
      streams.target(cloud, {
        topics: ['_/_/things/twin/events?filter=eq(topic:action,"created")'],
        payloadMapping: ['CloudEvents'],
      }),
      streams.target(both, {
        topics: ['_/_/things/twin/events?filter=eq(resource:path,"/attributes/scripted")'],
        payloadMapping: ['short', 'Ditto', 'UpdateTwinWithLiveResponse'],
      }),
    ],
    mappingDefinitions: { short: SHORT },
  })
}

/** Connections with a source for each mapper that consumes; answers the id of that with most. */
async function consumeEverywhere(streams: Streams, thing: string): Promise<string> {
  await streams.prepare('create', 'status', 'raw', 'protocol', 'script')
  const { script, ...mappingDefinitions } = definitions(thing)
  await streams.connection({
    sources: [streams.source('script', { payloadMapping: ['script'] })],
    mappingDefinitions: { script },
  })
  return streams.connection({
    sources: [
      streams.source('create', { payloadMapping: ['create'] }),
      streams.source('status', { payloadMapping: ['status'] }),
      streams.source('raw', { payloadMapping: ['raw'] }),
      streams.source('protocol', {
        payloadMapping: ['Ditto', 'UpdateTwinWithLiveResponse', 'CloudEvents'],
      }),
    ],
    mappingDefinitions,
  })
}

/** What the mappers of a stream's source made of its messages. */
async function made(streams: Streams, id: string, stream: string): Promise<object> {
  const { sourceMetrics } = await look(sluice, id, 'metrics')
  const address = streams.end.sourceAddress(streams.name(stream))
  const { mapped, dropped } = sourceMetrics.addressMetrics[address]
  const { success, failure } = mapped
  return { mapped: success.PT1H, dropped: dropped.success.PT1H, failed: failure.PT1H }
}

const NOTIFICATION = { ttd: '20', 'creation-time': '1569844917000' }

/** What only protocols with headers can carry. */
async function checkWithHeaders(streams: Streams, thing: string): Promise<void> {
  const status = (await streams.received('normalized', 4))[3]!
  assert.equal(json<Normalized>(status).features.ConnectionStatus!.properties.status, {
    readySince: '2019-09-30T12:01:57Z',
    readyUntil: '2019-09-30T12:02:17Z',
  })
  const [namespace, name] = thing.split(':')
  const topic = `${namespace}/${name}/things/twin/commands/modify`
  const event = {
    specversion: '1.0',
    id: 'e-1',
    type: 't',
    source: 's',
    data: { topic, path: '/attributes/cloud', value: true },
  }
  await streams.send('protocol', event, { 'content-type': 'application/cloudevents+json' })
  const cloud = json<Normalized>((await streams.received('normalized', 5))[4]!)
  assert.equal(cloud.attributes, { cloud: true })
  assert.is(cloud._context.headers['correlation-id'], 'e-1')
}

/** A target's script, which is in a chain with mappers that need none. */
const SHORT = {
  mappingEngine: 'JavaScript',
  options: {
    outgoingScript: `function mapFromDittoProtocolMsg(ns, name, group, channel, criterion, action,
        path, headers, value) {
      return Ditto.buildExternalMsg({}, ns + ':' + name + ' ' + value, null, 'text/plain')
    }`,
  },
}

function definitions(thingId: string) {
  return {
    create: {
      mappingEngine: 'ImplicitThingCreation',
      options: { thing: { thingId, attributes: { by: '{{ request:subjectId }}', level: 0 } } },
    },
    status: { mappingEngine: 'ConnectionStatus', options: { thingId } },
    script: {
      mappingEngine: 'JavaScript',
      options: {
        incomingScript: `function mapToDittoProtocolMsg(headers, textPayload, bytePayload) {
          const text = textPayload ?? Ditto.arrayBufferToString(bytePayload)
          const [ns, name] = '${thingId}'.split(':')
          return Ditto.buildDittoProtocolMsg(ns, name, 'things', 'twin', 'commands', 'modify',
            '/attributes/scripted', {}, JSON.parse(text))
        }`,
      },
    },
    raw: {
      mappingEngine: 'RawMessage',
      options: {
        incomingMessageHeaders: {
          'content-type': 'text/plain',
          'ditto-message-thing-id': thingId,
          'ditto-message-subject': 'hello',
        },
      },
    },
  }
}

it(
  'acknowledgements and live responses of consumers find their way back over either protocol',
  async () => {
    for (const [index, end] of ends.entries()) {
      const asking = new Streams(end)
      const answering = new Streams(ends[(index + 1) % ends.length]!)
      const thing = `answered/${end.connectionType}`
      await asking.prepare('ask', 'told')
      await answering.prepare('seen', 'back')
      await asking.listen('told')
      await answering.listen('seen')
      const consumer = await answering.connection({
        sources: [answering.source('back', { declaredAcks: ['{{ connection:id }}:done'] })],
        targets: [
          answering.target('seen', {
            topics: ['_/_/things/twin/events', '_/_/things/live/messages'],
          }),
        ],
      })
      const expectedResponseTypes = ['response', 'error', 'nack']
      const address = asking.end.targetAddress(asking.name('told'))
      const asker = await asking.connection({
        sources: [
          asking.source('ask', {
            replyTarget: { enabled: true, address, expectedResponseTypes },
            acknowledgementRequests: { includes: [`${consumer}:done`] },
          }),
        ],
      })
      await command(asking, thing)
      const [event] = await answering.received('seen', 1)
      const { headers } = json(event!)
      assert.equal(headers['requested-acks'], [`${consumer}:done`])
      await answering.send('back', {
        topic: `${thing}/things/twin/acks/${consumer}:done`,
        headers: { 'correlation-id': headers['correlation-id'], 'content-type': PROTOCOL },
        path: '/',
        status: 200,
        value: { seen: true },
      })
      const [told] = await asking.received('told', 1)
      assert.is(json(told!).status, 200)
      assert.equal(json(told!).value[`${consumer}:done`]!.payload, { seen: true })

      await asking.send('ask', {
        topic: `${thing}/things/live/messages/ping`,
        headers: { 'correlation-id': 'ping', 'requested-acks': ['live-response'] },
        path: '/inbox/messages/ping',
        value: 'ping',
      })
      await answering.received('seen', 2)
      await answering.send('back', {
        topic: `${thing}/things/live/messages/ping`,
        headers: { 'correlation-id': 'ping', 'content-type': 'text/plain' },
        path: '/inbox/messages/ping',
        value: 'pong',
        status: 200,
      })
      const ack = { 'correlation-id': 'ping' }
      const topic = `${thing}/things/live/acks/${consumer}:done`
      await answering.send('back', { topic, headers: ack, path: '/', status: 200 })
      const [, both] = await asking.received('told', 2)
      assert.is(json(both!).status, 200)
      assert.is(json(both!).value['live-response']!.payload, 'pong')
      const { connectionMetrics } = await look(sluice, asker, 'metrics')
      assert.is(connectionMetrics.inbound.acknowledged.success.PT1H, 2)
      assert.is(connectionMetrics.inbound.acknowledged.failure.PT1H, 0)
    }
  },
  LIMIT_MS,
)

function command(streams: Streams, thing: string): Promise<void> {
  return streams.send('ask', {
    topic: `${thing}/things/twin/commands/modify`,
    headers: { 'content-type': 'application/json', 'requested-acks': ['twin-persisted'] },
    path: '/',
    value: { attributes: { n: 1 } },
  })
}
