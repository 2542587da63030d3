import { mock } from 'node:test'
import * as assert from 'uvu/assert'
import {
  LogPublisher,
  type PublisherSettings,
} from '../../../../src/monitoring/fluentd/publisher.ts'
import type { LogRecord } from '../../../../src/monitoring/fluentd/record.ts'
import type { Session, SessionListener } from '../../../../src/monitoring/fluentd/session.ts'
import type { LogEntry } from '../../../../src/monitoring/log-entry.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('publisher of logs')

const SETTINGS: PublisherSettings = {
  tag: '',
  additionalContext: {},
  levels: ['success', 'failure'],
  connectTimeoutMs: 1_000,
  publishTimeoutMs: 2_000,
  backoffMinMs: 100,
  backoffMaxMs: 10_000,
  maxAttempts: 3,
  maxBufferEntries: 10,
  maxBufferBytes: 1_000_000,
  flushTimeoutMs: 500,
}

/** A session that does what the test says. */
class FakeSession implements Session {
  readonly batches: (readonly LogRecord[])[] = []
  readonly listener: SessionListener
  closed = false

  constructor(listener: SessionListener) {
    this.listener = listener
  }

  get messages(): readonly (readonly string[])[] {
    return this.batches.map((batch) => batch.map(({ fields }) => fields.message!))
  }

  send(batch: readonly LogRecord[]): void {
    this.batches.push(batch)
  }

  kill(reason: string): void {
    this.listener.onEnd(reason)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  deliverAll(): void {
    this.listener.onDelivered(this.batches.at(-1)!.map((_, place) => place))
  }
}

interface Told {
  readonly level: 'info' | 'warn'
  readonly fields: { readonly dropped: number; readonly reason?: string }
  readonly message: string
}

function makePublisher(settings: Partial<PublisherSettings> = {}) {
  const sessions: FakeSession[] = []
  const told: Told[] = []
  const publisher = new LogPublisher({
    settings: { ...SETTINGS, ...settings },
    endpoint: 'localhost:24224',
    startSession: (listener) => {
      const session = new FakeSession(listener)
      sessions.push(session)
      return session
    },
    log: {
      info: (fields, message) =>
        told.push({ level: 'info', fields: fields as Told['fields'], message }),
      warn: (fields, message) =>
        told.push({ level: 'warn', fields: fields as Told['fields'], message }),
    },
    now: () => 5,
  })
  return {
    publisher,
    sessions,
    told,
    last: () => sessions.at(-1)!,
    publish: (...messages: readonly string[]) => publisher.publish(ORIGIN, messages.map(entry)),
  }
}

const ORIGIN = { connectionId: 'c1', instanceId: 'sluice' }

function entry(message: string): LogEntry {
  const kind = { category: 'source', type: 'consumed', level: 'success' } as const
  return { ...kind, at: 1, correlationId: '', message }
}

it.beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] })
})
it.afterEach(() => {
  mock.timers.reset()
})

it('starts no session before there is something to publish, and one for everything', () => {
  const { publish, sessions, last } = makePublisher()
  assert.is(sessions.length, 0)
  publish('a', 'b')
  publish('c')
  assert.equal(last().messages, [['a', 'b']])
  last().deliverAll()
  assert.equal(last().messages, [['a', 'b'], ['c']])
  assert.is(sessions.length, 1)
})

it('publishes the wanted levels', () => {
  const { publisher, last } = makePublisher({ levels: ['failure'] })
  publisher.publish(ORIGIN, [entry('a'), { ...entry('b'), level: 'failure' }])
  assert.equal(last().messages, [['b']])
})

it('sends again what a session that ended had not delivered, before everything newer', () => {
  const { publish, sessions, last } = makePublisher()
  publish('a', 'b', 'c')
  last().listener.onConnected()
  last().listener.onDelivered([1])
  publish('d')
  last().kill('ECONNRESET')
  assert.is(sessions.length, 1)
  mock.timers.tick(SETTINGS.backoffMinMs)
  assert.equal(last().messages, [['a', 'c', 'd']])
})

it('gives a session its time to connect, then its time to take something', () => {
  const { publish, sessions, last, told } = makePublisher()
  publish('a', 'b')
  mock.timers.tick(SETTINGS.connectTimeoutMs - 1)
  last().listener.onConnected()
  mock.timers.tick(SETTINGS.publishTimeoutMs - 1)
  last().listener.onDelivered([0])
  mock.timers.tick(SETTINGS.publishTimeoutMs - 1)
  assert.equal(told, [])
  mock.timers.tick(1)
  assert.is(told[0]!.fields.reason, 'The endpoint took nothing within 2000 ms.')
  mock.timers.tick(SETTINGS.backoffMinMs)
  assert.is(sessions.length, 2)
  mock.timers.tick(SETTINGS.connectTimeoutMs)
  assert.is(sessions.length, 2)
})

it('pauses longer with every failure in a row, up to the limit', () => {
  const { publish, sessions, last } = makePublisher()
  publish('a')
  for (const pauseMs of [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]) {
    const before = sessions.length
    last().kill('ECONNREFUSED')
    mock.timers.tick(pauseMs / 2 - 1)
    assert.is(sessions.length, before)
    mock.timers.tick(pauseMs / 2 + 1)
    assert.is(sessions.length, before + 1)
  }
})

