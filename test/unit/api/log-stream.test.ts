import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type ApiServer, serveApi } from '../../../src/api/server.ts'
import type { LogEntry } from '../../../src/monitoring/log-entry.ts'
import type { LogBatch, LogTail } from '../../../src/supervisor/service.ts'
import { suite } from '../../support/suite.ts'
import { CREDENTIALS, createHarness, type Harness, ORIGIN } from './fake-service.ts'

const it = suite('log stream')

const PATH = '/api/2/connections/c1/logs'
const TIMES = { heartbeatMs: 20, writeLimitMs: 100 }
const NOTHING: LogBatch = { entries: [], missed: 0, enabled: true }

function entry(message: string): LogEntry {
  const kind = { category: 'connection', type: 'other', level: 'success' } as const
  return { correlationId: 'x', at: 0, message, ...kind }
}

/** Gives these batches, then what `then` says. */
class FakeTail implements LogTail {
  asked = 0
  closed = false
  readonly #batches: LogBatch[]
  readonly #then: () => Promise<LogBatch | undefined>

  constructor(batches: LogBatch[], then: () => Promise<LogBatch | undefined>) {
    this.#batches = batches
    this.#then = then
  }

  async next(): Promise<LogBatch | undefined> {
    this.asked += 1
    return this.#batches.shift() ?? this.#then()
  }

  close(): void {
    this.closed = true
  }
}

function harnessWith(tail: LogTail | undefined): Harness {
  const harness = createHarness({ logStreamTimes: TIMES })
  harness.service.put('c1')
  harness.service.tail = tail
  return harness
}

const events = { headers: { accept: 'text/event-stream' } }

it('tells what is kept and what comes, until the tail is over', async () => {
  const tail = new FakeTail(
    [
      { ...NOTHING, entries: [{ entry: entry('one\ntwo'), cursor: 'l.1-1' }] },
      NOTHING,
      { ...NOTHING, missed: 3, entries: [{ entry: entry('three'), cursor: 'l.1-5' }] },
    ],
    async () => undefined,
  )
  const { call, service } = harnessWith(tail)
  const headers = { accept: 'application/json;q=0.5, text/event-stream', 'last-event-id': 'l.1-0' }
  const { status, headers: answered, text } = await call('GET', PATH, { headers })
  assert.is(status, 200)
  assert.is(answered.get('content-type'), 'text/event-stream')
  assert.is(answered.get('cache-control'), 'no-cache')
  assert.equal(service.calls, ['tailLogs c1 l.1-0'])
  const json = (message: string) =>
    JSON.stringify({
      correlationId: 'x',
      timestamp: '1970-01-01T00:00:00.000Z',
      category: 'connection',
      type: 'other',
      level: 'success',
      message,
    })
  assert.equal(text.split('\n\n'), [
    'retry: 2000',
    `id: l.1-1\ndata: ${json('one\ntwo')}`,
    'event: missed\ndata: {"entries":3}',
    `id: l.1-5\ndata: ${json('three')}`,
    '',
  ])
  assert.ok(tail.closed)
})

it('says so while the log is not enabled', async () => {
  const off = { ...NOTHING, enabled: false }
  const { call } = harnessWith(new FakeTail([off, off, NOTHING], async () => undefined))
  const { text } = await call('GET', PATH, events)
  assert.is(text.split('not enabled').length, 2)
  assert.is(text.split('The log is enabled').length, 2)
})

it('keeps a silent stream alive', async () => {
  const until = performance.now() + 150
  const tail = new FakeTail([], async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    return performance.now() < until ? NOTHING : undefined
  })
  const { call } = harnessWith(tail)
  const heartbeats = (await call('GET', PATH, events)).text.split(': heartbeat\n\n').length - 1
  assert.ok(heartbeats >= 2 && heartbeats <= 8, `${heartbeats} heartbeats`)
})

it('answers with JSON whoever does not ask for events, and with errors whoever gets none', async () => {
  const { call, service } = harnessWith(undefined)
  for (const accept of ['*/*', 'application/json', 'text/*']) {
    const { status, json } = await call('GET', PATH, { headers: { accept } })
    assert.equal([status, (json as { connectionId: string }).connectionId], [200, 'c1'])
  }
  assert.is((await call('HEAD', PATH, events)).status, 200)
  assert.equal(service.calls, [])
  assert.is((await call('GET', PATH, events)).status, 503)
  assert.is((await call('GET', '/api/2/connections/other/logs', events)).status, 404)
  assert.is(
    (await call('GET', PATH, { headers: { ...events.headers, authorization: '' } })).status,
    401,
  )
})

/** A client that asks for the log over a socket of its own. */
async function watch({ app }: Harness): Promise<{ server: ApiServer; socket: Socket }> {
  const server = await serveApi(app, { host: '127.0.0.1', port: 0 })
  const socket = connect(server.port, '127.0.0.1')
  const host = new URL(ORIGIN).host
  socket.write(
    `GET ${PATH} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${CREDENTIALS}\r\n` +
      'Accept: text/event-stream\r\n\r\n',
  )
  return { server, socket }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn()
}

it('hangs up on a client that does not read, having asked for little more than it took', async () => {
  const batch = { ...NOTHING, entries: [{ entry: entry('x'.repeat(1_000_000)), cursor: 'l.1-1' }] }
  const tail = new FakeTail([], async () => batch)
  const { server, socket } = await watch(harnessWith(tail))
  socket.pause()
  await until(() => tail.closed)
  // What both ends of the connection keep in the kernel, and two batches between here and there.
  assert.ok(tail.asked < 30, `${tail.asked} MB`)
  const { asked } = tail
  socket.resume()
  const error = await new Promise((resolve) => socket.once('close', resolve))
  assert.is(tail.asked, asked)
  assert.type(error, 'boolean')
  await server.close(1_000)
})

it('ends when the client leaves', async () => {
  const tail = new FakeTail([], async () => {
    await nextTurn()
    return NOTHING
  })
  const { server, socket } = await watch(harnessWith(tail))
  await until(() => tail.asked > 3)
  socket.destroy()
  await until(() => tail.closed)
  const { asked } = tail
  for (let turn = 0; turn < 10; turn++) await nextTurn()
  assert.ok(tail.asked <= asked + 1)
  await server.close(1_000)
})
