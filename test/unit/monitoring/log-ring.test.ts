import * as assert from 'uvu/assert'
import type { KeptEntry, LogEntry } from '../../../src/monitoring/log-entry.ts'
import {
  createLogRings,
  LOG_MESSAGE_CHARS_MAX,
  mergeLogs,
} from '../../../src/monitoring/log-ring.ts'
import { renderLogEntry, renderLogs } from '../../../src/monitoring/logs-json.ts'
import { createRedactor } from '../../../src/monitoring/redaction.ts'
import { suite } from '../../support/suite.ts'

const it = suite('connection log')

const OPTIONS = { shard: 7, capacitySuccess: 3, capacityFailure: 2, active: true }

function entry(at: number, changes: Partial<LogEntry> = {}): LogEntry {
  return {
    correlationId: 'c',
    at,
    category: 'source',
    type: 'consumed',
    level: 'success',
    message: `message ${at}`,
    address: 'in',
    ...changes,
  }
}

/** As kept by a log that wrote one entry a millisecond. */
function kept(at: number, position: Partial<KeptEntry> = {}): KeptEntry {
  return { ...entry(at), shard: 1, sequence: at, ...position }
}

const times = (entries: readonly LogEntry[]) => entries.map(({ at }) => at).sort((a, b) => a - b)

it('keeps the newest of each ring, successes and failures apart', () => {
  const log = createLogRings(OPTIONS)
  for (let at = 1; at <= 5; at++) log.add(entry(at))
  for (let at = 11; at <= 15; at++) log.add(entry(at, { level: 'failure' }))
  assert.equal(times(log.entries()), [3, 4, 5, 14, 15])
})

it('has a ring of its own for each category, type and address', () => {
  const log = createLogRings({ ...OPTIONS, capacitySuccess: 1 })
  log.add(entry(1))
  log.add(entry(2, { category: 'target' }))
  log.add(entry(3, { type: 'mapped' }))
  log.add(entry(4, { address: 'other' }))
  const { address: _, ...withoutAddress } = entry(5, { category: 'connection', type: 'other' })
  log.add(withoutAddress)
  log.add(entry(6))
  assert.equal(times(log.entries()), [2, 3, 4, 5, 6])
})

it('keeps nothing while it is off, and what it had before', () => {
  const log = createLogRings({ ...OPTIONS, active: false })
  log.add(entry(1))
  log.active = true
  log.add(entry(2))
  log.active = false
  log.add(entry(3))
  assert.equal(times(log.entries()), [2])
  log.reset()
  assert.equal(log.entries(), [])
})

it('keeps nothing in a ring without capacity', () => {
  const log = createLogRings({ ...OPTIONS, capacitySuccess: 0 })
  log.add(entry(1))
  assert.equal(log.entries(), [])
})

it('makes the text of a line only when it is read', () => {
  const log = createLogRings(OPTIONS)
  let made = 0
  const track = log.track({ category: 'source', type: 'mapped', level: 'success', address: 'in' })
  const describe = () => {
    made += 1
    return { correlationId: 'c', message: 'm' }
  }
  for (let at = 1; at <= 100; at++) track.add({ at, describe })
  assert.is(made, 0)
  assert.equal(times(log.entries()), [98, 99, 100])
  assert.is(made, 3)
})

it('keeps tracks valid over a reset', () => {
  const log = createLogRings(OPTIONS)
  const track = log.track(entry(0))
  track.add({ at: 1, describe: () => entry(1) })
  log.reset()
  track.add({ at: 2, describe: () => entry(2) })
  assert.equal(times(log.entries()), [2])
})

it('cuts long texts and says so', () => {
  const log = createLogRings(OPTIONS)
  log.add(entry(1, { message: 'x'.repeat(LOG_MESSAGE_CHARS_MAX + 7) }))
  assert.is(log.entries()[0]!.message, `${'x'.repeat(LOG_MESSAGE_CHARS_MAX)}… (cut)`)
})

it('shows no secret, not even half of one that was cut', () => {
  const log = createLogRings({ ...OPTIONS, redact: createRedactor(['correct-horse']) })
  const padding = 'x'.repeat(LOG_MESSAGE_CHARS_MAX - 5)
  log.add(entry(1, { message: 'failed with correct-horse' }))
  log.add(entry(2, { message: `${padding}correct-horse and more` }))
  const messages = log.entries().map(({ message }) => message)
  assert.is(messages[0], 'failed with *****')
  assert.not.match(messages[1]!, 'corr')
})

it('merges logs in time order', () => {
  const merged = mergeLogs([[kept(3), kept(1)], [kept(2)], []], 10_000)
  assert.equal(
    merged.map(({ at }) => at),
    [1, 2, 3],
  )
})

it('keeps the order of one log within a millisecond', () => {
  const log = createLogRings(OPTIONS)
  const types = ['consumed', 'enforced', 'mapped', 'consumed', 'acknowledged'] as const
  for (const type of types) log.add(entry(1, { type }))
  const merged = mergeLogs([log.entries(), [kept(1, { shard: 3 })]])
  assert.equal(
    merged.map(({ shard, sequence }) => [shard, sequence]),
    [[3, 1], ...types.map((_, index) => [7, index + 1])],
  )
  assert.equal(
    merged.slice(1).map(({ type }) => type),
    types,
  )
})

it('tells what is newer than what was read before, also after a reset', () => {
  const log = createLogRings(OPTIONS)
  assert.is(log.newest, 0)
  for (let at = 1; at <= 4; at++) log.add(entry(at))
  assert.equal(times(log.entries(3)), [4])
  assert.is(log.newest, 4)
  log.reset()
  log.add(entry(5))
  assert.equal(times(log.entries(log.newest - 1)), [5])
  assert.is(log.newest, 5)
  assert.equal(log.entries(log.newest), [])
})

it('keeps the newest entries that fit', () => {
  const size = Buffer.byteLength(JSON.stringify(renderLogEntry(entry(1))))
  const all = [kept(1), kept(2), kept(3)]
  assert.equal(times(mergeLogs([all], size * 2)), [2, 3])
  assert.equal(times(mergeLogs([all], size * 2 - 1)), [3])
  assert.equal(mergeLogs([all], size - 1), [])
})

it('renders entries as the resource shows them', () => {
  const at = Date.UTC(2026, 0, 1, 0, 0, 0, 123)
  const known = kept(at, { entityType: 'thing', entityId: 'ns:name', message: 'm' })
  assert.equal(renderLogEntry(known), {
    correlationId: 'c',
    timestamp: '2026-01-01T00:00:00.123Z',
    category: 'source',
    type: 'consumed',
    level: 'success',
    message: 'm',
    address: 'in',
    entityType: 'thing',
    entityId: 'ns:name',
  })
  const { address: _, ...bare } = entry(at, { correlationId: '', message: 'm' })
  assert.equal(renderLogs('c1', { entries: [bare], enabledSince: null, enabledUntil: null }), {
    connectionId: 'c1',
    connectionLogs: [
      {
        correlationId: '<not-provided>',
        timestamp: '2026-01-01T00:00:00.123Z',
        category: 'source',
        type: 'consumed',
        level: 'success',
        message: 'm',
      },
    ],
    enabledSince: null,
    enabledUntil: null,
  })
})
