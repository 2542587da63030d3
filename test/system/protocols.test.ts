/** Every protocol in, every protocol out: text, bytes, headers, order, replies and errors. */
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { amqp10End, amqp091End, type End, mqttEnd, type Outside } from '../support/ends.ts'
import { eventually, logTexts, open, untilStatus } from '../support/gateway.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { suite } from '../support/suite.ts'

const it = suite('protocols')

const AUTHORIZATION_CONTEXT = ['test:protocols']
const THINGS = 5
const MESSAGES = 200
const LIMIT_MS = 60_000

/** A live message of a thing around the payload; the thing is the first word of a text. */
const INCOMING_TEXT = `function mapToDittoProtocolMsg(headers, textPayload) {
  return Ditto.buildDittoProtocolMsg('pairs', textPayload.split(' ')[0], 'things', 'live', 'messages',
    'text', '/inbox/messages/text',
    { 'content-type': 'text/plain', 'response-required': false, tag: headers.tag || 'none' },
    textPayload)
}`

/** Bytes as hexadecimal digits, so that what the script saw is what travels. */
const INCOMING_BYTES = `function mapToDittoProtocolMsg(headers, textPayload, bytePayload) {
  const hex = Array.from(new Uint8Array(bytePayload), (byte) => byte.toString(16).padStart(2, '0'))
  return Ditto.buildDittoProtocolMsg('pairs', 'bytes', 'things', 'live', 'messages', 'bytes',
    '/inbox/messages/bytes',
    { 'content-type': 'text/plain', 'response-required': false, tag: headers.tag || 'none' },
    hex.join(''))
}`

const OUTGOING_TEXT = `function mapFromDittoProtocolMsg(namespace, name, group, channel, criterion,
    action, path, dittoHeaders, value) {
  return Ditto.buildExternalMsg({ tag: dittoHeaders.tag }, value, null, 'text/plain')
}`

const OUTGOING_BYTES = `function mapFromDittoProtocolMsg(namespace, name, group, channel, criterion,
    action, path, dittoHeaders, value) {
  const bytes = Uint8Array.from(value.match(/../g), (digits) => parseInt(digits, 16))
  return Ditto.buildExternalMsg({ tag: dittoHeaders.tag }, null, bytes.buffer,
    'application/octet-stream')
}`

const script = (options: object) => ({ mappingEngine: 'JavaScript', options })

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
  ends = await Promise.all([mqttEnd(mosquitto), amqp091End(rabbit), amqp10End(rabbit)])
})
it.after(async () => {
  await Promise.all(ends.map((end) => end.stop()))
  await sluice.stop()
  await Promise.all([mosquitto.stop(), rabbit.stop()])
})

it(
  'each of the nine pairs carries text and bytes with headers, in order per thing',
  async () => {
    const received = new Map<string, Outside[]>()
    for (const sink of ends) {
      for (const kind of ['text', 'bytes']) {
        const stream = `${kind}-to-${sink.connectionType}`
        await sink.prepare(stream)
        await sink.listen(stream, (message) => received.get(`${sink.name} ${kind}`)?.push(message))
      }
      await open(sluice, publishing(sink))
    }
    for (const source of ends) {
      for (const kind of ['text', 'bytes'])
        await source.prepare(`${kind}-from-${source.connectionType}`)
      const id = await open(sluice, consuming(source))
      for (const sink of ends) {
        received.set(`${sink.name} text`, [])
        received.set(`${sink.name} bytes`, [])
      }
      await sendAll(source)
      for (const sink of ends) await checkPair(source, sink, received)
      assert.is((await sluice.request('DELETE', `/api/2/connections/${id}`)).status, 204)
    }
  },
  LIMIT_MS,
)

