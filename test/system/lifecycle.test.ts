/** Connections while brokers come and go: opening, failing, recovering, changing, spreading. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MqttClient } from 'mqtt'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import {
  CONNECTIONS,
  command,
  create,
  eventually,
  logTexts,
  look,
  open,
  untilStatus,
} from '../support/gateway.ts'
import { freePort } from '../support/ports.ts'
import { suite } from '../support/suite.ts'
import { createAuthority } from '../support/tls.ts'

const it = suite('life cycle')

const MERGE = `function mapToDittoProtocolMsg(headers, text) {
  return Ditto.buildDittoProtocolMsg('life', headers['mqtt.topic'].split('/')[1], 'things', 'twin',
    'commands', 'merge', '/', { 'content-type': 'application/merge-patch+json' },
    { attributes: { value: text } })
}`

let sluice: Sluice
it.before(async () => {
  sluice = await startSluice({
    config: { workers: { threads: 2 }, connections: { backoff_min_ms: 100, backoff_max_ms: 400 } },
  })
})
it.after(async () => {
  assert.is(await sluice.stop(), 0)
})

const consuming = (uri: string, fields: object = {}): object => ({
  connectionType: 'mqtt',
  connectionStatus: 'open',
  uri,
  sources: [{ addresses: ['in/+'], qos: 1, authorizationContext: ['t:l'], payloadMapping: ['js'] }],
  mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { incomingScript: MERGE } } },
  ...fields,
})

const publishing = (uri: string, fields: object = {}, topics?: readonly string[]): object => ({
  connectionType: 'mqtt',
  connectionStatus: 'open',
  uri,
  targets: [
    {
      address: 'out/{{ thing:name }}',
      qos: 1,
      topics: topics ?? ['_/_/things/twin/events'],
      authorizationContext: ['t:l'],
    },
  ],
  ...fields,
})

/** What arrives on a topic, as it arrives. */
async function listen(
  broker: Mosquitto,
  topic: string,
): Promise<{ client: MqttClient; got: string[] }> {
  const client = await broker.connect()
  const got: string[] = []
  client.on('message', (at, payload) => got.push(`${at} ${payload}`))
  await client.subscribeAsync(topic, { qos: 1 })
  return { client, got }
}

async function remove(...ids: readonly string[]): Promise<void> {
  for (const id of ids) await sluice.request('DELETE', `${CONNECTIONS}/${id}`)
}

it('waits for a broker that is down, finds it when it comes, and again when it comes back', async () => {
  const port = await freePort()
  const id = await create(sluice, consuming(`tcp://127.0.0.1:${port}`))
  const failed = await untilStatus(sluice, id, 'failed')
  assert.match(failed.clientStatus[0].statusDetails, new RegExp(`127.0.0.1:${port}`))
  assert.is(failed.recoveryStatus, 'ongoing')
  const broker = await startMosquitto({ port, persistence: true })
  await untilStatus(sluice, id, 'open')
  await broker.kill9()
  await untilStatus(sluice, id, 'failed')
  await broker.restart()
  await untilStatus(sluice, id, 'open')
  const texts = await logTexts(sluice, id)
  assert.ok(texts.some((text) => text.includes('Trying to reconnect')))
  await remove(id)
  await broker.stop()
}, 40_000)

it('loses nothing that was published while it was away', async () => {
  const broker = await startMosquitto({ persistence: true })
  const id = await open(sluice, consuming(broker.url()))
  const out = await open(sluice, publishing(broker.url()))
  assert.is((await command(sluice, id, 'closeConnection')).status, 200)
  const { client, got } = await listen(broker, 'out/#')
  for (let n = 0; n < 50; n++) await client.publishAsync('in/away', `v${n}`, { qos: 1 })
  assert.is((await command(sluice, id, 'openConnection')).status, 200)
  await eventually(
    () => got.length,
    (count) => count >= 50,
  )
  assert.is(new Set(got.map((text) => /v\d+/.exec(text)![0])).size, 50)
  await remove(id, out)
  await broker.stop()
}, 30_000)

