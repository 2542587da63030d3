/** The conformance suite against AMQP 0.9.1 and RabbitMQ. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection } from '../../src/connection/types.ts'
import { createAmqp091Transport } from '../../src/transport/amqp091/transport.ts'
import { testConnection, testSource, testTarget } from '../support/connection.ts'
import { freePort } from '../support/ports.ts'
import { startRabbitMq } from '../support/rabbitmq.ts'
import { createAuthority } from '../support/tls.ts'
import { type Refusal, type Rig, transportConformance } from './transport.ts'

/** What {@link Probe} holds unsettled unless told otherwise. */
const WINDOW = 1000
const EXCHANGE = 'amq.direct'
const WRONG = 'wrong-password'

transportConformance('amqp-091', startRig)

async function startRig(): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
  const authority = await createAuthority(folder)
  const broker = await startRabbitMq({
    tls: { caFile: authority.certFile, ...(await authority.server('localhost')) },
  })
  const connectionTo = (id: string, uri: string): Connection =>
    testConnection({
      id,
      connectionType: 'amqp-091',
      uri,
      sources: [testSource([`in.${id}`])],
      targets: [testTarget(`${EXCHANGE}/out.${id}`)],
    })
  return {
    factory: createAmqp091Transport,
    window: WINDOW,
    async connection(id) {
      const device = await broker.connect()
      await (await device.createChannel()).assertQueue(`in.${id}`)
      await device.close()
      return connectionTo(id, broker.url())
    },
    async send(id, payloads) {
      const device = await broker.connect()
      const channel = await device.createConfirmChannel()
      for (const text of payloads) {
        channel.sendToQueue(`in.${id}`, Buffer.from(text), { persistent: true })
      }
      await channel.waitForConfirms()
      await device.close()
    },
    async receive(id, count, act) {
      const device = await broker.connect()
      const channel = await device.createChannel()
      const payloads: string[] = []
      const complete = Promise.withResolvers<void>()
      const { queue } = await channel.assertQueue('', { exclusive: true })
      await channel.bindQueue(queue, EXCHANGE, `out.${id}`)
      await channel.consume(
        queue,
        (message) => {
          if (payloads.push(message!.content.toString()) === count) complete.resolve()
        },
        { noAck: true },
      )
      await act()
      await complete.promise
      await device.close()
      return payloads
    },
    kill: () => broker.kill9(),
    restart: () => broker.restart(),
    freeze: () => broker.pause(),
    thaw: () => broker.cont(),
    async refusals() {
      const { cert } = await createAuthority(folder, 'other-ca')
      const plain = connectionTo('refused', broker.url(`guest:${WRONG}`))
      const secureUri = `amqps://guest:${WRONG}@localhost:${broker.tlsPort}`
      return refusals(plain, secureUri, cert, await freePort())
    },
    async stop() {
      await broker.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
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
  const unknown = { ...plain, uri: `amqp://guest:${WRONG}@no-such-host.invalid:5672` }
  const confused = { ...plain, uri: plain.uri.replace('amqp:', 'amqps:') }
  const guest = plain.uri.replace(WRONG, 'guest')
  const cases: readonly [string, Connection, Refusal['failure'], Refusal['status']][] = [
    ['closed port', unreachable, 'unreachable', 'failed'],
    ['unknown host', unknown, 'unreachable', 'misconfigured'],
    ['wrong password', plain, 'authentication', 'misconfigured'],
    ['unknown authority', secure, 'tls', 'misconfigured'],
    ['wrong authority', { ...secure, ca: otherAuthority }, 'tls', 'misconfigured'],
    ['TLS to a plain port', confused, 'tls', 'misconfigured'],
    [
      'unknown virtual host',
      { ...plain, uri: `${guest}/nowhere` },
      'misconfigured',
      'misconfigured',
    ],
    ['no queue', { ...plain, uri: guest }, 'misconfigured', 'misconfigured'],
  ]
  return cases.map(([title, connection, failure, status]) => ({
    title,
    connection,
    failure,
    status,
    secret: WRONG,
  }))
}
