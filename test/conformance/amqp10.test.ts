/** The conformance suite against AMQP 1.0 and RabbitMQ. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import rhea from 'rhea'
import type { Connection } from '../../src/connection/types.ts'
import { createAmqp10Transport } from '../../src/transport/amqp10/transport.ts'
import { testConnection, testSource, testTarget } from '../support/connection.ts'
import { freePort } from '../support/ports.ts'
import { startProxy } from '../support/proxy.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { createAuthority } from '../support/tls.ts'
import { type Refusal, type Rig, transportConformance } from './transport.ts'

/** The credit of one link; RabbitMQ 3 may deliver more. */
const WINDOW = 1000
const WRONG = 'wrong-password'

transportConformance('amqp-10', startRig)

async function startRig(): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
  const authority = await createAuthority(folder)
  const { certFile, keyFile } = await authority.server('localhost')
  const broker = await startRabbitMq({ tls: { caFile: authority.certFile, certFile, keyFile } })
  const proxy = await startProxy(broker.port)
  const url = (userinfo: string): string => `amqp://${userinfo}@127.0.0.1:${proxy.port}`
  const connection = (id: string): Connection =>
    testConnection({
      id,
      connectionType: 'amqp-10',
      uri: url('guest:guest'),
      sources: [testSource([`in-${id}`])],
      targets: [testTarget(`out-${id}`)],
    })
  return {
    factory: createAmqp10Transport,
    connection,
    window: WINDOW,
    send: (id, payloads) => send(broker, `in-${id}`, payloads),
    receive: (id, count, act) => receive(broker, `out-${id}`, count, act),
    kill: () => broker.kill9(),
    restart: () => broker.restart(),
    freeze: () => void proxy.setMode('blackhole'),
    thaw: () => void proxy.setMode('pass'),
    async refusals() {
      const { cert } = await createAuthority(folder, 'other-ca')
      const plain = { ...connection('refused'), uri: url(`guest:${WRONG}`) }
      const secureUri = `amqps://guest:${WRONG}@127.0.0.1:${broker.tlsPort}`
      return refusals(plain, secureUri, cert, await freePort())
    },
    async stop() {
      await Promise.all([broker.stop(), proxy.stop()])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Goes in over AMQP 0.9.1, as devices of the same broker would. */
async function send(broker: RabbitMq, queue: string, payloads: readonly string[]): Promise<void> {
  const connection = await broker.connect()
  const channel = await connection.createConfirmChannel()
  for (const payload of payloads) channel.sendToQueue(queue, Buffer.from(payload))
  await channel.waitForConfirms()
  await connection.close()
}

/** RabbitMQ 3 keeps a body that is a value as it is: only AMQP 1.0 can read it. */
async function receive(
  broker: RabbitMq,
  queue: string,
  count: number,
  act: () => Promise<unknown>,
): Promise<readonly string[]> {
  const payloads: string[] = []
  const attached = Promise.withResolvers<void>()
  const complete = Promise.withResolvers<void>()
  const connection = rhea.create_container().connect({
    host: '127.0.0.1',
    port: broker.port,
    username: 'guest',
    password: 'guest',
    reconnect: false,
  })
  connection.on('disconnected', () => undefined)
  const receiver = connection.open_receiver({ source: queue, credit_window: 0, autoaccept: true })
  receiver.on('receiver_open', () => {
    receiver.add_credit(count)
    attached.resolve()
  })
  receiver.on('message', ({ message }) => {
    if (payloads.push(String(message?.body)) === count) complete.resolve()
  })
  await attached.promise
  await act()
  await complete.promise
  connection.close()
  return payloads
}

/** `plain` has a wrong password; `secureUri` is that of a broker of another authority. */
function refusals(
  plain: Connection,
  secureUri: string,
  otherAuthority: string,
  closedPort: number,
): readonly Refusal[] {
  const secure = { ...plain, uri: secureUri }
  const unreachable = { ...plain, uri: `amqp://guest:${WRONG}@127.0.0.1:${closedPort}` }
  const unknown = { ...plain, uri: 'amqp://no-such-host.invalid:5672' }
  const confused = { ...plain, uri: plain.uri.replace('amqp:', 'amqps:') }
  const refused = {
    ...plain,
    specificConfig: { 'transport.keyStorePassword': WRONG },
  }
  const cases: readonly [string, Connection, Refusal['failure'], Refusal['status']][] = [
    ['closed port', unreachable, 'unreachable', 'failed'],
    ['unknown host', unknown, 'unreachable', 'misconfigured'],
    ['wrong password', plain, 'authentication', 'misconfigured'],
    ['unknown authority', secure, 'tls', 'misconfigured'],
    ['wrong authority', { ...secure, ca: otherAuthority }, 'tls', 'misconfigured'],
    ['TLS to a plain port', confused, 'tls', 'misconfigured'],
    ['an option that cannot be had', refused, 'misconfigured', 'misconfigured'],
  ]
  return cases.map(([title, connection, failure, status]) => ({
    title,
    connection,
    failure,
    status,
    secret: WRONG,
  }))
}
