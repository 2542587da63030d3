/**
 * What the API tells of a running connection: status, metrics and log with every field, live and over
 * restarts.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { INBOUND_METRICS, OUTBOUND_METRICS } from '../../src/monitoring/counters.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { amqp091End, type End, mqttEnd, type Outside } from '../support/ends.ts'
import { CONNECTIONS, command, eventually, look, open } from '../support/gateway.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { suite } from '../support/suite.ts'

const it = suite('monitoring')

const INSTANCE = `sluice-${hostname()}`
const AUTHORIZATION_CONTEXT = ['test:monitoring']
const CONFIG = {
  workers: { threads: 2 },
  connections: { backoff_min_ms: 50, backoff_max_ms: 100 },
  'monitoring.logs': { max_tails: 2 },
}
const LIMIT_MS = 40_000
const RECENTLY_MS = 60_000

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not typed.
type Json = any

let mosquitto: Mosquitto
let rabbit: RabbitMq
let folder: string
let sluice: Sluice
let ends: readonly End[]

it.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-monitoring-'))
  ;[mosquitto, rabbit, sluice] = await Promise.all([
    startMosquitto(),
    startRabbitMq(),
    startSluice({ config: CONFIG, folder }),
  ])
  ends = await Promise.all([mqttEnd(mosquitto), amqp091End(rabbit)])
})
it.after(async () => {
  await Promise.all(ends.map((end) => end.stop()))
  await sluice.stop()
  await Promise.all([mosquitto.stop(), rabbit.stop()])
  await rm(folder, { recursive: true })
})

const isRecent = (instant: string): boolean =>
  Math.abs(Date.parse(instant) - Date.now()) < RECENTLY_MS

function base({ name, connectionType, uri }: End): object {
  return { name, connectionType, connectionStatus: 'open', uri }
}

function consuming(end: End, stream: string, fields: object = {}): object {
  const replyTarget = { enabled: true, address: end.targetAddress(`${stream}-replies`) }
  const source = {
    addresses: [end.sourceAddress(stream)],
    ...end.fields,
    authorizationContext: AUTHORIZATION_CONTEXT,
    replyTarget,
    ...fields,
  }
  return { ...base(end), sources: [source] }
}

function publishing(
  end: End,
  stream: string,
  topics: readonly string[],
  fields: object = {},
): object {
  const target = {
    address: end.targetAddress(stream),
    ...end.fields,
    topics,
    authorizationContext: AUTHORIZATION_CONTEXT,
    ...fields,
  }
  return { ...base(end), targets: [target] }
}

/** A command about a thing of the end's own namespace. */
async function send(end: End, stream: string, action: string, fields: object, headers = {}) {
  const namespace = end.connectionType.split('-')[0]
  const topic = `${namespace}.on/lamp/things/twin/commands/${action}`
  const content = { topic, path: '/', headers: { 'correlation-id': `of-${action}` }, ...fields }
  await end.send(stream, {
    payload: JSON.stringify(content),
    headers: { 'content-type': 'application/json', ...headers },
  })
}

it(
  'status, metrics and log have every field',
  async () => {
    for (const end of ends) {
      const stream = `fields-${end.connectionType}`
      const [events, replies] = [`${stream}-events`, `${stream}-replies`]
      for (const name of [stream, events, replies]) await end.prepare(name)
      const received: Outside[] = []
      await end.listen(replies, (message) => received.push(message))
      const to = await open(sluice, publishing(end, events, ['_/_/things/twin/events']))
      const from = await open(sluice, consuming(end, stream))
      await send(end, stream, 'modify', { value: { attributes: { on: true } } })
      await send(end, stream, 'retrieve', { path: '/attributes/off' })
      await eventually(
        () => received,
        ({ length }) => length === 2,
      )
      await checkStatus(end, from, to, stream)
      await checkMetrics(end, from, to, stream)
      await checkLogs(end, from, to, stream)
    }
  },
  LIMIT_MS,
)