it('tells a wrong password, and connects once it is right', async () => {
  const broker = await startMosquitto({ users: { one: 'right' } })
  const id = await create(sluice, publishing(broker.url('one:wrong')))
  const status = await untilStatus(sluice, id, 'misconfigured')
  assert.match(status.clientStatus[0].statusDetails, /not authori[sz]ed|password/i)
  const right = publishing(broker.url('one:right'))
  assert.is((await sluice.request('PUT', `${CONNECTIONS}/${id}`, right)).status, 204)
  assert.is((await look(sluice, id, 'status')).liveStatus, 'open')
  await remove(id)
  await broker.stop()
})

it('names the subscription that the broker refuses, and goes on with the others', async () => {
  // MQTT 5 brokers refuse in SUBACK; mosquitto does so for 3.1.1 through its access list.
  const acl = 'user one\ntopic readwrite in/#\ntopic readwrite out/#\n'
  const broker = await startMosquitto({ users: { one: 'right' }, acl })
  const forbidden = consuming(broker.url('one:right'), {
    sources: [{ addresses: ['secret/#'], qos: 1, authorizationContext: ['t:l'] }],
  })
  const id = await create(sluice, forbidden)
  const status = await eventually(
    () => look(sluice, id, 'status'),
    ({ sourceStatus }) =>
      sourceStatus?.[0]?.status === 'misconfigured' || sourceStatus?.[0]?.status === 'open',
  )
  assert.is(status.sourceStatus[0].address, 'secret/#')
  await remove(id)
  await broker.stop()
})

it('keeps its session when only its name changes, and leaves for another broker', async () => {
  const [first, second] = await Promise.all([
    startMosquitto({ verbose: true }),
    startMosquitto({ verbose: true }),
  ])
  const id = await open(sluice, publishing(first.url()))
  const sessions = () => first.log().match(/New client connected from \S+ as/g)?.length ?? 0
  const before = sessions()
  const since = (await look(sluice, id, 'status')).connectedSince
  const renamed = publishing(first.url(), { name: 'renamed', tags: ['t'] })
  assert.is((await sluice.request('PUT', `${CONNECTIONS}/${id}`, renamed)).status, 204)
  assert.is(sessions(), before)
  assert.is((await look(sluice, id, 'status')).connectedSince, since)
  const moved = publishing(second.url())
  assert.is((await sluice.request('PUT', `${CONNECTIONS}/${id}`, moved)).status, 204)
  await eventually(
    () => first.log(),
    (log) => new RegExp(`Client \\S*${id}\\S* disconnected`).test(log),
  )
  assert.match(second.log(), id)
  await remove(id)
  await Promise.all([first.stop(), second.stop()])
})

it('carries from one broker to another', async () => {
  const [first, second] = await Promise.all([startMosquitto(), startMosquitto()])
  const ids = [
    await open(sluice, consuming(first.url())),
    await open(sluice, publishing(second.url())),
  ]
  const { got } = await listen(second, 'out/#')
  const device = await first.connect()
  await device.publishAsync('in/bridge', 'across', { qos: 1 })
  await eventually(
    () => got,
    (texts) => texts.some((text) => text.includes('across')),
  )
  await remove(...ids)
  await Promise.all([first.stop(), second.stop()])
})

it('trusts the authority it is given, and no other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
  const authority = await createAuthority(folder)
  const stranger = await createAuthority(await mkdtemp(join(folder, 'x')), 'stranger')
  const server = await authority.server('localhost')
  const client = await authority.client('device-gateway')
  const broker = await startMosquitto({
    tls: {
      caFile: authority.certFile,
      certFile: server.certFile,
      keyFile: server.keyFile,
      requireClientCertificate: true,
    },
  })
  const credentials = { type: 'client-cert', cert: client.cert, key: client.key }
  const secured = (fields: object) => publishing(broker.url(), { credentials, ...fields })
  const wrong = await create(sluice, secured({ ca: stranger.cert }))
  const refused = await untilStatus(sluice, wrong, 'misconfigured')
  assert.match(refused.clientStatus[0].statusDetails, /certificate|self-signed|issuer/i)
  const right = await open(sluice, secured({ ca: authority.cert }))
  assert.is((await look(sluice, right, 'status')).liveStatus, 'open')
  const careless = await open(sluice, secured({ validateCertificates: false }))
  assert.is((await look(sluice, careless, 'status')).liveStatus, 'open')
  const { credentials: shown } = (await sluice.request('GET', `${CONNECTIONS}/${right}`)).json
  assert.is(shown.key, '*****')
  await remove(wrong, right, careless)
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
}, 30_000)

