/** What a connection author writes, at work: scripts, reply targets, header mappings, topics, filters. */
import type { MqttClient } from 'mqtt'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { CONNECTIONS, eventually, logTexts, look, open } from '../support/gateway.ts'
import { suite } from '../support/suite.ts'

const it = suite('mapping and routing')

interface Arrived {
  readonly topic: string
  readonly text: string
  readonly bytes: Buffer
  readonly qos: number
  readonly retain: boolean
}

let broker: Mosquitto
let sluice: Sluice
let client: MqttClient
const arrived: Arrived[] = []
const opened: string[] = []

it.before(async () => {
  broker = await startMosquitto()
  sluice = await startSluice({ config: { workers: { threads: 2 } } })
  client = await broker.connect()
  client.on('message', (topic, bytes, { qos, retain }) => {
    arrived.push({ topic, text: bytes.toString(), bytes, qos, retain })
  })
  await client.subscribeAsync(['out/#', 'reply/#'], { qos: 2 })
})
it.after(async () => {
  await sluice.stop()
  await broker.stop()
})
it.afterEach(async () => {
  for (const id of opened.splice(0)) await sluice.request('DELETE', `${CONNECTIONS}/${id}`)
  arrived.length = 0
})

/** Opens a connection with one source on `in/+`, mapped by a script. */
async function consume(script: string, source: object = {}): Promise<string> {
  const id = await open(sluice, {
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: broker.url(),
    sources: [
      {
        addresses: ['in/+'],
        qos: 2,
        authorizationContext: ['t:m'],
        payloadMapping: ['js'],
        replyTarget: { address: 'reply/{{ thing:name }}' },
        ...source,
      },
    ],
    mappingDefinitions: {
      js: { mappingEngine: 'JavaScript', options: { incomingScript: script } },
    },
  })
  opened.push(id)
  return id
}

/** Opens a connection with one target. */
async function publish(target: object, fields: object = {}): Promise<string> {
  const id = await open(sluice, {
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: broker.url(),
    targets: [
      { address: 'out/{{ thing:name }}', qos: 1, authorizationContext: ['t:m'], ...target },
    ],
    ...fields,
  })
  opened.push(id)
  return id
}

const TWIN_EVENTS = { topics: ['_/_/things/twin/events'] }

/** A script whose function answers a command built from the expression. */
const script = (body: string): string =>
  `function mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) { ${body} }`

const MERGE = (attributes: string): string =>
  `return Ditto.buildDittoProtocolMsg('map', headers['mqtt.topic'].split('/')[1], 'things', 'twin',
     'commands', 'merge', '/', { 'content-type': 'application/merge-patch+json' },
     { attributes: ${attributes} })`

const message = (found: (one: Arrived) => boolean): Promise<readonly Arrived[]> =>
  eventually(
    () => arrived,
    (all) => all.some(found),
  )

it('gives scripts text, bytes and headers', async () => {
  await consume(
    script(`const view = new Uint8Array(bytePayload);
      ${MERGE('{ text: textPayload, sum: view.reduce((a, b) => a + b, 0), qos: headers["mqtt.qos"] }')}`),
  )
  await publish(TWIN_EVENTS)
  await client.publishAsync('in/bytes', Buffer.from([1, 2, 3, 65]), { qos: 2 })
  await message(({ topic }) => topic === 'out/bytes')
  const { value } = JSON.parse(arrived.find(({ topic }) => topic === 'out/bytes')!.text)
  assert.equal(value.attributes, { text: '\u0001\u0002\u0003A', sum: 71, qos: '2' })
})