it(
  'responses and errors reach the reply target of each',
  async () => {
    for (const end of ends) {
      const type = end.connectionType
      await Promise.all([end.prepare(`commands-${type}`), end.prepare(`replies-${type}`)])
      const replies: Outside[] = []
      await end.listen(`replies-${type}`, (message) => replies.push(message))
      await open(sluice, {
        ...base(end),
        sources: [
          {
            addresses: [end.sourceAddress(`commands-${type}`)],
            ...end.fields,
            authorizationContext: AUTHORIZATION_CONTEXT,
            replyTarget: {
              enabled: true,
              address: end.targetAddress(`replies-${type}`),
              headerMapping: end.hasHeaders
                ? { status: '{{ header:status }}', re: '{{ thing:id }}' }
                : {},
            },
          },
        ],
      })
      const topic = `replies/${type}/things/twin/commands`
      const headers = { 'correlation-id': `of-${type}` }
      const value = { attributes: { from: end.name } }
      await send(end, `commands-${type}`, { topic: `${topic}/modify`, path: '/', headers, value })
      await send(end, `commands-${type}`, {
        topic: `${topic}/retrieve`,
        path: '/attributes/no',
        headers,
      })
      await send(end, `commands-${type}`, 'no Ditto Protocol')
      await eventually(
        () => replies,
        ({ length }) => length === 3,
      )
      // An error that needs no twin may overtake the answers of the twin.
      const answers = replies
        .map(({ payload, headers }) => ({ ...JSON.parse(payload.toString()), outside: headers }))
        .toSorted((a, b) => a.status - b.status)
      assert.equal(
        answers.map(({ status, value: answer }) => [status, answer.error]),
        [
          [201, undefined],
          [400, 'json.invalid'],
          [404, 'things:attribute.notfound'],
        ],
        end.name,
      )
      assert.is(answers[0].headers['correlation-id'], `of-${type}`)
      if (end.hasHeaders) assert.is(answers[0].outside.re, `replies:${type}`, end.name)
    }
  },
  LIMIT_MS,
)

it(
  'responses and errors are diverted from each protocol to the next, once that is authorized',
  async () => {
    for (const [index, end] of ends.entries()) {
      const other = ends[(index + 1) % ends.length]!
      const [commands, replies, diverted] = ['commands', 'replies', 'diverted'].map(
        (stream) => `${stream}-of-${end.connectionType}`,
      ) as [string, string, string]
      const seen: Record<string, Outside[]> = { [replies]: [], [diverted]: [] }
      await Promise.all([end.prepare(commands), end.prepare(replies), other.prepare(diverted)])
      await end.listen(replies, (message) => seen[replies]!.push(message))
      await other.listen(diverted, (message) => seen[diverted]!.push(message))
      const to = await open(sluice, takingDiverted(other, diverted))
      const from = await open(sluice, diverting(end, commands, replies, to))
      await divertedOf(end, commands, 'unauthorized')
      await eventually(
        () => logTexts(sluice, to),
        (texts) => texts.some((text) => text.includes(`${from} is not authorized`)),
      )
      const authorized = { ...takingDiverted(other, diverted, from), id: to }
      const changed = await sluice.request('PUT', `/api/2/connections/${to}`, authorized)
      assert.is(changed.status, 204)
      await untilStatus(sluice, to, 'open')
      await divertedOf(end, commands, 'authorized')
      await eventually(
        () => seen[diverted]!,
        ({ length }) => length === 2,
      )
      const answers = seen[diverted]!.map(({ payload }) => JSON.parse(payload.toString()))
      const about = answers.map(({ topic, status }) => `${topic.split('/')[0]} ${status}`)
      assert.equal(about.toSorted(), ['authorized 201', 'unknown 400'], end.name)
      if (other.hasHeaders) assert.is(seen[diverted]![0]!.headers.from, from)
      assert.equal(seen[replies], [], end.name)
    }
  },
  LIMIT_MS,
)

/** A command that succeeds and a message that is none. */
async function divertedOf(end: End, commands: string, thing: string): Promise<void> {
  const topic = `${thing}/of-${end.connectionType}/things/twin/commands/modify`
  await send(end, commands, { topic, path: '/', headers: {}, value: { attributes: {} } })
  await send(end, commands, 'no Ditto Protocol')
}

function diverting(end: End, commands: string, replies: string, to: string): object {
  const source = {
    addresses: [end.sourceAddress(commands)],
    ...end.fields,
    authorizationContext: AUTHORIZATION_CONTEXT,
    headerMapping: { 'divert-response-to-connection': to },
    replyTarget: { enabled: true, address: end.targetAddress(replies) },
  }
  return { ...base(end), sources: [source], specificConfig: { 'is-diversion-source': 'true' } }
}

