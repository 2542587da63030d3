import * as assert from 'uvu/assert'
import { type CollectorSettings, LogCollector } from '../../../src/monitoring/log-collector.ts'
import type {
  ConnectionLog,
  LogKind,
  LogLevel,
  LogText,
} from '../../../src/monitoring/log-entry.ts'
import {
  createLogRings,
  LOG_MESSAGE_CHARS_MAX,
  type LogRings,
} from '../../../src/monitoring/log-ring.ts'
import { createRedactor } from '../../../src/monitoring/redaction.ts'
import { suite } from '../../support/suite.ts'

const it = suite('collector of logs')

const SETTINGS: CollectorSettings = {
  levels: ['success', 'failure'],
  withMessage: false,
  maxEntries: 3,
  maxBytes: 100_000,
}
const AUTHOR = { connectionId: 'c1', clientIndex: 1, clientCount: 2 }
const SECRET = 'swordfish'

function kindOf(level: LogLevel): LogKind {
  return { category: 'source', type: 'consumed', level, address: 'in' }
}

function setUp(settings: Partial<CollectorSettings> = {}) {
  const collector = new LogCollector({ ...SETTINGS, ...settings })
  const logOf = (author: typeof AUTHOR): { log: ConnectionLog; rings: LogRings } => {
    const rings = createLogRings({
      shard: 1,
      capacitySuccess: 9,
      capacityFailure: 9,
      active: false,
    })
    return { log: collector.logFor(author, rings, createRedactor([SECRET])), rings }
  }
  return { collector, logOf, ...logOf(AUTHOR) }
}

/** Writes as monitors do: nothing is made that is not wanted. */
function write(log: ConnectionLog, level: LogLevel, text: Partial<LogText> = {}): void {
  if (!log.wants[level]) return
  const described = { correlationId: 'cid', message: 'Received signal.', ...text }
  log.track(kindOf(level)).add({
    at: 7,
    describe: (_kind, withMessage) => ({
      ...described,
      message: described.message + (withMessage ? ' - Message payload: x' : ''),
    }),
  })
}

it('collects while the rings are off, and leaves those alone', () => {
  const { collector, log, rings } = setUp()
  write(log, 'success', { entityType: 'thing', entityId: 'a:b' })
  assert.equal(collector.fetch(), [
    {
      ...AUTHOR,
      entries: [
        {
          ...kindOf('success'),
          at: 7,
          correlationId: 'cid',
          message: 'Received signal.',
          entityType: 'thing',
          entityId: 'a:b',
        },
      ],
      dropped: 0,
    },
  ])
  assert.equal(rings.entries(), [])
  assert.equal(collector.fetch(), [])
})

it('wants the levels that are published, and all of them while the rings are on', () => {
  const { collector, log, rings } = setUp({ levels: ['failure'] })
  assert.equal({ ...log.wants }, { success: false, failure: true })
  rings.active = true
  assert.equal({ ...log.wants }, { success: true, failure: true })
  write(log, 'success')
  write(log, 'failure')
  assert.is(rings.entries().length, 2)
  assert.equal(
    collector.fetch().flatMap(({ entries }) => entries.map(({ level }) => level)),
    ['failure'],
  )
})

it('takes entries about the connection, too', () => {
  const { collector, log, rings } = setUp()
  const kind = { category: 'connection', type: 'other', level: 'success' } as const
  const entry = {
    ...kind,
    at: 9,
    correlationId: '<not-provided>',
    message: 'Connection successful.',
  }
  log.add(entry)
  assert.equal(collector.fetch()[0]!.entries, [entry])
  assert.equal(rings.entries(), [])
})

it('tells headers and payload only where that is wanted', () => {
  for (const [withMessage, message] of [
    [false, 'Received signal.'],
    [true, 'Received signal. - Message payload: x'],
  ] as const) {
    const { collector, log } = setUp({ withMessage })
    write(log, 'success')
    assert.is(collector.fetch()[0]!.entries[0]!.message, message)
  }
})

it('takes secrets out before it cuts', () => {
  const { collector, log } = setUp()
  write(log, 'failure', { message: 'x'.repeat(LOG_MESSAGE_CHARS_MAX - 4) + SECRET })
  const { message } = collector.fetch()[0]!.entries[0]!
  assert.ok(message.startsWith('x'.repeat(LOG_MESSAGE_CHARS_MAX - 4)))
  assert.not.ok(message.includes('swor'))
  assert.ok(message.length < LOG_MESSAGE_CHARS_MAX + 20)
})

it('counts what one author writes beyond its limit, without describing it', () => {
  const { collector, log, logOf } = setUp()
  const other = logOf({ ...AUTHOR, clientIndex: 0 })
  for (let count = 0; count < 3; count++) write(log, 'success')
  log.track(kindOf('success')).add({
    at: 8,
    describe: () => {
      throw new Error('was built')
    },
  })
  write(other.log, 'success')
  assert.equal(
    collector
      .fetch()
      .map(({ clientIndex, entries, dropped }) => [clientIndex, entries.length, dropped]),
    [
      [1, 3, 1],
      [0, 1, 0],
    ],
  )
  write(log, 'success')
  assert.is(collector.fetch()[0]!.entries.length, 1)
})

it('bounds the size of a report, whoever writes', () => {
  const { collector, log, logOf } = setUp({ maxBytes: 1_000 })
  const other = logOf({ ...AUTHOR, clientIndex: 0 })
  write(log, 'success', { message: 'x'.repeat(900) })
  write(other.log, 'success')
  write(log, 'success')
  assert.equal(
    collector.fetch().map(({ entries, dropped }) => [entries.length, dropped]),
    [
      [1, 1],
      [0, 1],
    ],
  )
  write(other.log, 'success')
  assert.is(collector.fetch()[0]!.entries.length, 1)
})