it('maps outgoing signals to text, bytes, several messages and none', async () => {
  await consume(script(MERGE('JSON.parse(textPayload)')))
  const outgoingScript = `function mapFromDittoProtocolMsg(
      namespace, name, group, channel, criterion, action, path, dittoHeaders, value) {
    const { kind } = value.attributes;
    if (kind === 'none') return null;
    if (kind === 'bytes') {
      return Ditto.buildExternalMsg({}, null, new Uint8Array([0, 255, 7]).buffer, 'application/x');
    }
    const one = Ditto.buildExternalMsg({}, name + ' ' + action, null, 'text/plain');
    return kind === 'two' ? [one, one] : one;
  }`
  const id = await publish(
    { ...TWIN_EVENTS, payloadMapping: ['js'] },
    { mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { outgoingScript } } } },
  )
  for (const kind of ['text', 'none', 'two', 'bytes']) {
    await client.publishAsync('in/outgoing', JSON.stringify({ kind }), { qos: 1 })
  }
  await eventually(
    () => arrived.filter(({ topic }) => topic === 'out/outgoing'),
    (all) => all.length === 4,
  )
  const out = arrived.filter(({ topic }) => topic === 'out/outgoing')
  assert.equal(
    out.slice(0, 3).map(({ text }) => text),
    ['outgoing created', 'outgoing merged', 'outgoing merged'],
  )
  assert.equal([...out[3]!.bytes], [0, 255, 7])
  const { outbound } = (await look(sluice, id, 'metrics')).connectionMetrics
  assert.is(outbound.mapped.success.PT1H, 3)
  assert.is(outbound.dropped.success.PT1H, 1)
})

it('tells the sender what its message did, or why it did nothing', async () => {
  const id = await consume(
    script(`if (textPayload === 'throw') throw new Error('on purpose');
    if (textPayload === 'loop') for (;;) {}
    console.log('mapping', textPayload);
    return JSON.parse(textPayload)`),
  )
  const command = (action: string, path: string, value?: unknown): string =>
    JSON.stringify({
      topic: `map/told/things/twin/commands/${action}`,
      headers: { 'correlation-id': `${action}-1` },
      path,
      value,
    })
  await client.publishAsync('in/told', command('create', '/', { attributes: { a: 1 } }), { qos: 1 })
  await message(({ text }) => text.includes('create-1'))
  const created = JSON.parse(arrived.find(({ text }) => text.includes('create-1'))!.text)
  assert.is(created.status, 201)
  assert.equal(created.value.attributes, { a: 1 })
  await client.publishAsync('in/told', command('retrieve', '/attributes/b'), { qos: 1 })
  await message(({ text }) => text.includes('retrieve-1'))
  const missing = JSON.parse(arrived.find(({ text }) => text.includes('retrieve-1'))!.text)
  assert.is(missing.status, 404)
  assert.is(missing.value.error, 'things:attribute.notfound')
  for (const payload of ['throw', 'loop']) await client.publishAsync('in/told', payload, { qos: 1 })
  await client.publishAsync('in/told', command('delete', '/'), { qos: 1 })
  await message(({ text }) => text.includes('delete-1'))
  const { inbound } = (await look(sluice, id, 'metrics')).connectionMetrics
  assert.is(inbound.consumed.success.PT1H, 5)
  assert.is(inbound.mapped.success.PT1H, 3)
  assert.is(inbound.mapped.failure.PT1H, 2)
  const texts = await logTexts(sluice, id)
  assert.ok(texts.some((text) => text.includes('on purpose')))
  assert.ok(texts.some((text) => text.includes('Maximum execution time')))
  assert.ok(texts.some((text) => text.includes('wrote: mapping')))
}, 30_000)

it('sends errors of messages that cannot be mapped to a constant reply target', async () => {
  await consume(script('return JSON.parse(textPayload)'), {
    replyTarget: { address: 'reply/errors' },
  })
  await client.publishAsync('in/x', 'no JSON', { qos: 1 })
  await message(({ topic }) => topic === 'reply/errors')
  const { topic, value, status } = JSON.parse(arrived[0]!.text)
  assert.is(topic, 'unknown/unknown/things/twin/errors')
  assert.is(status, 400)
  assert.is(value.error, 'connectivity:message.mapping.failed')
})

it('sets topic, quality of service and retain from header mappings', async () => {
  await consume(script(MERGE('{ a: 1 }')))
  await publish({
    ...TWIN_EVENTS,
    headerMapping: { 'mqtt.topic': 'out/elsewhere', 'mqtt.qos': '2', 'mqtt.retain': 'true' },
  })
  await client.publishAsync('in/headers', '', { qos: 1 })
  await message(({ topic }) => topic === 'out/elsewhere')
  assert.is(arrived.find(({ topic }) => topic === 'out/elsewhere')!.qos, 2)
  const late = await broker.connect()
  const retained = new Promise<boolean>((done) => {
    late.on('message', (_topic, _payload, { retain }) => done(retain))
  })
  await late.subscribeAsync('out/elsewhere')
  assert.is(await retained, true)
})