async function checkStatus(end: End, from: string, to: string, stream: string): Promise<void> {
  const consumer = await look(sluice, from, 'status')
  const { connectedSince, clientStatus, sourceStatus, ...rest } = consumer
  assert.equal(rest, {
    type: 'connectivity.responses:retrieveConnectionStatus',
    status: 200,
    connectionId: from,
    connectionStatus: 'open',
    liveStatus: 'open',
    recoveryStatus: 'succeeded',
  })
  assert.ok(isRecent(connectedSince))
  assert.is(clientStatus[0].inStateSince, connectedSince)
  assert.equal(withoutInstants(clientStatus), [
    {
      type: 'client',
      client: INSTANCE,
      status: 'open',
      recoveryStatus: 'succeeded',
      statusDetails: '[CONNECTED] CONNECTED',
    },
  ])
  const [{ statusDetails, ...source }] = withoutInstants(sourceStatus)
  const address = end.sourceAddress(stream)
  assert.equal(source, { type: 'source', client: INSTANCE, address, status: 'open' })
  assert.match(statusDetails, /^Consumer started/)
  const { targetStatus } = await look(sluice, to, 'status')
  assert.equal(withoutInstants(targetStatus), [
    {
      type: 'target',
      client: INSTANCE,
      address: end.targetAddress(`${stream}-events`),
      status: 'open',
      statusDetails: 'Producer started.',
    },
  ])
}

function withoutInstants(entries: Json): Json {
  return entries.map(({ inStateSince, ...entry }: Json) => {
    assert.ok(isRecent(inStateSince))
    return entry
  })
}

async function checkMetrics(end: End, from: string, to: string, stream: string): Promise<void> {
  const { name } = end
  const consumer = await eventually(
    () => look(sluice, from, 'metrics'),
    ({ connectionMetrics: { inbound, outbound } }) =>
      inbound.acknowledged.success.PT1M === 2 && outbound.published.success.PT1M === 2,
  )
  const { sourceMetrics, targetMetrics, connectionMetrics, ...rest } = consumer
  assert.equal(rest, {
    type: 'connectivity.responses:retrieveConnectionMetrics',
    status: 200,
    connectionId: from,
    containsFailures: true,
  })
  const source = sourceMetrics.addressMetrics[end.sourceAddress(stream)]
  const inbound = { consumed: 2, mapped: 2, enforced: 2, acknowledged: 2 }
  assertCounts(source, INBOUND_METRICS, inbound, {}, name)
  assert.equal(connectionMetrics.inbound, source)
  // The second command asks for what does not exist.
  const responses = targetMetrics.addressMetrics._responses
  const replied = { dispatched: 1, mapped: 2, published: 2 }
  assertCounts(responses, OUTBOUND_METRICS, replied, { dispatched: 1 }, name)
  assert.equal(connectionMetrics.outbound, responses)
  const publisher = await eventually(
    () => look(sluice, to, 'metrics'),
    ({ connectionMetrics: { outbound } }) => outbound.published.success.PT1M === 1,
  )
  assert.is(publisher.containsFailures, false)
  assert.equal(publisher.sourceMetrics.addressMetrics, {})
  const {
    [end.targetAddress(`${stream}-events`)]: target,
    _responses: none,
    ...others
  } = publisher.targetMetrics.addressMetrics
  assert.equal(others, {})
  const sent = { dispatched: 1, filtered: 1, mapped: 1, published: 1 }
  assertCounts(target, OUTBOUND_METRICS, sent, {}, name)
  assertCounts(none, OUTBOUND_METRICS, {}, {}, name)
}

function assertCounts(
  metrics: Json,
  names: readonly string[],
  successes: Readonly<Record<string, number>>,
  failures: Readonly<Record<string, number>>,
  what: string,
): void {
  assert.equal(Object.keys(metrics), names, what)
  for (const name of names) {
    assert.equal(Object.keys(metrics[name]), ['success', 'failure'])
    for (const [outcome, expected] of [
      ['success', successes[name] ?? 0],
      ['failure', failures[name] ?? 0],
    ] as const) {
      const { lastMessageAt, ...counts } = metrics[name][outcome]
      assert.equal(counts, { PT1M: expected, PT1H: expected, PT24H: expected }, `${what} ${name}`)
      assert.ok(
        expected === 0 ? lastMessageAt === null : isRecent(lastMessageAt),
        `${what} ${name}`,
      )
    }
  }
}

