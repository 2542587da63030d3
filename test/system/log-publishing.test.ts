/** Connection logs at a Fluentd endpoint: every field, and endpoints that are away, slow or at fault. */
import { hostname } from 'node:os'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { amqp091End, type End, mqttEnd } from '../support/ends.ts'
import {
  type FluentdEndpoint,
  type Published,
  startFluentd,
  startMisbehaving,
} from '../support/fluentd.ts'
import { eventually, open } from '../support/gateway.ts'
import { freePort } from '../support/ports.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { suite } from '../support/suite.ts'

const it = suite('publishing of logs')

const INSTANCE = `sluice-${hostname()}`
const AUTHORIZATION_CONTEXT = ['test:logs']
const SECRET = 'top-secret-42'
const PUBLISHER = 'monitoring.logs.publisher'
const QUICK = { enabled: true, host: '127.0.0.1', backoff_min_ms: 50, backoff_max_ms: 200 }
const LIMIT_MS = 60_000

const started: Sluice[] = []
let mosquitto: Mosquitto
let rabbit: RabbitMq
let mqtt: End

it.before(async () => {
  ;[mosquitto, rabbit] = await Promise.all([startMosquitto(), startRabbitMq()])
  mqtt = await mqttEnd(mosquitto)
})
it.after(async () => {
  for (const { process } of started) process.kill('SIGKILL')
  await mqtt.stop()
  await Promise.all([mosquitto.stop(), rabbit.stop()])
})

it(
  'every field of every category, from each protocol, to the last entry',
  async () => {
    const endpoint = await startFluentd()
    const sluice = await startPublishing(
      { port: endpoint.port, log_headers_and_payload: true },
      { [`${PUBLISHER}.additional_context`]: { region: 'north' } },
    )
    const amqp = await amqp091End(rabbit)
    for (const end of [mqtt, amqp]) await checkFields(sluice, endpoint, end)
    assert.is(await sluice.stop(), 0)
    await entriesOf(
      endpoint.published,
      Array.from({ length: 6 }, () => 'connection.other'),
      ({ fields }) => {
        return fields.message === 'Disconnected successfully.'
      },
    )
    await Promise.all([amqp.stop(), endpoint.stop()])
  },
  LIMIT_MS,
)

/** What is published of one command that is applied, answered and told to a target. */
const OF_COMMAND = [
  'response.dispatched',
  'response.mapped',
  'response.published',
  'source.enforced',
  'source.mapped',
  'target.dispatched',
  'target.filtered',
  'target.mapped',
  'target.published',
]
/** Before anybody knows what a message is about, and after everybody has forgotten it. */
const OF_MESSAGE = ['source.acknowledged', 'source.consumed']