it('lets a target see what its filter and namespaces allow, once', async () => {
  await consume(script(MERGE('JSON.parse(textPayload)')))
  await publish({
    topics: [
      '_/_/things/twin/events?namespaces=map&filter=gt(attributes/n,10)',
      '_/_/things/twin/events?filter=like(attributes/s,"yes*")',
      '_/_/things/twin/events?namespaces=other',
    ],
  })
  for (const value of [{ n: 5 }, { n: 11 }, { n: 12, s: 'yes!' }, { s: 'no' }, { s: 'yes' }]) {
    await client.publishAsync('in/filtered', JSON.stringify(value), { qos: 1 })
  }
  await eventually(
    () => arrived.filter(({ topic }) => topic === 'out/filtered').length,
    (n) => n === 3,
  )
  const passed = arrived
    .filter(({ topic }) => topic === 'out/filtered')
    .map(({ text }) => JSON.parse(text).value.attributes)
  assert.equal(passed, [{ n: 11 }, { n: 12, s: 'yes!' }, { s: 'yes' }])
})

it('adds extra fields of the twin', async () => {
  await consume(
    script(`if (textPayload === 'create') { ${MERGE('{ vin: "W1" }')} }
      return Ditto.buildDittoProtocolMsg('map', 'extra', 'things', 'twin', 'commands', 'modify',
        '/attributes/speed', {}, 7)`),
  )
  await publish({
    topics: ['_/_/things/twin/events?extraFields=attributes/vin&filter=eq(attributes/vin,"W1")'],
  })
  await client.publishAsync('in/extra', 'create', { qos: 1 })
  await client.publishAsync('in/extra', 'speed', { qos: 1 })
  const isEvent = ({ topic, text }: Arrived) =>
    topic === 'out/extra' && text.includes('/attributes/speed')
  await message(isEvent)
  const event = JSON.parse(arrived.find(isEvent)!.text)
  assert.equal(event.extra, { attributes: { vin: 'W1' } })
  assert.is(event.value, 7)
})

it('routes live messages, commands and events', async () => {
  await consume(script('return JSON.parse(textPayload)'), { replyTarget: { enabled: false } })
  await publish({
    topics: ['_/_/things/live/messages', '_/_/things/live/commands', '_/_/things/live/events'],
  })
  const live: readonly [topic: string, path: string, value: unknown][] = [
    ['map/live/things/live/messages/ask', '/inbox/messages/ask', 'hello'],
    ['map/live/things/live/commands/modify', '/attributes/a', 1],
    ['map/live/things/live/events/modified', '/attributes/a', 1],
  ]
  for (const [topic, path, value] of live) {
    const headers = { 'content-type': 'text/plain', 'correlation-id': 'live' }
    await client.publishAsync('in/live', JSON.stringify({ topic, headers, path, value }), {
      qos: 1,
    })
  }
  await eventually(
    () => arrived.filter(({ topic }) => topic === 'out/live').length,
    (n) => n === 3,
  )
  assert.equal(
    arrived.map(({ text }) => JSON.parse(text).topic),
    live.map(([topic]) => topic),
  )
})

it('enforces that a device speaks for itself only', async () => {
  const id = await consume(script('return JSON.parse(textPayload)'), {
    enforcement: { input: '{{ source:address }}', filters: ['in/{{ thing:name }}'] },
    replyTarget: { address: 'reply/enforced' },
  })
  const merge = JSON.stringify({
    topic: 'map/self/things/twin/commands/merge',
    headers: { 'content-type': 'application/merge-patch+json' },
    path: '/',
    value: { attributes: {} },
  })
  await client.publishAsync('in/other', merge, { qos: 1 })
  await client.publishAsync('in/self', merge, { qos: 1 })
  await eventually(
    () => arrived.length,
    (count) => count === 2,
  )
  const [refused, allowed] = arrived.map(({ text }) => JSON.parse(text))
  assert.is(refused.value.error, 'connectivity:connection.id.enforcement.failed')
  assert.is(allowed.status, 201)
  const { inbound } = (await look(sluice, id, 'metrics')).connectionMetrics
  assert.is(inbound.enforced.success.PT1H, 1)
  assert.is(inbound.enforced.failure.PT1H, 1)
})
