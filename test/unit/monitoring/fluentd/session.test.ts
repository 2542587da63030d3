import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { LogRecord } from '../../../../src/monitoring/fluentd/record.ts'
import {
  type Endpoint,
  type Session,
  startFluentdSession,
} from '../../../../src/monitoring/fluentd/session.ts'
import { startFluentd, startMisbehaving } from '../../../support/fluentd.ts'
import { eventually } from '../../../support/gateway.ts'
import { freePort } from '../../../support/ports.ts'
import { suite } from '../../../support/suite.ts'
import { type Authority, createAuthority } from '../../../support/tls.ts'

const it = suite('session with a Fluentd endpoint')

const LOCAL = { host: 'localhost', tls: false, tlsCa: '', acknowledged: false }

let folder: string
let authority: Authority

it.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-fluentd-'))
  authority = await createAuthority(folder)
})
it.after(() => rm(folder, { recursive: true }))

/** A session and what became of it. */
interface Watched {
  readonly session: Session
  readonly delivered: Set<number>
  readonly connected: () => boolean
  readonly ended: Promise<string>
}

function start(endpoint: Partial<Endpoint> & { readonly port: number }): Watched {
  const delivered = new Set<number>()
  const { promise: ended, resolve } = Promise.withResolvers<string>()
  let connected = false
  const session = startFluentdSession(
    { ...LOCAL, ...endpoint },
    {
      onConnected: () => {
        connected = true
      },
      onDelivered: (places) => {
        for (const place of places) delivered.add(place)
      },
      onEnd: resolve,
    },
  )
  return { session, delivered, connected: () => connected, ended }
}

function records(count: number, tags = 1, message = 'm'): readonly LogRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    tag: `connection:c${index % tags}`,
    at: 1_700_000_000_123,
    fields: { connectionId: `c${index % tags}`, message: `${message}${index}` },
  }))
}

for (const acknowledged of [false, true]) {
  const how = acknowledged ? 'and is told so' : 'to the endpoint'
  it(`delivers every record ${how}`, async () => {
    const endpoint = await startFluentd()
    const { session, delivered, connected } = start({ port: endpoint.port, acknowledged })
    for (let batch = 1; batch <= 3; batch++) {
      delivered.clear()
      session.send(records(1_000, 7))
      await eventually(
        () => delivered.size,
        (size) => size === 1_000,
      )
      await eventually(
        () => endpoint.published.length,
        (count) => count === 1_000 * batch,
      )
    }
    await eventually(connected, (isConnected) => isConnected)
    assert.equal(
      endpoint.published.find(({ tag }) => tag === 'connection:c3'),
      {
        tag: 'connection:c3',
        seconds: 1_700_000_000,
        nanoseconds: 123_000_000,
        fields: { connectionId: 'c3', message: 'm3' },
      },
    )
    await session.close()
    await endpoint.stop()
  })
}

it('speaks TLS, and only with an endpoint that it can trust', async () => {
  const certificate = await authority.server('localhost')
  const endpoint = await startFluentd({ tls: { cert: certificate.cert, key: certificate.key } })
  const trusting = start({ port: endpoint.port, tls: true, tlsCa: authority.cert })
  trusting.session.send(records(1))
  await eventually(
    () => endpoint.published.length,
    (count) => count === 1,
  )
  await eventually(trusting.connected, (connected) => connected)
  await trusting.session.close()
  const doubting = start({ port: endpoint.port, tls: true })
  doubting.session.send(records(1))
  assert.match(await doubting.ended, 'certificate')
  assert.not.ok(doubting.connected())
  await endpoint.stop()
})

it('ends with the reason when nobody listens', async () => {
  const { session, ended, connected } = start({ port: await freePort() })
  session.send(records(1))
  assert.match(await ended, 'ECONNREFUSED')
  assert.not.ok(connected())
})

for (const acknowledged of [false, true]) {
  const mode = acknowledged ? 'acknowledged' : 'unacknowledged'
  it(`connects again by itself after an idle connection was ended, ${mode}`, async () => {
    const first = await startFluentd()
    const { session, delivered } = start({ port: first.port, acknowledged })
    session.send(records(1))
    await eventually(
      () => delivered.size,
      (size) => size === 1,
    )
    await first.stop()
    const second = await startFluentd({ port: first.port })
    session.send(records(2))
    await eventually(
      () => second.published.length,
      (count) => count === 2,
    )
    await session.close()
    await second.stop()
  })
}

it('tells of nothing that an acknowledging endpoint did not acknowledge', async () => {
  const endpoint = await startMisbehaving((socket) => {
    socket.once('data', () => socket.resetAndDestroy())
  })
  const { session, ended, delivered } = start({ port: endpoint.port, acknowledged: true })
  session.send(records(3))
  assert.match(await ended, 'ECONNRESET')
  assert.is(delivered.size, 0)
  await endpoint.stop()
})

/** Answers that are none; each of them would end a process that fluent-logger runs in. */
const ANSWERS: readonly [name: string, bytes: readonly number[]][] = [
  ['nothing in MessagePack', [0xc0]],
  ['half an acknowledgement', [0x81, 0xa3]],
  ['an acknowledgement of something else', [0x81, 0xa3, 0x61, 0x63, 0x6b, 0xa1, 0x78]],
]

for (const [name, bytes] of ANSWERS) {
  it(`survives an endpoint that answers ${name}`, async () => {
    const endpoint = await startMisbehaving((socket) => {
      socket.once('data', () => socket.write(Buffer.from(bytes)))
    })
    const { session, ended, delivered } = start({ port: endpoint.port, acknowledged: true })
    session.send(records(3))
    assert.ok((await ended).length > 0)
    assert.is(delivered.size, 0)
    await endpoint.stop()
  })
}

it('can be killed while it writes to an endpoint that reads nothing and then closes', async () => {
  // fluent-logger turns in its own ticks for ever after that.
  const endpoint = await startMisbehaving((socket) => {
    socket.pause()
    setTimeout(() => socket.end(), 200)
    setTimeout(() => socket.resume(), 400)
  })
  const { session, ended, delivered } = start({ port: endpoint.port })
  session.send(records(200, 2, 'x'.repeat(100_000)))
  await new Promise((resolve) => setTimeout(resolve, 800))
  session.kill('enough')
  assert.is(await ended, 'enough')
  // Some went to the operating system before it had no more room.
  assert.ok(delivered.size < 200)
  await endpoint.stop()
})