/** What every entry about the first of the commands must say; the texts as in Ditto. */
async function checkLogs(end: End, from: string, to: string, stream: string): Promise<void> {
  const { connectionId, connectionLogs, enabledSince, enabledUntil, ...others } = await look(
    sluice,
    from,
    'logs',
  )
  assert.equal([connectionId, others], [from, {}])
  assert.ok(isRecent(enabledSince))
  assert.ok(Math.abs(Date.parse(enabledUntil) - Date.now() - 24 * 3_600_000) < RECENTLY_MS)
  const instants: readonly string[] = connectionLogs.map(({ timestamp }: Json) => timestamp)
  assert.equal(instants, instants.toSorted())
  assert.ok(instants.every(isRecent))
  const source = { address: end.sourceAddress(stream) }
  const responses = { address: '_responses' }
  const namespace = end.connectionType.split('-')[0]
  const thing = { entityType: 'thing', entityId: `${namespace}.on:lamp` }
  const unknown = { correlationId: '<not-provided>', level: 'success' }
  const first = { correlationId: 'of-modify', level: 'success' }
  const second = { correlationId: 'of-retrieve', level: 'success' }
  const expected = [
    [{ ...unknown, category: 'connection', type: 'other' }, 'Connection successful.'],
    [
      { ...unknown, category: 'source', type: 'consumed', ...source },
      'Received signal. - Message headers: [',
    ],
    [
      { ...first, category: 'source', type: 'mapped', ...source, ...thing },
      'Successfully mapped incoming signal with mapper <Ditto> - Message headers: [',
    ],
    [
      { ...first, category: 'source', type: 'enforced', ...source, ...thing },
      'Successfully applied enforcement on incoming signal. - Message headers: [',
    ],
    [
      { ...first, category: 'response', type: 'dispatched', ...responses, ...thing },
      'Received response. - Message headers: [',
    ],
    [
      { ...first, category: 'response', type: 'mapped', ...responses, ...thing },
      'Mapped outgoing signal with mapper <Ditto>',
    ],
    [
      { ...first, category: 'response', type: 'published', ...responses, ...thing },
      'Successfully published response. - Message headers: [',
    ],
    [
      {
        ...second,
        category: 'response',
        type: 'dispatched',
        level: 'failure',
        ...responses,
        ...thing,
      },
      'Response was not successful. This may be the case for when a thing could not be found',
    ],
  ] as const
  for (const [fields, text] of expected) assertLogged(connectionLogs, fields, text, end.name)
  const acknowledged = { category: 'source', type: 'acknowledged', ...unknown, ...source }
  assertLogged(connectionLogs, acknowledged, '', end.name)
  const sent = {
    ...first,
    category: 'target',
    address: end.targetAddress(`${stream}-events`),
    ...thing,
  }
  const { connectionLogs: outgoing } = await look(sluice, to, 'logs')
  for (const [type, text] of [
    ['dispatched', 'Successfully dispatched signal. - Message headers: ['],
    ['filtered', 'Signal successfully passed possible filters.'],
    ['mapped', 'Mapped outgoing signal with mapper <Ditto>'],
    ['published', 'Successfully published signal. - Message headers: ['],
  ] as const) {
    assertLogged(outgoing, { ...sent, type }, text, end.name)
  }
}

function assertLogged(entries: readonly Json[], fields: object, text: string, what: string): void {
  const found = entries.some(({ timestamp: _, message, ...entry }) => {
    return message.startsWith(text) && isDeepEqual(entry, fields)
  })
  assert.ok(
    found,
    `${what}: ${text} ${JSON.stringify(fields)}\n${JSON.stringify(entries, null, 1)}`,
  )
}

function isDeepEqual(a: Readonly<Record<string, unknown>>, b: object): boolean {
  const sorted = (object: object) => JSON.stringify(Object.entries(object).toSorted())
  return sorted(a) === sorted(b)
}

it(
  'a message says itself what of it is shown, and no secret is',
  async () => {
    const end = ends[1]!
    await end.prepare('shown')
    const replyTarget = { enabled: false }
    const id = await open(sluice, {
      ...consuming(end, 'shown', { replyTarget }),
      uri: rabbit.url('guest:guest'),
    })
    for (const wanted of ['OFF', 'HEADER', 'PAYLOAD', 'ALL']) {
      const headers = { 'connectivity-debug-log': wanted, tag: `tag-${wanted}` }
      await send(
        end,
        'shown',
        'modify',
        { value: { attributes: { of: `value-${wanted}` } } },
        headers,
      )
    }
    const { connectionLogs } = await eventually(
      () => look(sluice, id, 'logs'),
      ({ connectionLogs: entries }) =>
        entries.filter(({ type }: Json) => type === 'acknowledged').length === 4,
    )
    const text = connectionLogs
      .filter(({ category }: Json) => category === 'source')
      .map(({ message }: Json) => message)
      .join('\n')
    for (const [wanted, shows] of Object.entries({
      OFF: [false, false],
      HEADER: [true, false],
      PAYLOAD: [false, true],
      ALL: [true, true],
    })) {
      const shown = [text.includes(`tag=tag-${wanted}`), text.includes(`value-${wanted}`)]
      assert.equal(shown, shows, wanted)
    }
    assert.not.match(JSON.stringify(connectionLogs), 'guest')
  },
  LIMIT_MS,
)

