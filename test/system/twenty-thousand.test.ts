/**
 * 20,000 QoS 1 messages of three kinds (mapped to one command, to many, to none) from 50 devices:
 * every expected event arrives exactly once, in order per thing, and the metrics add up.
 */
import type { MqttClient } from 'mqtt'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { eventually } from '../support/gateway.ts'
import { suite } from '../support/suite.ts'

const it = suite('twenty thousand messages')

const MESSAGES = 20_000
const DEVICES = 50
const LIMIT_MS = 120_000
const STREAM_LIMIT_MS = 45_000

/** Message n of a device: every third is mapped to one command, to three, to none. */
const script = (version: number) => `
function mapToDittoProtocolMsg(headers, textPayload) {
  const { n, device } = JSON.parse(textPayload)
  const command = (part) => Ditto.buildDittoProtocolMsg('load', device, 'things', 'twin', 'commands',
    'merge', '/', { 'content-type': 'application/merge-patch+json' },
    { attributes: { n, part, version: ${version} } })
  if (n % 3 === 0) return command(0)
  if (n % 3 === 1) return [command(0), command(1), command(2)]
  return null
}`

let broker: Mosquitto
let sluice: Sluice
it.before(async () => {
  // By default mosquitto drops what does not fit into a client's queue of 1,000.
  broker = await startMosquitto({ config: ['max_queued_messages 0', 'max_inflight_messages 200'] })
  sluice = await startSluice({ config: { workers: { threads: 2 } } })
})
it.after(async () => {
  await sluice.stop()
  await broker.stop()
})

const inbound = (version: number) => ({
  name: 'in',
  connectionType: 'mqtt',
  connectionStatus: 'open',
  uri: broker.url(),
  specificConfig: { clientId: `in-${broker.port}` },
  sources: [
    {
      addresses: ['devices/+/in'],
      qos: 1,
      authorizationContext: ['test:load'],
      payloadMapping: ['js'],
      replyTarget: { enabled: false },
    },
  ],
  mappingDefinitions: {
    js: { mappingEngine: 'JavaScript', options: { incomingScript: script(version) } },
  },
})

const outbound = (tag: string) => ({
  name: 'out',
  connectionType: 'mqtt',
  connectionStatus: 'open',
  uri: broker.url(),
  tags: [tag],
  targets: [
    {
      address: 'events/{{ thing:name }}',
      qos: 1,
      topics: ['_/_/things/twin/events'],
      authorizationContext: ['test:load'],
      headerMapping: {},
    },
  ],
})

it(
  'all arrive once and in order',
  async () => {
    const run = await stream('a', async () => {})
    assert.equal(run.problems, [])
    const { consumed, enforced, mapped, dropped } = await metricsOf(run.inboundId, 'inbound')
    assert.is(consumed, MESSAGES)
    assert.is(enforced, run.expected, 'once for each signal')
    assert.is(mapped, countMapped(), 'once for each message')
    assert.is(dropped, MESSAGES - countMapped())
    // The last confirmations of the broker may arrive after the last event did.
    const out = await eventually(
      () => metricsOf(run.outboundId, 'outbound'),
      ({ published }) => published === run.expected,
    )
    assert.is(out.filtered, out.published)
    assert.ok(out.dispatched! >= out.filtered!)
    await remove(run)
  },
  LIMIT_MS,
)

it(
  'none is lost when the script changes in the middle of the stream',
  async () => {
    const run = await stream('b', async ({ inboundId }) => {
      const answer = await sluice.request('PUT', `/api/2/connections/${inboundId}`, inbound(2))
      assert.is(answer.status, 204, answer.text)
    })
    assert.equal(
      run.problems.filter((problem) => !problem.includes('twice')),
      [],
    )
    await remove(run)
  },
  LIMIT_MS,
)

it(
  'none is lost when the publishing connection is replaced in the middle',
  async () => {
    const run = await stream('c', async ({ outboundId }) => {
      const changed = { ...outbound('c'), clientCount: 2 }
      const answer = await sluice.request('PUT', `/api/2/connections/${outboundId}`, changed)
      assert.is(answer.status, 204, answer.text)
    })
    assert.equal(run.problems, [])
    await remove(run)
  },
  LIMIT_MS,
)

interface Ids {
  readonly inboundId: string
  readonly outboundId: string
}

interface Run extends Ids {
  readonly expected: number
  readonly problems: readonly string[]
}