it('keeps everything, up to its limits, for an endpoint that cannot be reached', () => {
  const { publish, sessions, last, told } = makePublisher({ maxAttempts: 1 })
  publish('a', 'b')
  for (let attempt = 0; attempt < 20; attempt++) {
    last().kill('ECONNREFUSED')
    mock.timers.tick(SETTINGS.backoffMaxMs)
  }
  assert.is(sessions.length, 21)
  assert.equal(last().messages, [['a', 'b']])
  assert.ok(told.every(({ fields }) => fields.dropped === 0))
})

it('gives up what a connected endpoint never takes, and goes on with what follows', () => {
  const { publish, last, told } = makePublisher()
  publish('poison')
  for (let attempt = 0; attempt < 3; attempt++) {
    last().listener.onConnected()
    publish(`b${attempt}`)
    last().kill('ECONNRESET')
    mock.timers.tick(SETTINGS.backoffMaxMs)
  }
  assert.equal(last().messages, [['b2']])
  last().deliverAll()
  assert.equal(last().messages.at(-1), ['Log entries dropped: 3; the endpoint did not take them.'])
  mock.timers.tick(60_000)
  assert.is(
    told.reduce((sum, { fields }) => sum + fields.dropped, 0),
    3,
  )
})

it('drops what exceeds a limit, counts it per connection, and says so once there is room', () => {
  const { publisher, publish, last, told } = makePublisher()
  publish(...Array.from({ length: 15 }, (_, index) => `m${index}`))
  publisher.publish({ connectionId: 'c2', instanceId: 'sluice' }, [entry('x')])
  last().deliverAll()
  const gaps = last().batches.at(-1)!
  assert.equal(
    gaps.map(({ tag, fields }) => [
      tag,
      fields.category,
      fields.type,
      fields.level,
      fields.message,
    ]),
    [
      [
        'connection:c1',
        'connection',
        'dropped',
        'failure',
        'Log entries dropped: 5; the endpoint did not take them.',
      ],
      [
        'connection:c2',
        'connection',
        'dropped',
        'failure',
        'Log entries dropped: 1; the endpoint did not take them.',
      ],
    ],
  )
  mock.timers.tick(60_000)
  assert.is(
    told.reduce((sum, { fields }) => sum + fields.dropped, 0),
    6,
  )
})

it('is bounded in bytes, too', () => {
  const { publish, last } = makePublisher({ maxBufferBytes: 3_000 })
  publish(...Array.from({ length: 9 }, () => 'x'.repeat(1_000)))
  assert.is(last().batches[0]!.length, 2)
  last().deliverAll()
  publish('y'.repeat(1_000))
  last().deliverAll()
  assert.is(last().messages.at(-1)![0]![0], 'y')
})

it('says what a shard had to leave out', () => {
  const { publisher, last } = makePublisher()
  publisher.publish(ORIGIN, [entry('a')], 7)
  assert.equal(last().messages, [
    ['a', 'Log entries dropped: 7; more than are published in a second.'],
  ])
})

it('tells the log of the gateway once a minute at most, whatever happens', () => {
  const { publish, last, told } = makePublisher()
  publish('a')
  for (let second = 0; second < 180; second++) {
    publish(...Array.from({ length: 20 }, () => 'b'))
    if (second % 2 === 0) last().kill('ECONNREFUSED')
    else last().deliverAll()
    mock.timers.tick(1_000)
  }
  assert.ok(told.length >= 3 && told.length <= 4, `${told.length} lines`)
})

it('tells that it works again', () => {
  const { publish, last, told } = makePublisher()
  publish('a')
  last().kill('ECONNREFUSED')
  mock.timers.tick(60_000)
  last().deliverAll()
  assert.equal(
    told.map(({ level, fields }) => [level, fields.reason]),
    [
      ['warn', 'ECONNREFUSED'],
      ['info', undefined],
    ],
  )
})

it('an idle session may end; the next entry starts another', () => {
  const { publish, sessions, last, told } = makePublisher()
  publish('a')
  last().deliverAll()
  last().kill('ECONNRESET')
  publish('b')
  assert.is(sessions.length, 2)
  assert.equal(last().messages, [['b']])
  assert.equal(told, [])
})

it('flushes before it closes, and does not wait for a pause to end', async () => {
  const { publisher, publish, sessions, last } = makePublisher()
  publish('a')
  last().kill('ECONNREFUSED')
  const closed = publisher.close()
  assert.is(sessions.length, 2)
  last().deliverAll()
  await closed
  assert.ok(last().closed)
})

it('closes at the end of its time, and tells what is lost', async () => {
  const { publisher, publish, last, told } = makePublisher()
  publish('a', 'b')
  const closed = publisher.close()
  mock.timers.tick(SETTINGS.flushTimeoutMs)
  await closed
  assert.ok(last().closed)
  assert.equal(told.at(-1)?.fields.dropped, 2)
})

it('closes at once when there is nothing to do', async () => {
  const { publisher, sessions } = makePublisher()
  await publisher.close()
  assert.is(sessions.length, 0)
})