/** A client of the log as server-sent events. */
class Watcher {
  readonly status: number
  readonly #response: Response
  readonly #leave: AbortController
  text = ''
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>

  private constructor(response: Response, leave: AbortController) {
    this.status = response.status
    this.#response = response
    this.#leave = leave
    this.ended = this.#read()
    this.ended.catch(() => {})
  }

  static async open(id: string, headers: Record<string, string> = {}): Promise<Watcher> {
    const leave = new AbortController()
    const credentials = Buffer.from(`${sluice.username}:${sluice.password}`).toString('base64')
    const response = await fetch(`${sluice.url}${CONNECTIONS}/${id}/logs`, {
      signal: leave.signal,
      headers: { accept: 'text/event-stream', authorization: `Basic ${credentials}`, ...headers },
    })
    return new Watcher(response, leave)
  }

  /** Ids and entries so far. */
  get entries(): readonly { readonly id: string; readonly entry: Json }[] {
    return [...this.text.matchAll(/^id: (.*)\ndata: (.*)\n\n/gm)].map(([, id, data]) => ({
      id: id!,
      entry: JSON.parse(data!),
    }))
  }

  async until(text: string): Promise<void> {
    await eventually(
      () => this.text,
      (all) => all.includes(text),
    )
  }

  leave(): void {
    this.#leave.abort()
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of this.#response.body!)
      this.text += decoder.decode(chunk as Uint8Array, { stream: true })
  }
}

it(
  'a log can be watched, resumed, and ends with its connection',
  async () => {
    const end = ends[0]!
    const id = await open(sluice, consuming(end, 'watched'))
    const watcher = await Watcher.open(id)
    await watcher.until('Connection successful.')
    await send(end, 'watched', 'modify', { value: { attributes: { n: 1 } } })
    await watcher.until('Successfully published response.')
    const seen = watcher.entries
    const { connectionLogs } = await look(sluice, id, 'logs')
    assert.equal(
      seen.map(({ entry }) => entry),
      connectionLogs,
    )
    const middle = Math.floor(seen.length / 2)
    const resumed = await Watcher.open(id, { 'last-event-id': seen[middle]!.id })
    await resumed.until(seen.at(-1)!.id)
    assert.equal(resumed.entries, seen.slice(middle + 1))
    const refused = await Watcher.open(id)
    await refused.ended
    assert.equal(
      [refused.status, JSON.parse(refused.text).error],
      [503, 'connectivity:logs.tails.exceeded'],
    )
    resumed.leave()
    await eventually(
      async () => {
        const again = await Watcher.open(id)
        again.leave()
        return again.status
      },
      (status) => status === 200,
    )
    const changed = { ...consuming(end, 'watched'), id, connectionStatus: 'open', clientCount: 1 }
    const renewed = { ...changed, specificConfig: { reconnectForRedelivery: 'false' } }
    assert.is((await sluice.request('PUT', `${CONNECTIONS}/${id}`, renewed)).status, 204)
    await eventually(
      () =>
        watcher.entries.filter(({ entry }) => entry.message === 'Connection successful.').length,
      (count) => count === 2,
    )
    await watcher.until('Disconnected successfully.')
    assert.is((await command(sluice, id, 'closeConnection')).status, 200)
    const left = (await look(sluice, id, 'logs')).connectionLogs.map(({ message }: Json) => message)
    assert.is(left.at(-1), 'Disconnected successfully.')
    assert.is((await command(sluice, id, 'resetConnectionLogs')).status, 200)
    await watcher.until('Successfully reset the logs.')
    assert.is((await sluice.request('DELETE', `${CONNECTIONS}/${id}`)).status, 204)
    await watcher.ended
    assert.is((await Watcher.open(id)).status, 404)
  },
  LIMIT_MS,
)

