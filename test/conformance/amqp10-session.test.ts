/**
 * The connection below the links of AMQP 1.0: introduction, authentication, failures, ends. Against fakes,
 * for no real broker misbehaves on demand.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Connection as Peer } from 'rhea'
import * as assert from 'uvu/assert'
import type { Connection } from '../../src/connection/types.ts'
import { createAmqp10Transport } from '../../src/transport/amqp10/transport.ts'
import { ConnectError, type TransportOptions } from '../../src/transport/transport.ts'
import {
  type Amqp10Server,
  type Amqp10ServerOptions,
  startAmqp10Server,
} from '../support/amqp10-server.ts'
import { testConnection, testSource, testTarget } from '../support/connection.ts'
import { Probe } from '../support/probe.ts'
import { startProxy } from '../support/proxy.ts'
import { suite } from '../support/suite.ts'

const it = suite('transport: amqp-10, session')
const probes: Probe[] = []
const servers: { stop(): unknown }[] = []

it.afterEach(async () => {
  await Promise.all(probes.splice(0).map(({ transport }) => transport.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

it('introduces itself', async () => {
  const server = await start()
  await open(at(server.uri))
  const config = {
    'jms.clientID': 'me',
    'amqp.vhost': 'virtual',
    'amqp.idleTimeout': '30000',
    'amqp.maxFrameSize': '4096',
  }
  await open({ ...at(server.uri, config), clientCount: 2 })
  await open(at(server.uri, { 'amqp.idleTimeout': '0' }))
  assert.equal(server.connections.map(introduction), [
    ['session', '127.0.0.1', 30_000, 1_048_576],
    ['me_0', 'virtual', 15_000, 4096],
    ['session', '127.0.0.1', null, 1_048_576],
  ])
})

it('answers the heartbeats of a broker that wants them', async () => {
  const server = await start({ open: { idle_time_out: 100 } })
  const probe = await open(at(server.uri))
  await new Promise((resolve) => setTimeout(resolve, 700))
  assert.equal(probe.lost, [])
})

it('notices a broker that has fallen silent', async () => {
  const server = await start()
  const proxy = await startProxy(server.port)
  servers.push(proxy)
  const probe = await open(at(`amqp://127.0.0.1:${proxy.port}`, { 'amqp.idleTimeout': '400' }))
  const publishing = probe.publish('t', ['x'])
  await proxy.setMode('blackhole')
  await probe.until(() => probe.lost.length > 0, 'the loss of the session')
  assert.equal(losses(probe), [['lost', 'failed']])
  assert.match(probe.lost[0]?.message ?? '', 'the broker was silent for 400 ms')
  await publishing
})

it('is lost once, in the words of the broker', async () => {
  const ends: readonly [words: RegExp, end: (peer: Peer) => void][] = [
    [/\[amqp:connection:forced\] maintenance/, (peer) => peer.close(FORCED)],
    [/closed by the other side/, (peer) => peer.close()],
    [/closed by the other side/, (peer) => peer.socket.end()],
    [/closed by the other side|ECONNRESET/, (peer) => peer.socket.resetAndDestroy()],
    [/frame type/, (peer) => peer.socket.write(Buffer.from('0000000802090000', 'hex'))],
    [/a frame of 1195725856 bytes/, (peer) => peer.socket.write(Buffer.from('GET / HTTP/1.1'))],
  ]
  for (const [words, end] of ends) {
    const server = await start({ onMessage: () => undefined })
    const probe = await open(at(server.uri))
    const publishing = probe.publish('t', ['a', 'b'])
    await until(() => server.received.length === 2, 'the messages')
    end(server.connections[0]!)
    await probe.until(() => probe.lost.length > 0, 'the loss of the session')
    assert.equal(
      (await publishing).map(({ ok }) => ok),
      [false, false],
    )
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.equal(losses(probe), [['lost', 'failed']])
    assert.match(probe.lost[0]?.message ?? '', words)
  }
})

it('authenticates with what the connection has, whatever the alphabet', async () => {
  const [name, password] = ['jürgen', 'pässwörd:€']
  const server = await start({ user: [name, password] })
  const uri = (secret: string): string =>
    server.uri.replace('//', `//${encodeURIComponent(name)}:${encodeURIComponent(secret)}@`)
  await open(at(uri(password)))
  const credentials = { type: 'plain', username: name, password } as const
  await open({ ...at(server.uri), credentials })
  const refused = await failure(at(uri('wrong')))
  assert.equal([refused.failure, refused.status], ['authentication', 'misconfigured'])
  const anonymous = await failure(at(server.uri))
  assert.equal([anonymous.failure, anonymous.status], ['authentication', 'misconfigured'])
  assert.match(anonymous.message, 'server supports PLAIN')
  const limited = await failure(at(uri(password), { 'amqp.saslMechanisms': 'EXTERNAL' }))
  assert.equal([limited.failure, limited.status], ['misconfigured', 'misconfigured'])
})

it('does without SASL when it is told to', async () => {
  const server = await start()
  await open(at(server.uri, { 'amqp.saslLayer': 'false' }))
})

it('a broker that closes the connection at once says why', async () => {
  const cases: readonly [condition: string, expected: readonly string[]][] = [
    ['amqp:unauthorized-access', ['authorization', 'misconfigured']],
    ['amqp:not-found', ['misconfigured', 'misconfigured']],
    ['amqp:resource-limit-exceeded', ['protocol', 'failed']],
  ]
  for (const [condition, expected] of cases) {
    const server = await start()
    server.container.on('connection_open', ({ connection }) => {
      connection.close({ condition, description: 'no such vhost' })
    })
    const error = await failure(at(server.uri))
    assert.equal([error.failure, error.status], expected)
    assert.match(error.message, `[${condition}] no such vhost`)
  }
})

it('classifies peers that speak something else, or nothing', async () => {
  const cases: readonly [onSocket: (socket: Socket) => void, expected: readonly string[]][] = [
    [(socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), ['protocol', 'failed']],
    [(socket) => socket.end(Buffer.from('AMQP\x00\x00\x09\x01')), ['protocol', 'failed']],
    [(socket) => socket.end(), ['protocol', 'failed']],
    [(socket) => socket.resetAndDestroy(), ['protocol', 'failed']],
    [() => undefined, ['timeout', 'failed']],
  ]
  for (const [onSocket, expected] of cases) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => onSocket(socket))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const error = await failure(at(`amqp://127.0.0.1:${port}`), { connectTimeoutMs: 300 })
    assert.equal([error.failure, error.status], expected, error.message)
    server.close()
  }
})

it('a connection cut anywhere in its opening could not be opened', async () => {
  const server = await start()
  const proxy = await startProxy(server.port)
  servers.push(proxy)
  for (const cutAfter of [1, 7, 8, 20, 60, 100, 150]) {
    await proxy.setMode({ cutAfter })
    const error = await failure(at(`amqp://127.0.0.1:${proxy.port}`))
    assert.equal([error.failure, error.status], ['protocol', 'failed'], `after ${cutAfter} bytes`)
  }
  await until(() => proxy.connections === 0, 'the end of all sockets')
})

it('may be told to open in less time', async () => {
  const proxy = await startProxy(1)
  servers.push(proxy)
  await proxy.setMode('silent')
  for (const name of ['jms.connectTimeout', 'transport.connectTimeout']) {
    const error = await failure(at(`amqp://127.0.0.1:${proxy.port}`, { [name]: '150' }))
    assert.equal([error.failure, error.status], ['timeout', 'failed'])
    assert.match(error.message, '150 ms')
  }
  await until(() => proxy.connections === 0, 'the end of all sockets')
})

it('leaves within a second, whatever the broker does', async () => {
  const server = await start()
  const proxy = await startProxy(server.port)
  servers.push(proxy)
  const probe = await open(at(`amqp://127.0.0.1:${proxy.port}`))
  await proxy.setMode('blackhole')
  const started = Date.now()
  await Promise.all([probe.transport.close(), probe.transport.close()])
  assert.ok(Date.now() - started < 1500)
  assert.equal(probe.lost, [])
})

it('names the options that have no effect, and refuses those that would be missed', async () => {
  const server = await start()
  const config = { 'failover.maxReconnectAttempts': '3', 'jms.useDaemonThread': 'true' }
  const probe = await open(at(server.uri, config))
  const lines = probe.logs.filter((line) => line.includes('have no effect'))
  assert.equal(lines, [
    "success: These options of 'specificConfig' have no effect: failover.maxReconnectAttempts, " +
      'jms.useDaemonThread.',
  ])
  const error = await failure(at(server.uri, { 'transport.keyStoreLocation': '/secret' }))
  assert.equal([error.failure, error.status], ['misconfigured', 'misconfigured'])
  assert.match(error.message, "Option 'transport.keyStoreLocation' is not supported.")
  assert.not.match(error.message, '/secret')
})

const FORCED = { condition: 'amqp:connection:forced', description: 'maintenance' }

function introduction(peer: Peer): readonly unknown[] {
  const { container_id: id, hostname, idle_time_out: idle, max_frame_size: size } = peer
  return [id, hostname, idle, size]
}

function losses(probe: Probe): readonly (readonly string[])[] {
  return probe.lost.map(({ failure, status }) => [failure, status])
}

function at(uri: string, specificConfig: Record<string, string> = {}): Connection {
  return testConnection({
    id: 'session',
    connectionType: 'amqp-10',
    uri,
    sources: [testSource(['s'])],
    targets: [testTarget('t')],
    specificConfig,
  })
}

async function start(options: Amqp10ServerOptions = {}): Promise<Amqp10Server> {
  const server = await startAmqp10Server(options)
  servers.push(server)
  return server
}

async function open(connection: Connection): Promise<Probe> {
  const probe = await Probe.open(createAmqp10Transport, connection)
  probes.push(probe)
  return probe
}

async function failure(
  connection: Connection,
  options: Partial<TransportOptions> = {},
): Promise<ConnectError> {
  const thrown: unknown = await Probe.open(createAmqp10Transport, connection, options).then(
    (probe) => probe.transport.close(),
    (error: unknown) => error,
  )
  if (thrown instanceof ConnectError) return thrown
  throw new Error(`no ConnectError: ${thrown}`)
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 5000; !condition(); ) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
