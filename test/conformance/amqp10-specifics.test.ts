/** What AMQP 1.0 has beyond the conformance suite, as far as RabbitMQ 3 goes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Channel } from 'amqplib'
import * as assert from 'uvu/assert'
import type { Connection } from '../../src/connection/types.ts'
import { createAmqp10Transport } from '../../src/transport/amqp10/transport.ts'
import { ConnectError } from '../../src/transport/transport.ts'
import { testConnection, testSource, testTarget } from '../support/connection.ts'
import { Probe } from '../support/probe.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { suite } from '../support/suite.ts'
import { type Authority, createAuthority } from '../support/tls.ts'

const it = suite('transport: amqp-10 specifics')
const probes: Probe[] = []
let folder: string
let authority: Authority
let broker: RabbitMq
let channel: Channel

it.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
  authority = await createAuthority(folder)
  const { certFile, keyFile } = await authority.server('localhost')
  broker = await startRabbitMq({ tls: { caFile: authority.certFile, certFile, keyFile } })
  channel = await (await broker.connect()).createChannel()
})
it.afterEach(async () => {
  await Promise.all(probes.splice(0).map(({ transport }) => transport.close()))
})
it.after(async () => {
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
})

it('carries headers and bodies of every kind', async () => {
  await channel.assertQueue('echo')
  const probe = await open(at('echo'))
  const headers = {
    'message-id': 'm-1',
    'user-id': 'guest',
    subject: 'warm',
    'correlation-id': 'c-1',
    'content-type': 'application/json',
    'absolute-expiry-time': '4102444800000',
    'creation-time': '1700000000000',
    'group-id': 'g',
    'group-sequence': '7',
    own: 'größe',
    'amqp.application.property:subject': 'another',
  }
  const payloads = ['text', Buffer.of(0, 1, 255), undefined]
  const outcomes = await probe.transport.publish(
    payloads.map((payload) => ({
      address: '/amq/queue/echo',
      qos: undefined,
      message: { headers, payload },
    })),
  )
  assert.equal(
    outcomes.map(({ ok }) => ok),
    [true, true, true],
  )
  await probe.delivered(3)
  const messages = probe.deliveries.map(({ message }) => message)
  assert.equal(
    messages.map(({ payload }) => (payload instanceof Uint8Array ? [...payload] : payload)),
    ['text', [0, 1, 255], undefined],
  )
  for (const { headers: received } of messages) assert.equal({ ...received, ...headers }, received)
})

it('retries by releasing, for RabbitMQ 3 knows no outcome modified', async () => {
  await channel.assertQueue('retried')
  const probe = await open(at('retried'))
  channel.sendToQueue('retried', Buffer.from('a'))
  await probe.delivered(1)
  assert.match(probe.deliveries[0]?.settle('retry') ?? '', '<released>')
  await probe.delivered(2)
  probe.deliveries[1]?.settle('accept')
  assert.is(
    probe.statuses.filter(({ status }) => status !== 'open' && status !== 'unknown').length,
    0,
  )
})

it('consumes with several links, and from several queues', async () => {
  for (const queue of ['one', 'two']) await channel.assertQueue(queue)
  const sources = [testSource(['/amq/queue/one', '/amq/queue/two'], { consumerCount: 2 })]
  const probe = await open({ ...at('one'), sources })
  probe.settlement = 'accept'
  assert.is((await channel.checkQueue('one')).consumerCount, 2)
  for (const queue of ['one', 'two']) channel.sendToQueue(queue, Buffer.from(queue))
  await probe.delivered(2)
  assert.equal(
    probe.deliveries
      .map(({ sourceAddress, message }) => `${sourceAddress} ${message.payload}`)
      .sort(),
    ['/amq/queue/one one', '/amq/queue/two two'],
  )
})

it('a queue that is missing is misconfigured, and found when it is there', async () => {
  await channel.assertQueue('present')
  const sources = [testSource(['/amq/queue/present', '/amq/queue/absent'])]
  const targets = [testTarget('/exchange/absent')]
  const probe = await open({ ...at('present'), sources, targets })
  const absent = probe.statuses.filter(({ address }) => address.endsWith('absent'))
  assert.equal(
    absent.filter(({ status }) => status === 'misconfigured').map(({ kind }) => kind),
    ['target', 'source'].sort((one) => (absent.at(-1)?.kind === one ? 1 : -1)),
  )
  assert.ok(probe.logs.some((line) => line.includes("no queue 'absent'")))
  assert.ok(probe.logs.some((line) => line.includes("no exchange 'absent'")))
  const [outcome] = await probe.publish('/exchange/absent', ['x'])
  assert.match(outcome?.ok === false ? outcome.error.message : '', "no exchange 'absent'")
  await channel.assertQueue('absent')
  await channel.assertExchange('absent', 'fanout')
  await probe.until(
    () => probe.logs.filter((line) => line.includes('started again')).length === 2,
    'the return of both',
  )
  channel.sendToQueue('absent', Buffer.from('x'))
  await probe.delivered(1)
  assert.equal(
    (await probe.publish('/exchange/absent', ['x'])).map(({ ok }) => ok),
    [true],
  )
  assert.equal(probe.lost, [])
})

it('without any queue it cannot be opened', async () => {
  const error = await failure(at('nowhere'))
  assert.equal([error.failure, error.status], ['misconfigured', 'misconfigured'])
  assert.match(error.message, "'/amq/queue/nowhere': [amqp:not-found]")
})

it('addresses that come up are attached to, one link each', async () => {
  for (const queue of ['reply-1', 'reply-2']) await channel.assertQueue(queue)
  const probe = await open({
    ...at('reply-1'),
    sources: [],
    targets: [testTarget('{{ topic:full }}')],
  })
  assert.equal(
    (await probe.publish('/amq/queue/reply-1', ['a']))
      .concat(
        await probe.publish('/amq/queue/reply-2', ['b']),
        await probe.publish('/exchange/no-such-exchange', ['c']),
      )
      .map(({ ok }) => ok),
    [true, true, false],
  )
  assert.is((await channel.checkQueue('reply-1')).messageCount, 1)
  assert.is((await channel.checkQueue('reply-2')).messageCount, 1)
})

it('proves who it is with a certificate, and prefers that to a password', async () => {
  await channel.assertQueue('secure')
  await broker.ctl('add_user', 'device-1', 'unknown')
  await broker.ctl('set_permissions', 'device-1', '.*', '.*', '.*')
  const { cert, key } = await authority.client('device-1')
  const credentials = { type: 'client-cert', cert, key } as const
  const base = { ...at('secure'), ca: authority.cert, credentials }
  const host = `127.0.0.1:${broker.tlsPort}`
  for (const uri of [`amqps://${host}`, `amqps://guest:wrong@${host}`]) {
    await open({ ...base, uri })
  }
  const specificConfig = { 'amqp.saslMechanisms': 'PLAIN' }
  await open({ ...base, uri: `amqps://guest:guest@${host}`, specificConfig })
  const refused = await failure({ ...base, uri: `amqps://guest:wrong@${host}`, specificConfig })
  assert.equal([refused.failure, refused.status], ['authentication', 'misconfigured'])
  assert.not.match(refused.message, 'wrong@')
})

it('a virtual host that is missing or forbidden is told', async () => {
  await broker.ctl('add_vhost', 'other')
  const forbidden = await failure({ ...at('x'), specificConfig: { 'amqp.vhost': 'vhost:other' } })
  assert.is(forbidden.status, 'misconfigured')
  await broker.ctl('set_permissions', '-p', 'other', 'guest', '.*', '.*', '.*')
  const sources = [testSource(['fresh'])]
  await open({ ...at('x'), sources, targets: [], specificConfig: { 'amqp.vhost': 'vhost:other' } })
  assert.match(await broker.ctl('list_queues', '-p', 'other', 'name'), 'fresh')
})

function at(queue: string): Connection {
  return testConnection({
    id: `specific-${queue}`,
    connectionType: 'amqp-10',
    uri: broker.url(),
    sources: [testSource([`/amq/queue/${queue}`])],
    targets: [testTarget(`/amq/queue/${queue}`)],
  })
}

async function open(connection: Connection): Promise<Probe> {
  const probe = await Probe.open(createAmqp10Transport, connection)
  probes.push(probe)
  return probe
}

async function failure(connection: Connection): Promise<ConnectError> {
  const thrown: unknown = await Probe.open(createAmqp10Transport, connection).then(
    (probe) => probe.transport.close(),
    (error: unknown) => error,
  )
  if (thrown instanceof ConnectError) return thrown
  throw new Error(`no ConnectError: ${thrown}`)
}
