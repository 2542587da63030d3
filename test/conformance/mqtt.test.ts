/** The conformance suite against MQTT 3.1.1 and mosquitto, for each quality of service that settles. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection } from '../../src/connection/types.ts'
import { createMqttTransport } from '../../src/transport/mqtt/transport.ts'
import { startMosquitto } from '../support/broker.ts'
import { testConnection, testSource, testTarget } from '../support/connection.ts'
import { freePort } from '../support/ports.ts'
import { createAuthority } from '../support/tls.ts'
import { type Refusal, type Rig, transportConformance } from './transport.ts'

const WINDOW = 250
const SEND_WINDOW = 100
const USERS = { sluice: 'right-password', device: 'device-password' }
const DEVICE = { username: 'device', password: USERS.device }
const WRONG = 'wrong-password'

for (const qos of [1, 2] as const) {
  transportConformance(`mqtt, QoS ${qos}`, () => startRig(qos))
}

async function startRig(qos: 1 | 2): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
  const authority = await createAuthority(folder)
  const secure = await startMosquitto({
    tls: { caFile: authority.certFile, ...(await authority.server('localhost')) },
  })
  const broker = await startMosquitto({
    users: USERS,
    persistence: true,
    config: [`max_inflight_messages ${WINDOW}`, 'max_queued_messages 0'],
  })
  const connection = (id: string): Connection =>
    testConnection({
      id,
      uri: broker.url(`sluice:${USERS.sluice}`),
      sources: [testSource([`in/${id}/+`], { qos })],
      targets: [testTarget(`out/${id}`, { qos })],
      specificConfig: { reconnectForRedelivery: 'true', reconnectForRedeliveryDelay: '1s' },
    })
  return {
    factory: createMqttTransport,
    connection,
    window: WINDOW,
    async send(id, payloads) {
      const device = await broker.connect(DEVICE)
      // mosquitto 2.0.11 stalls when a client has more QoS 2 messages in flight than its window.
      for (let start = 0; start < payloads.length; start += SEND_WINDOW) {
        const part = payloads.slice(start, start + SEND_WINDOW)
        await Promise.all(part.map((text) => device.publishAsync(`in/${id}/x`, text, { qos })))
      }
      await device.endAsync()
    },
    async receive(id, count, act) {
      const device = await broker.connect(DEVICE)
      const payloads: string[] = []
      const complete = Promise.withResolvers<void>()
      device.on('message', (_topic, payload) => {
        if (payloads.push(payload.toString()) === count) complete.resolve()
      })
      await device.subscribeAsync(`out/${id}`, { qos })
      await act()
      await complete.promise
      await device.endAsync()
      return payloads
    },
    kill: () => broker.kill9(),
    restart: () => broker.restart(),
    freeze: () => broker.pause(),
    thaw: () => broker.cont(),
    async refusals() {
      const { cert } = await createAuthority(folder, 'other-ca')
      const plain = { ...connection('refused'), uri: broker.url(`sluice:${WRONG}`) }
      return refusals(plain, secure.url(), cert, await freePort())
    },
    async stop() {
      await Promise.all([broker.stop(), secure.stop()])
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
  const unreachable = { ...plain, uri: `tcp://sluice:${WRONG}@127.0.0.1:${closedPort}` }
  const unknown = { ...plain, uri: 'tcp://no-such-host.invalid:1883' }
  const confused = { ...plain, uri: plain.uri.replace('tcp:', 'ssl:') }
  const cases: readonly [string, Connection, Refusal['failure'], Refusal['status']][] = [
    ['closed port', unreachable, 'unreachable', 'failed'],
    ['unknown host', unknown, 'unreachable', 'misconfigured'],
    ['wrong password', plain, 'authentication', 'misconfigured'],
    ['unknown authority', secure, 'tls', 'misconfigured'],
    ['wrong authority', { ...secure, ca: otherAuthority }, 'tls', 'misconfigured'],
    ['TLS to a plain port', confused, 'tls', 'failed'],
  ]
  return cases.map(([title, connection, failure, status]) => ({
    title,
    connection,
    failure,
    status,
    secret: WRONG,
  }))
}