/** Streams all messages, does something in the middle, and compares what came with what should. */
async function stream(tag: string, inTheMiddle: (ids: Ids) => Promise<void>): Promise<Run> {
  const ids = { inboundId: await open(inbound(1)), outboundId: await open(outbound(tag)) }
  const subscriber = await broker.connect({ clientId: `sub-${tag}` })
  const publisher = await broker.connect({ clientId: `pub-${tag}` })
  const seen = new Map<string, string[]>()
  let received = 0
  let onAll = (): void => {}
  const expected = countExpected()
  subscriber.on('message', (topic, payload) => {
    const { attributes } = eventValue(payload)
    const device = topic.split('/')[1]!
    const list = seen.get(device) ?? []
    list.push(`${attributes.n}.${attributes.part}`)
    seen.set(device, list)
    received += 1
    if (received >= expected) onAll()
  })
  await subscriber.subscribeAsync('events/+', { qos: 1 })
  const all = new Promise<void>((done) => {
    onAll = done
    AbortSignal.timeout(STREAM_LIMIT_MS).addEventListener('abort', () => done())
  })
  await publishAll(publisher, tag, () => inTheMiddle(ids))
  await all
  await Promise.all([subscriber.endAsync(), publisher.endAsync()])
  const problems = compare(seen, tag)
  if (received < expected) problems.unshift(await stateOf(ids, received))
  return { ...ids, expected, problems }
}

/** What the service says of itself when something is missing. */
async function stateOf({ inboundId, outboundId }: Ids, received: number): Promise<string> {
  const states = await Promise.all(
    [inboundId, outboundId].map(async (id) => {
      const status = await sluice.request('GET', `/api/2/connections/${id}/status`)
      const metrics = await sluice.request('GET', `/api/2/connections/${id}/metrics`)
      const { json } = await sluice.request('GET', `/api/2/connections/${id}/logs`)
      const failures = json.connectionLogs
        .filter(
          ({ level, category }: Record<string, string>) =>
            level === 'failure' || category === 'connection',
        )
        .map(
          ({ timestamp, message }: Record<string, string>) =>
            `${timestamp} ${message?.slice(0, 200)}`,
        )
      const sums = JSON.stringify(
        metrics.json.connectionMetrics,
        (_, value) => value?.PT1H ?? value,
      )
      return [status.text, sums, ...failures].join('\n')
    }),
  )
  return [`received ${received}`, ...states, sluice.output()].join('\n')
}

function eventValue(payload: Buffer): { attributes: { n: number; part: number } } {
  const event = JSON.parse(payload.toString())
  return event.value
}

async function publishAll(
  publisher: MqttClient,
  tag: string,
  inTheMiddle: () => Promise<void>,
): Promise<void> {
  let middle: Promise<void> | undefined
  const unconfirmed = new Set<Promise<unknown>>()
  for (let index = 0; index < MESSAGES; index++) {
    const device = `${tag}${index % DEVICES}`
    const payload = JSON.stringify({ device, n: Math.floor(index / DEVICES) })
    const sent = publisher.publishAsync(`devices/${device}/in`, payload, { qos: 1 })
    unconfirmed.add(sent)
    void sent.then(() => unconfirmed.delete(sent))
    if (unconfirmed.size >= 200) await Promise.race(unconfirmed)
    if (index === MESSAGES / 2) middle = inTheMiddle()
  }
  await Promise.all(unconfirmed)
  await middle
}

function expectedOf(): readonly string[] {
  return Array.from({ length: MESSAGES / DEVICES }, (_, n) => n).flatMap((n) =>
    n % 3 === 0 ? [`${n}.0`] : n % 3 === 1 ? [`${n}.0`, `${n}.1`, `${n}.2`] : [],
  )
}

/** Messages that are not dropped. */
function countMapped(): number {
  return expectedOf().filter((key) => key.endsWith('.0')).length * DEVICES
}

function countExpected(): number {
  return expectedOf().length * DEVICES
}

/** What is wrong with what was seen: lost, twice, out of order. */
function compare(seen: ReadonlyMap<string, readonly string[]>, tag: string): string[] {
  const expected = expectedOf()
  const problems: string[] = []
  for (let device = 0; device < DEVICES; device++) {
    const name = `${tag}${device}`
    const list = seen.get(name) ?? []
    const once = [...new Set(list)]
    const lost = expected.filter((key) => !once.includes(key))
    if (lost.length > 0) problems.push(`${name}: lost ${lost.length}, first ${lost[0]}`)
    if (list.length > once.length) problems.push(`${name}: ${list.length - once.length} twice`)
    const order = once.every((key, index) => lost.length > 0 || key === expected[index])
    if (!order) problems.push(`${name}: out of order`)
  }
  return problems
}

async function open(connection: object): Promise<string> {
  const { json, status, text } = await sluice.request('POST', '/api/2/connections', connection)
  assert.is(status, 201, text)
  const path = `/api/2/connections/${json.id}/command`
  const opened = await sluice.request('POST', path, 'connectivity.commands:openConnection')
  assert.is(opened.status, 200, opened.text)
  return json.id
}

async function remove({ inboundId, outboundId }: Ids): Promise<void> {
  for (const id of [inboundId, outboundId]) {
    assert.is((await sluice.request('DELETE', `/api/2/connections/${id}`)).status, 204)
  }
}

async function metricsOf(id: string, direction: string): Promise<Record<string, number>> {
  const { json } = await sluice.request('GET', `/api/2/connections/${id}/metrics`)
  const metrics: Record<string, Record<string, { PT1H: number }>> = json.connectionMetrics[
    direction
  ]
  return Object.fromEntries(
    Object.entries(metrics).map(([name, outcomes]) => [name, outcomes.success!.PT1H]),
  )
}