it(
  'openings and closings are announced, also at the end and the start of the service',
  async () => {
    const to = ends[0]!
    await to.prepare('announced')
    const outgoingScript = `function mapFromDittoProtocolMsg(namespace, name, group, channel, criterion,
        action, path, dittoHeaders, value, status, extra) {
      return Ditto.buildExternalMsg({}, JSON.stringify({ name, group, criterion, action, value,
        hasCorrelationId: 'correlation-id' in dittoHeaders }), null, 'application/json')
    }`
    const received: Json[] = []
    const topic = (action: string) => `streams/announced/${action}`
    const listener = await mosquitto.connect()
    listener.on('message', (from, payload) =>
      received.push({ from, ...JSON.parse(payload.toString()) }),
    )
    await listener.subscribeAsync('streams/announced/+', { qos: 1 })
    const definitions = { js: { mappingEngine: 'JavaScript', options: { outgoingScript } } }
    const body = {
      ...publishing(to, 'unused', ['_/_/connections/announcements'], {
        address: 'streams/announced/{{ connection:id }}-{{ topic:action-subject }}',
        payloadMapping: ['js'],
      }),
      mappingDefinitions: definitions,
    }
    const id = await open(sluice, body)
    const next = async (action: string): Promise<void> => {
      await eventually(
        () => received,
        ({ length }) => length > 0,
      )
      const { value, ...rest } = received.shift()
      assert.equal(rest, {
        from: topic(`${id}-${action}`),
        name: id,
        group: 'connections',
        criterion: 'announcements',
        action,
        hasCorrelationId: true,
      })
      assert.equal(Object.keys(value), [action === 'opened' ? 'openedAt' : 'closedAt'])
      assert.ok(isRecent(value.openedAt ?? value.closedAt))
    }
    await next('opened')
    assert.is((await command(sluice, id, 'closeConnection')).status, 200)
    await next('closed')
    assert.is((await command(sluice, id, 'openConnection')).status, 200)
    await next('opened')
    const changed = { ...body, id, clientCount: 1, processorPoolSize: 2 }
    assert.is((await sluice.request('PUT', `${CONNECTIONS}/${id}`, changed)).status, 204)
    await next('closed')
    await next('opened')
    await sluice.stop()
    await next('closed')
    sluice = await startSluice({ config: CONFIG, folder })
    await next('opened')
    assert.is((await sluice.request('DELETE', `${CONNECTIONS}/${id}`)).status, 204)
    await next('closed')
    assert.equal(received, [])
    await listener.endAsync(true)
  },
  LIMIT_MS,
)

it(
  'metrics survive the end of the service, a reset and a kill',
  async () => {
    const end = ends[0]!
    const id = await open(sluice, consuming(end, 'kept'))
    const metrics = () => look(sluice, id, 'metrics')
    const acknowledged = (count: number) => (body: Json) =>
      body.connectionMetrics.inbound?.acknowledged.success.PT24H === count
    for (let n = 1; n <= 3; n++) await send(end, 'kept', 'modify', { value: { attributes: { n } } })
    await eventually(metrics, acknowledged(3))
    const before = await eventually(
      metrics,
      ({ connectionMetrics: { outbound } }) => outbound.published.success.PT1M === 3,
    )
    const restart = async (): Promise<void> => {
      sluice = await startSluice({ config: CONFIG, folder })
      assert.is((await command(sluice, id, 'openConnection')).status, 200)
    }
    await sluice.stop()
    await restart()
    assert.equal(await metrics(), before)
    await send(end, 'kept', 'modify', { value: { attributes: { n: 4 } } })
    await eventually(metrics, acknowledged(4))
    await eventually(
      () => saved(id),
      (cells) => cells.some(([, , , pairs]) => total(pairs) === 4),
      15_000,
    )
    await sluice.kill()
    await restart()
    await eventually(metrics, acknowledged(4))
    assert.is((await command(sluice, id, 'resetConnectionMetrics')).status, 200)
    // Nothing that was reset is left to come back.
    assert.equal(await saved(id), [])
    const { connectionMetrics } = await metrics()
    assert.is(connectionMetrics.inbound.consumed.success.lastMessageAt, null)
    assert.ok(!sluice.output().includes('damaged'))
  },
  LIMIT_MS,
)

/** Of pairs of a bucket and its count. */
function total(pairs: readonly number[]): number {
  return pairs.reduce((sum, number, index) => (index % 2 === 0 ? sum : sum + number), 0)
}

/** What is kept of a connection's metrics. */
async function saved(id: string): Promise<readonly Json[]> {
  const path = join(folder, 'data', 'metrics')
  const names = (await readdir(path)).filter((name) => name.endsWith('.json'))
  const files = names.map(async (name) => JSON.parse(await readFile(join(path, name), 'utf8')))
  return (await Promise.all(files)).flatMap(({ connections }) =>
    Object.values(connections[id] ?? {}),
  )
}