async function checkFields(
  sluice: Sluice,
  { published }: FluentdEndpoint,
  end: End,
): Promise<void> {
  const name = end.connectionType
  const [commands, replies, events] = ['commands', 'replies', 'events'].map(
    (stream) => `${stream}-${name}`,
  ) as [string, string, string]
  await Promise.all([commands, replies, events].map(end.prepare))
  const to = await open(sluice, {
    ...publishing(end, events, `eq(thingId,"logs:${name}")`),
    clientCount: 2,
  })
  const from = await open(sluice, consuming(end, commands, replies))
  const correlationId = `cid-${name}`
  const since = Math.floor(Date.now() / 1_000)
  await end.send(
    commands,
    modify(name, correlationId, { note: `the password is ${secretOf(end)}` }),
  )
  const correlated = await entriesOf(published, OF_COMMAND, (entry) => {
    // A signal counts as dispatched for every target, before any filter.
    return (
      [from, to].includes(entry.fields.connectionId!) &&
      entry.fields.correlationId === correlationId
    )
  })
  for (const { tag, seconds, nanoseconds, fields } of correlated) {
    const { type, category, message, ...rest } = fields
    const isTarget = category === 'target'
    assert.is(tag, `connection:${rest.connectionId}`)
    assert.ok(seconds >= since && seconds <= Date.now() / 1_000, `${seconds}`)
    assert.ok(nanoseconds % 1_000_000 === 0 && nanoseconds < 1_000_000_000, `${nanoseconds}`)
    assert.ok(message!.length > 0)
    assert.not.ok(message!.includes(secretOf(end)))
    if (isTarget) assert.match(rest.instanceId!, new RegExp(`^${INSTANCE}-[01]$`))
    assert.equal(rest, {
      connectionId: isTarget ? to : from,
      level: 'success',
      correlationId,
      address: addressOf(end, category!, commands, events),
      entityType: 'thing',
      entityId: `logs:${name}`,
      instanceId: isTarget ? rest.instanceId : INSTANCE,
      region: 'north',
    })
  }
  const received = await entriesOf(published, OF_MESSAGE, ({ fields }) => {
    return (
      fields.connectionId === from &&
      fields.address === end.sourceAddress(commands) &&
      fields.correlationId === undefined
    )
  })
  for (const { fields } of received) {
    const { type, message, ...rest } = fields
    const kind = { level: 'success', category: 'source', address: end.sourceAddress(commands) }
    assert.equal(rest, { connectionId: from, ...kind, instanceId: INSTANCE, region: 'north' })
    assert.match(message!, /Message payload.*the password is \*{5}/)
  }
  await checkConnectionFields(published, from, [INSTANCE])
  await checkConnectionFields(published, to, [`${INSTANCE}-0`, `${INSTANCE}-1`])
  await end.send(commands, { payload: 'no Ditto Protocol', headers: {} })
  const [failure] = await entriesOf(published, ['source.mapped'], ({ fields }) => {
    return (
      fields.connectionId === from && fields.level === 'failure' && fields.category === 'source'
    )
  })
  assert.match(failure!.fields.message!, /json\.invalid.*no Ditto Protocol/)
}

/** A password of the connection. */
function secretOf({ connectionType }: End): string {
  return connectionType === 'mqtt' ? SECRET : 'guest'
}

function addressOf(end: End, category: string, commands: string, events: string): string {
  if (category === 'response') return '_responses'
  return category === 'source' ? end.sourceAddress(commands) : end.targetAddress(events)
}

async function checkConnectionFields(
  published: readonly Published[],
  connectionId: string,
  instances: readonly string[],
): Promise<void> {
  const opened = await entriesOf(
    published,
    instances.map(() => 'connection.other'),
    ({ fields }) => {
      return fields.connectionId === connectionId && fields.message === 'Connection successful.'
    },
  )
  const kind = { level: 'success', category: 'connection', type: 'other' }
  assert.equal(
    opened.map(({ fields }) => fields).toSorted((a, b) => (a.instanceId! < b.instanceId! ? -1 : 1)),
    instances.map((instanceId) => ({
      connectionId,
      ...kind,
      instanceId,
      message: 'Connection successful.',
      region: 'north',
    })),
  )
}

/** Waits until exactly these kinds of entries are there. */
async function entriesOf(
  published: readonly Published[],
  kinds: readonly string[],
  wanted: (entry: Published) => boolean,
): Promise<readonly Published[]> {
  const kindsOf = (entries: readonly Published[]) =>
    entries.map(({ fields }) => `${fields.category}.${fields.type}`).toSorted()
  await eventually(
    () => kindsOf(published.filter(wanted)),
    (found) => found.length >= kinds.length,
  )
  const entries = published.filter(wanted)
  assert.equal(kindsOf(entries), kinds)
  return entries
}

it('an endpoint that is away or forgets delays no message, and gets everything in the end', async () => {
  const port = await freePort()
  const sluice = await startPublishing({
    port,
    tag: 'gateway',
    acknowledged: true,
    publish_timeout_ms: 200,
    max_attempts: 100,
  })
  const relay = await startRelay(sluice, 'away')
  await relay.pass(20)
  await eventually(sluice.output, (output) => output.includes('ECONNREFUSED'))
  const forgetful = await startMisbehaving((socket) => {
    let forgotten = 0
    socket.on('data', () => {
      forgotten++
      if (forgotten % 2 === 0) socket.end()
    })
  }, port)
  await eventually(forgetful.connections, (connections) => connections >= 3)
  await relay.pass(20)
  await forgetful.stop()
  const endpoint = await startFluentd({ port })
  await relay.published(endpoint, 40)
  await relay.pass(5)
  assert.is(await sluice.stop(), 0)
  await relay.published(endpoint, 45)
  assert.equal([...new Set(endpoint.published.map(({ tag }) => tag))], ['gateway'])
  assert.not.ok(endpoint.published.some(({ fields }) => fields.message!.includes('payload')))
  assert.is(countLines(sluice.output(), 'cannot be published'), 1)
  await endpoint.stop()
})

