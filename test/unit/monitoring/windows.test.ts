import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { type CounterAddress, cellNames } from '../../../src/monitoring/counters.ts'
import { createMetricWindows } from '../../../src/monitoring/windows.ts'
import { suite } from '../../support/suite.ts'

const it = suite('metric windows')

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const START = Date.UTC(2026, 0, 1)

const SOURCE: CounterAddress = { direction: 'inbound', address: 'in/#' }
const TARGET: CounterAddress = { direction: 'outbound', address: 'out' }
const CONSUMED = 0
const THROTTLED = 12

it('starts with nothing, and with no time of a last message', () => {
  const windows = createMetricWindows([SOURCE])
  assert.equal(windows.counts(CONSUMED, START), { PT1M: 0, PT1H: 0, PT24H: 0, lastMessageAt: null })
})

it('tells the windows apart as time passes', () => {
  const windows = createMetricWindows([SOURCE])
  windows.record(CONSUMED, 3, START)
  const at = (ms: number) => {
    const { PT1M, PT1H, PT24H } = windows.counts(CONSUMED, START + ms)
    return [PT1M, PT1H, PT24H]
  }
  assert.equal(at(0), [3, 3, 3])
  assert.equal(at(MINUTE), [3, 3, 3])
  assert.equal(at(MINUTE + SECOND), [0, 3, 3])
  assert.equal(at(HOUR), [0, 3, 3])
  assert.equal(at(HOUR + MINUTE), [0, 0, 3])
  assert.equal(at(24 * HOUR), [0, 0, 3])
  assert.equal(at(24 * HOUR + 10 * MINUTE), [0, 0, 0])
  assert.is(windows.counts(CONSUMED, START + 48 * HOUR).lastMessageAt, START)
})

it('counts every message of a span, and none that is a bucket older than it', () => {
  const spans = [
    { name: 'PT1M', spanMs: MINUTE, bucketMs: SECOND },
    { name: 'PT1H', spanMs: HOUR, bucketMs: MINUTE },
    { name: 'PT24H', spanMs: 24 * HOUR, bucketMs: 10 * MINUTE },
  ] as const
  const step = fc.record({
    waitMs: fc.oneof(
      fc.nat(3 * SECOND),
      fc.nat(2 * MINUTE),
      fc.nat(2 * HOUR),
      fc.constantFrom(0, 1, SECOND, MINUTE, HOUR, 24 * HOUR, 30 * HOUR),
    ),
    count: fc.integer({ min: 1, max: 1_000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(25 * HOUR), (steps, lastWaitMs) => {
      const windows = createMetricWindows([SOURCE])
      const recorded: { at: number; count: number }[] = []
      let now = START
      for (const { waitMs, count } of steps) {
        now += waitMs
        windows.record(CONSUMED, count, now)
        recorded.push({ at: now, count })
      }
      now += lastWaitMs
      const counts = windows.counts(CONSUMED, now)
      const countedSince = (since: number) =>
        recorded.reduce((sum, { at, count }) => (at > since ? sum + count : sum), 0)
      return spans.every(
        ({ name, spanMs, bucketMs }) =>
          counts[name] >= countedSince(now - spanMs) &&
          counts[name] <= countedSince(now - spanMs - bucketMs),
      )
    }),
  )
})

it('loses nothing when the clock steps back', () => {
  const windows = createMetricWindows([SOURCE])
  windows.record(CONSUMED, 1, START)
  windows.record(CONSUMED, 1, START - HOUR)
  const back = START - HOUR
  assert.equal(windows.counts(CONSUMED, back), {
    PT1M: 2,
    PT1H: 2,
    PT24H: 2,
    lastMessageAt: back,
  })
  // Time goes on from there: nothing stays in a window until the clock is where it was.
  windows.record(CONSUMED, 1, back + 5 * MINUTE)
  const { PT1M, PT1H } = windows.counts(CONSUMED, back + 5 * MINUTE)
  assert.equal([PT1M, PT1H], [1, 3])
})

it('does not keep for an hour in the last minute what was counted before the clock went back', () => {
  const windows = createMetricWindows([SOURCE])
  windows.record(CONSUMED, 1, START)
  const back = START - HOUR
  assert.is(windows.counts(CONSUMED, back).PT1M, 1)
  assert.is(windows.counts(CONSUMED, back + 2 * MINUTE).PT1M, 0)
})

it('works with a clock that starts at zero', () => {
  const windows = createMetricWindows([SOURCE])
  windows.record(CONSUMED, 5, 0)
  assert.equal(windows.counts(CONSUMED, 1), { PT1M: 5, PT1H: 5, PT24H: 5, lastMessageAt: 0 })
})

it('counts throttling once a minute', () => {
  const windows = createMetricWindows([SOURCE])
  windows.record(THROTTLED, 7, START)
  windows.record(THROTTLED, 7, START + 59 * SECOND)
  windows.record(THROTTLED, 7, START + MINUTE)
  assert.is(windows.counts(THROTTLED, START + MINUTE).PT1H, 2)
})

it('forgets everything on reset', () => {
  const windows = createMetricWindows([SOURCE])
  windows.record(CONSUMED, 5, START)
  windows.reset()
  assert.equal(windows.counts(CONSUMED, START), { PT1M: 0, PT1H: 0, PT24H: 0, lastMessageAt: null })
})

it('keeps the counts of addresses that stay when the layout changes', () => {
  const windows = createMetricWindows([SOURCE, TARGET])
  const cell = (address: string, metric: string) =>
    cellNames(windows.addresses).findIndex(
      (name) => name.address === address && name.metric === metric && name.success,
    )
  windows.record(cell('in/#', 'consumed'), 1, START)
  windows.record(cell('out', 'published'), 2, START)
  const other: CounterAddress = { direction: 'inbound', address: 'other' }
  windows.relayout([other, TARGET])
  assert.is(windows.counts(cell('out', 'published'), START).PT1M, 2)
  assert.is(windows.counts(cell('other', 'consumed'), START).PT1M, 0)
  windows.relayout([SOURCE, TARGET])
  assert.is(windows.counts(cell('in/#', 'consumed'), START).PT1M, 0)
})

it('refuses a cell that the layout does not have', () => {
  const windows = createMetricWindows([SOURCE])
  assert.throws(() => windows.record(14, 1, START), /no cell 14 of 14/)
})

it('goes on with what was saved as if nothing had been', () => {
  const step = fc.record({ waitMs: fc.nat(3 * HOUR), count: fc.nat(1_000), cell: fc.nat(13) })
  const steps = fc.array(step, { maxLength: 30 })
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const never = createMetricWindows([SOURCE])
      let now = START
      for (const { waitMs, count, cell } of before) {
        now += waitMs
        never.record(cell, count, now)
      }
      const saved = JSON.parse(JSON.stringify(never.save()))
      const restored = createMetricWindows([SOURCE], saved)
      for (const { waitMs, count, cell } of after) {
        now += waitMs
        never.record(cell, count, now)
        restored.record(cell, count, now)
      }
      for (let cell = 0; cell < 14; cell++) {
        assert.equal(restored.counts(cell, now), never.counts(cell, now))
      }
    }),
  )
})
