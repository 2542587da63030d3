/** What only MQTT has: last will, shared subscriptions, keep-alive, return codes, certificates. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Aedes } from 'aedes'
import * as assert from 'uvu/assert'
import type { Connection } from '../../src/connection/types.ts'
import { createMqttTransport } from '../../src/transport/mqtt/transport.ts'
import { ConnectError, type TransportOptions } from '../../src/transport/transport.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { testConnection, testSource, testTarget } from '../support/connection.ts'
import { eventually } from '../support/gateway.ts'
import { Probe } from '../support/probe.ts'
import { startProxy } from '../support/proxy.ts'
import { suite } from '../support/suite.ts'
import { createAuthority } from '../support/tls.ts'

const it = suite('transport: mqtt specifics')
const probes: Probe[] = []
let broker: Mosquitto

it.before(async () => {
  broker = await startMosquitto({
    verbose: true,
    config: ['max_inflight_messages 0', 'max_queued_messages 0'],
  })
})
it.afterEach(async () => {
  await Promise.all(probes.splice(0).map(({ transport }) => transport.close()))
})
it.after(() => broker.stop())

it('stays connected while paused longer than the keep-alive, and loses nothing', async () => {
  const probe = await open(consuming('paused', 1, { keepAlive: '1s' }))
  probe.settlement = 'accept'
  probe.transport.pause()
  // More than is held back: the socket is not read any more, PINGRESP included.
  await send('in/paused', 3000, 1)
  await new Promise((resolve) => setTimeout(resolve, 5000))
  assert.equal(probe.lost, [])
  assert.is(probe.deliveries.length, 0)
  probe.transport.resume()
  await probe.delivered(3000)
  assert.equal(probe.payloads, numbered(3000))
  await new Promise((resolve) => setTimeout(resolve, 2000))
  assert.equal(probe.lost, [])
})

it('is open before its SUBACK is read when that waits behind what the broker had kept', async () => {
  const connection = consuming('resumed', 1)
  await (await open(connection)).transport.close()
  // This broker has no window: all of it comes before the SUBACK.
  await send('in/resumed', 3000, 1)
  const probe = new Probe(createMqttTransport, connection, { connectTimeoutMs: 1000 })
  probes.push(probe)
  probe.transport.pause()
  await probe.transport.open(new AbortController().signal)
  // Longer than opening may take.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  assert.is(probe.deliveries.length, 0)
  probe.transport.resume()
  await probe.delivered(3000)
  assert.equal(probe.payloads, numbered(3000))
})

it('notices a dead link by its keep-alive', async () => {
  const proxy = await startProxy(broker.port)
  const connection = consuming('dead-link', 1, { keepAlive: '1s' })
  const probe = await open({ ...connection, uri: `tcp://127.0.0.1:${proxy.port}` })
  await proxy.setMode('blackhole-to-client')
  await probe.until(() => probe.lost.length > 0, 'the loss of the session')
  assert.is(probe.lost[0]?.failure, 'lost')
  assert.match(probe.lost[0]?.message ?? '', 'Keepalive timeout')
  await proxy.stop()
})

it('a peer that accepts and stays silent ends in a timeout, its socket closed', async () => {
  const proxy = await startProxy(broker.port)
  await proxy.setMode('silent')
  const uri = `tcp://127.0.0.1:${proxy.port}`
  const connection = { ...consuming('silent', 1), uri }
  const error = await failure(connection, { connectTimeoutMs: 200 })
  assert.equal([error.failure, error.status], ['timeout', 'failed'])
  assert.match(error.message, '200 ms')
  const tls = await failure(
    { ...connection, uri: uri.replace('tcp', 'ssl') },
    { connectTimeoutMs: 200 },
  )
  assert.equal([tls.failure, tls.status], ['timeout', 'failed'])
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(proxy.connections, 0)
  await proxy.stop()
})

it('a connection cut or reset is lost once', async () => {
  const proxy = await startProxy(broker.port)
  for (const how of ['fin', 'rst'] as const) {
    const uri = `tcp://127.0.0.1:${proxy.port}`
    const probe = await open({ ...consuming(how, 1), uri })
    proxy.cut(how)
    await probe.until(() => probe.lost.length > 0, 'the loss of the session')
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(
      probe.lost.map(({ failure, status }) => [failure, status]),
      [['lost', 'failed']],
    )
  }
  await proxy.stop()
})

const CONNACK_BYTES = 4

it('a connection cut in the middle of CONNACK or SUBACK could not be opened', async () => {
  const proxy = await startProxy(broker.port)
  for (const cutAfter of [1, 3, 4, 6, 8]) {
    await proxy.setMode({ cutAfter })
    const uri = `tcp://127.0.0.1:${proxy.port}`
    const error = await failure({ ...consuming('cut', 1), uri })
    const expected = cutAfter < CONNACK_BYTES ? 'protocol' : 'lost'
    assert.equal([error.failure, error.status], [expected, 'failed'], `after ${cutAfter} bytes`)
  }
  await proxy.stop()
})

it('classifies the return codes of CONNACK', async () => {
  const cases: readonly [code: number, failure: string, status: string, words: RegExp][] = [
    [1, 'protocol', 'misconfigured', /Unacceptable protocol version \(1\)/],
    [2, 'misconfigured', 'misconfigured', /Identifier rejected \(2\).*clientId/],
    [3, 'unreachable', 'failed', /Server unavailable \(3\)/],
    [4, 'authentication', 'misconfigured', /Bad username or password \(4\)/],
    [5, 'authentication', 'misconfigured', /Not authorized \(5\)/],
  ]
  for (const [code, expected, status, words] of cases) {
    const server = await startRawServer((socket) => {
      socket.once('data', () => socket.end(Buffer.of(0x20, 2, 0, code)))
    })
    const error = await failure({ ...consuming('code', 1), uri: server.uri })
    assert.equal([error.failure, error.status], [expected, status])
    assert.match(error.message, words)
    server.stop()
  }
})

it('a peer that speaks something else is a protocol failure', async () => {
  const server = await startRawServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const error = await failure({ ...consuming('http', 1), uri: server.uri })
  assert.equal([error.failure, error.status], ['protocol', 'failed'])
  server.stop()
})

it('a refused subscription is misconfigured; when all are refused, so is the connection', async () => {
  const { uri, stop } = await startPickyBroker((topic) => topic.startsWith('allowed'))
  const sources = [testSource(['allowed/1', 'forbidden/1'], { qos: 1 })]
  const probe = await open(testConnection({ id: 'picky', uri, sources }))
  const statuses = new Map(probe.statuses.map(({ address, status }) => [address, status]))
  assert.equal(Object.fromEntries(statuses), {
    'allowed/1': 'open',
    'forbidden/1': 'misconfigured',
  })
  assert.ok(probe.logs.some((line) => line.startsWith('failure') && line.includes('forbidden/1')))

  const forbidden = [testSource(['forbidden/1', 'forbidden/2'])]
  const error = await failure(testConnection({ id: 'forbidden', uri, sources: forbidden }))
  assert.equal([error.failure, error.status], ['authorization', 'misconfigured'])
  assert.match(error.message, /0x80.*forbidden\/1, forbidden\/2/)
  await probes.splice(0)[0]?.transport.close()
  await stop()
})

it('consumes QoS 0, and reports the source address of a shared subscription', async () => {
  const address = '$share/group/in/shared/+'
  const sources = [testSource(['other/#'], { qos: 1 }), testSource([address], { qos: 0 })]
  const probe = await open(testConnection({ id: 'shared', uri: broker.url(), sources }))
  await send('in/shared/1', 3, 0)
  await probe.delivered(3)
  const { source, sourceAddress, address: topic, message } = probe.deliveries[0]!
  assert.equal([source, sourceAddress, topic], [1, address, 'in/shared/1'])
  assert.is(message.headers['mqtt.qos'], '0')
})

it('says so when the session has a subscription that no source wants any more', async () => {
  const before = await open(consuming('changed', 1))
  await before.transport.close()
  const probe = await open({ ...consuming('changed', 1), sources: [testSource(['in/new'])] })
  await send('in/changed', 2, 1)
  await probe.until(() => probe.logs.length > 1, 'a log line')
  assert.is(probe.logs.filter((line) => line.includes("topic 'in/changed'")).length, 1)
  assert.is(probe.deliveries.length, 0)
})

it('ends the session of a client that nobody comes back for', async () => {
  const connection = consuming('ended', 1)
  const before = await open(connection)
  await before.transport.stopConsuming(undefined)
  await before.transport.close()
  await send('in/ended', 2, 1)
  const probe = await open(connection)
  await probe.quiet()
  assert.equal(probe.payloads, [])
})

it('gives up at the broker what its successor does not consume', async () => {
  const connection = {
    ...consuming('fewer', 1),
    sources: [testSource(['in/kept', 'in/dropped'], { qos: 1 })],
  }
  const successor = { ...connection, sources: [testSource(['in/kept'], { qos: 1 })] }
  const before = await open(connection)
  await before.transport.stopConsuming(successor)
  await before.transport.close()
  await send('in/dropped', 1, 1)
  await send('in/kept', 2, 1)
  const probe = await open(successor)
  await probe.delivered(2)
  await probe.quiet()
  assert.is(probe.deliveries.length, 2)
  assert.not(probe.logs.some((line) => line.includes("topic 'in/dropped'")))
})

it('publishes with a client of its own when asked to', async () => {
  const config = { separatePublisherClient: 'true', clientId: 'two' }
  const connection = {
    ...consuming('two', 1, config),
    targets: [testTarget('out/two', { qos: 1 })],
  }
  const probe = await open(connection)
  const [outcome] = await probe.publish('out/two', ['x'])
  assert.is(outcome?.ok, true)
  await eventually(
    () => broker.log(),
    (log) => log.includes('Received SUBSCRIBE from two\n') && log.includes('PUBLISH from twop '),
  )
})

it('leaves with DISCONNECT: the last will is for a death only', async () => {
  const proxy = await startProxy(broker.port)
  const will = { lastWillTopic: 'will/w', lastWillMessage: 'dead', lastWillQos: '1' }
  const connection = { ...consuming('will', 1, will), uri: `tcp://127.0.0.1:${proxy.port}` }
  const watcher = await broker.connect()
  const wills: string[] = []
  await watcher.subscribeAsync('will/#', { qos: 1 })
  const heard = new Promise<void>((resolve) => {
    watcher.on('message', (_topic, payload) => {
      wills.push(payload.toString())
      resolve()
    })
  })
  const graceful = await open(connection)
  await graceful.transport.close()
  // The broker writes its log when it gets to it.
  await eventually(
    () => broker.log(),
    (log) => log.includes('Received DISCONNECT from will\n'),
  )
  assert.equal(wills, [])
  const killed = await open(connection)
  proxy.cut('rst')
  await heard
  assert.equal(wills, ['dead'])
  assert.is(killed.lost.length, 1)
  await proxy.stop()
})

it('another client with the same id takes the session over', async () => {
  const connection = consuming('twin', 1)
  const first = await open(connection)
  const second = await open(connection)
  await first.until(() => first.lost.length > 0, 'the loss of the first session')
  assert.equal(second.lost, [])
  assert.match(first.lost[0]!.ifRepeated!, connection.specificConfig.clientId ?? connection.id)
})

it('checks the certificates that the connection asks to check', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
  const authority = await createAuthority(folder)
  const { cert, key } = await authority.client('device-1')
  const credentials = { type: 'client-cert', cert, key } as const
  const ca = authority.cert
  const caFile = authority.certFile
  const good = await startMosquitto({
    tls: { caFile, ...(await authority.server('localhost')), requireClientCertificate: true },
  })
  const misnamed = await startMosquitto({
    tls: { caFile, ...(await authority.server('elsewhere', ['DNS:elsewhere.example'])) },
  })
  const at = ({ url }: Mosquitto, fields: Partial<Connection>): Connection => ({
    ...consuming('tls', 1),
    uri: url(),
    ...fields,
  })
  for (const connection of [
    at(good, { ca, credentials }),
    at(good, { validateCertificates: false, credentials }),
    at(misnamed, { validateCertificates: false }),
  ]) {
    await (await open(connection)).transport.close()
  }
  const refused: readonly [connection: Connection, words: RegExp][] = [
    [at(good, { ca }), /certificate required|handshake failure|closed/],
    [at(good, { credentials }), /self-signed certificate/],
    [at(misnamed, { ca }), /does not match certificate's altnames/],
    [at(good, { ca: 'no certificate', credentials }), /TLS handshake/],
  ]
  for (const [connection, words] of refused) {
    const error = await failure(connection)
    assert.equal([error.failure, error.status], ['tls', 'misconfigured'], error.message)
    assert.match(error.message, words)
  }
  await Promise.all([good.stop(), misnamed.stop(), rm(folder, { recursive: true, force: true })])
})

function consuming(
  id: string,
  qos: 0 | 1 | 2,
  specificConfig: Record<string, string> = {},
): Connection {
  const sources = [testSource([`in/${id}`], { qos })]
  return testConnection({ id, uri: broker.url(), sources, specificConfig })
}

async function open(connection: Connection): Promise<Probe> {
  const probe = await Probe.open(createMqttTransport, connection)
  probes.push(probe)
  return probe
}

async function failure(
  connection: Connection,
  options: Partial<TransportOptions> = {},
): Promise<ConnectError> {
  const thrown: unknown = await Probe.open(createMqttTransport, connection, options).then(
    (probe) => probe.transport.close(),
    (error: unknown) => error,
  )
  if (thrown instanceof ConnectError) return thrown
  throw new Error(`no ConnectError: ${thrown}`)
}

async function send(topic: string, count: number, qos: 0 | 1 | 2): Promise<void> {
  const device = await broker.connect()
  await Promise.all(numbered(count).map((payload) => device.publishAsync(topic, payload, { qos })))
  await device.endAsync()
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${index}`)
}

/** A server that does with each connection what the test wants. */
async function startRawServer(
  onConnection: (socket: Socket) => void,
): Promise<{ uri: string; stop(): void }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { uri: `tcp://127.0.0.1:${port}`, stop: () => server.close() }
}

/** A broker that refuses subscriptions with SUBACK 0x80, which mosquitto's ACL files cannot. */
async function startPickyBroker(
  allows: (topic: string) => boolean,
): Promise<{ uri: string; stop(): Promise<void> }> {
  const aedes = await Aedes.createBroker({
    authorizeSubscribe: (_client, subscription, done) =>
      done(null, allows(subscription.topic) ? subscription : null),
  })
  const server = createServer(aedes.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    uri: `tcp://127.0.0.1:${port}`,
    stop: async () => {
      server.close()
      await new Promise<void>((resolve) => aedes.close(() => resolve()))
    },
  }
}