it('spreads the clients of a shared subscription, each message to one of them', async () => {
  const broker = await startMosquitto()
  const shared = consuming(broker.url(), {
    clientCount: 3,
    sources: [
      {
        addresses: ['$share/group/in/+'],
        qos: 1,
        authorizationContext: ['t:l'],
        payloadMapping: ['js'],
      },
    ],
  })
  const source = await open(sluice, shared)
  const target = await open(sluice, publishing(broker.url(), { clientCount: 3 }))
  for (const id of [source, target]) {
    const { clientStatus } = await look(sluice, id, 'status')
    assert.equal(
      clientStatus.map(({ status }: { status: string }) => status),
      ['open', 'open', 'open'],
    )
  }
  const { client, got } = await listen(broker, 'out/#')
  for (let n = 0; n < 300; n++) await client.publishAsync(`in/d${n % 30}`, `v${n}`, { qos: 1 })
  await eventually(
    () => got.length,
    (count) => count >= 300,
  )
  assert.is(got.length, 300)
  assert.is(new Set(got.map((text) => /v\d+/.exec(text)![0])).size, 300)
  await remove(source, target)
  await broker.stop()
}, 30_000)

it('leaves no client behind in the group of a shared subscription', async () => {
  const broker = await startMosquitto()
  const shared = (clientCount: number) =>
    consuming(broker.url(), {
      clientCount,
      sources: [
        {
          addresses: ['$share/group/in/+'],
          qos: 1,
          authorizationContext: ['t:l'],
          payloadMapping: ['js'],
        },
      ],
    })
  const target = await open(sluice, publishing(broker.url()))
  const { client, got } = await listen(broker, 'out/#')
  let sent = 0
  const allArrive = async (): Promise<void> => {
    for (let n = 0; n < 60; n++) await client.publishAsync(`in/d${n}`, `v${sent++}`, { qos: 1 })
    await eventually(
      () => [got.length, sent],
      ([count]) => count === sent,
    )
  }
  const first = await open(sluice, shared(3))
  await allArrive()
  const path = `${CONNECTIONS}/${first}`
  assert.is((await sluice.request('PUT', path, shared(2))).status, 204)
  await allArrive()
  await remove(first)
  const second = await open(sluice, shared(1))
  await allArrive()
  await remove(second, target)
  await broker.stop()
}, 30_000)

it('announces that it opened, and that it closes', async () => {
  const broker = await startMosquitto()
  const { got } = await listen(broker, 'news')
  const announcing = publishing(broker.url(), {
    targets: [
      {
        address: 'news',
        qos: 1,
        topics: ['_/_/connections/announcements'],
        authorizationContext: ['t:l'],
      },
    ],
  })
  const id = await open(sluice, announcing)
  await eventually(
    () => got.length,
    (count) => count === 1,
  )
  assert.is((await command(sluice, id, 'closeConnection')).status, 200)
  await eventually(
    () => got.length,
    (count) => count === 2,
  )
  const [opened, closed] = got.map((text) => JSON.parse(text.slice('news '.length)))
  assert.is(opened.topic, `_/${id}/connections/announcements/opened`)
  assert.ok(opened.value.openedAt)
  assert.is(closed.topic, `_/${id}/connections/announcements/closed`)
  assert.ok(closed.value.closedAt)
  await remove(id)
  await broker.stop()
})

it('reopens what was open when it starts again, and only that', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-again-'))
  const broker = await startMosquitto()
  const first = await startSluice({ folder })
  const opened = await open(first, publishing(broker.url()))
  const slow = await create(first, publishing(`tcp://127.0.0.1:${await freePort()}`))
  const closed = await create(first, publishing(broker.url(), { connectionStatus: 'closed' }))
  assert.is(await first.stop(), 0)
  const second = await startSluice({ folder })
  await untilStatus(second, opened, 'open')
  await untilStatus(second, slow, 'failed')
  assert.is((await look(second, closed, 'status')).liveStatus, 'closed')
  assert.is(await second.stop(), 0)
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
}, 40_000)