function takingDiverted(end: End, diverted: string, from = ''): object {
  const target = {
    address: end.targetAddress(diverted),
    ...end.fields,
    topics: [],
    authorizationContext: AUTHORIZATION_CONTEXT,
    headerMapping: end.hasHeaders ? { from: '{{ header:diverted-response-from-connection }}' } : {},
  }
  const authorized = { 'authorized-connections-as-sources': from }
  const specificConfig = { 'is-diversion-target': 'true', ...authorized }
  return { ...base(end), targets: [target], specificConfig }
}

function base({ name, connectionType, uri }: End): object {
  return { name, connectionType, connectionStatus: 'open', uri }
}

function consuming(end: End): object {
  const source = (kind: string) => ({
    addresses: [end.sourceAddress(`${kind}-from-${end.connectionType}`)],
    ...end.fields,
    authorizationContext: AUTHORIZATION_CONTEXT,
    payloadMapping: [kind],
    replyTarget: { enabled: false },
  })
  return {
    ...base(end),
    sources: [source('text'), source('bytes')],
    mappingDefinitions: {
      text: script({ incomingScript: INCOMING_TEXT }),
      bytes: script({ incomingScript: INCOMING_BYTES }),
    },
  }
}

function publishing(end: End): object {
  const target = (kind: string) => ({
    address: end.targetAddress(`${kind}-to-${end.connectionType}`),
    ...end.fields,
    topics: [`_/_/things/live/messages?filter=eq(topic:subject,"${kind}")`],
    authorizationContext: AUTHORIZATION_CONTEXT,
    payloadMapping: [kind],
    headerMapping: end.hasHeaders ? { thing: '{{ thing:id }}' } : {},
  })
  return {
    ...base(end),
    targets: [target('text'), target('bytes')],
    mappingDefinitions: {
      text: script({ outgoingScript: OUTGOING_TEXT }),
      bytes: script({ outgoingScript: OUTGOING_BYTES }),
    },
  }
}

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

function textOf(number: number): string {
  return `thing-${number % THINGS} ${number} Grüße "✓"`
}

async function sendAll(source: End): Promise<void> {
  const type = source.connectionType
  const numbers = Array.from({ length: MESSAGES }, (_, number) => number)
  const headersOf = (tag: unknown) => ({ tag: `tag ${tag}` })
  await Promise.all([
    ...numbers.map((number) =>
      source.send(`text-from-${type}`, { payload: textOf(number), headers: headersOf(number) }),
    ),
    source.send(`bytes-from-${type}`, { payload: ALL_BYTES, headers: headersOf('é') }),
  ])
}

async function checkPair(
  source: End,
  sink: End,
  received: ReadonlyMap<string, readonly Outside[]>,
): Promise<void> {
  const pair = `${source.name} → ${sink.name}`
  const texts = received.get(`${sink.name} text`)!
  const bytes = received.get(`${sink.name} bytes`)!
  await eventually(
    () => [pair, texts.length, bytes.length] as const,
    ([, text, byte]) => text === MESSAGES && byte === 1,
  )
  const byThing = Map.groupBy(
    texts.map(({ payload }) => payload.toString()),
    (text) => text.split(' ')[0],
  )
  for (const [thing, sequence] of byThing) {
    const expected = Array.from({ length: MESSAGES }, (_, number) => textOf(number))
    assert.equal(
      sequence,
      expected.filter((text) => text.startsWith(`${thing} `)),
      pair,
    )
  }
  assert.equal(Buffer.from(bytes[0]!.payload), ALL_BYTES, pair)
  if (!sink.hasHeaders) return
  for (const { payload, headers } of texts) {
    const [thing, number] = payload.toString().split(' ')
    assert.is(headers.thing, `pairs:${thing}`, pair)
    assert.is(headers.tag, source.hasHeaders ? `tag ${number}` : 'none', pair)
  }
  assert.is(bytes[0]!.headers.tag, source.hasHeaders ? 'tag é' : 'none', pair)
}

async function send(end: End, stream: string, content: unknown): Promise<void> {
  const payload = typeof content === 'string' ? content : JSON.stringify(content)
  await end.send(stream, { payload, headers: { 'content-type': 'application/json' } })
}