it('an endpoint that reads nothing costs entries and nothing else', async () => {
  const endpoint = await startMisbehaving((socket) => socket.pause())
  const sluice = await startPublishing({
    port: endpoint.port,
    publish_timeout_ms: 500,
    max_buffer_entries: 300,
    flush_timeout_ms: 500,
    acknowledged: true,
  })
  const relay = await startRelay(sluice, 'slow')
  await relay.pass(1_000)
  await eventually(sluice.output, (output) => /"dropped":[1-9]/.test(output))
  await relay.pass(1_000)
  const { status } = await sluice.request('GET', '/api/2/connections')
  assert.is(status, 200)
  const stopping = performance.now()
  assert.is(await sluice.stop(), 0)
  assert.ok(performance.now() - stopping < 4_000)
  // Once a minute, and what was left at the end.
  assert.ok(countLines(sluice.output(), '"dropped"') <= 3)
  await endpoint.stop()
})

/** Two connections that pass what devices send. */
interface Relay {
  /** Sends that many messages, and resolves when all of them came out at the other end. */
  pass(count: number): Promise<void>
  /** Resolves when that many messages in all are published as consumed, and as published. */
  published(endpoint: FluentdEndpoint, count: number): Promise<void>
}

async function startRelay(sluice: Sluice, name: string): Promise<Relay> {
  let arrived = 0
  let sent = 0
  await mqtt.listen(`out-${name}`, () => {
    arrived++
  })
  const to = await open(sluice, publishing(mqtt, `out-${name}`, `like(thingId,"${name}:*")`))
  const from = await open(sluice, consuming(mqtt, `in-${name}`, `replies-${name}`))
  const countOf = ({ published }: FluentdEndpoint, id: string, type: string) =>
    published.filter(({ fields }) => fields.connectionId === id && fields.type === type).length
  return {
    async pass(count) {
      for (let index = 0; index < count; index++) {
        void mqtt.send(`in-${name}`, modify(`thing-${sent}`, `cid-${sent}`, {}, name))
        sent++
      }
      await eventually(
        () => arrived,
        (number) => number === sent,
      )
    },
    async published(endpoint, count) {
      await eventually(
        () => [countOf(endpoint, from, 'consumed'), countOf(endpoint, to, 'published')] as const,
        ([consumed, published]) => consumed >= count && published >= count,
      )
    },
  }
}

function countLines(output: string, text: string): number {
  return output.split('\n').filter((line) => line.includes(text)).length
}

async function startPublishing(publisher: object, sections: object = {}): Promise<Sluice> {
  const sluice = await startSluice({
    config: { workers: { threads: 2 }, [PUBLISHER]: { ...QUICK, ...publisher }, ...sections },
  })
  started.push(sluice)
  return sluice
}

function consuming(end: End, commands: string, replies: string): object {
  const source = {
    addresses: [end.sourceAddress(commands)],
    ...end.fields,
    authorizationContext: AUTHORIZATION_CONTEXT,
    replyTarget: { enabled: true, address: end.targetAddress(replies) },
  }
  return { ...base(end), sources: [source] }
}

function publishing(end: End, events: string, filter: string): object {
  const target = {
    address: end.targetAddress(events),
    ...end.fields,
    topics: [`_/_/things/twin/events?filter=${filter}`],
    authorizationContext: AUTHORIZATION_CONTEXT,
  }
  return { ...base(end), targets: [target] }
}

function base({ name, connectionType, uri }: End): object {
  const secret = connectionType === 'mqtt' ? uri.replace('://', `://gateway:${SECRET}@`) : uri
  return { name, connectionType, connectionStatus: 'open', uri: secret }
}

function modify(name: string, correlationId: string, attributes: object, namespace = 'logs') {
  const message = {
    topic: `${namespace}/${name}/things/twin/commands/modify`,
    path: '/',
    headers: { 'correlation-id': correlationId },
    value: { attributes },
  }
  return { payload: JSON.stringify(message), headers: {} }
}
