import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Connection } from '../../../src/connection/types.ts'
import { MetricSnapshots } from '../../../src/supervisor/metric-snapshots.ts'
import { ConnectionMetrics } from '../../../src/supervisor/metrics.ts'
import { testConnection, testSource } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'

const it = suite('metric snapshots')

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not typed.
type Json = any

const START_MS = Date.UTC(2026, 0, 1)
const MINUTE_MS = 60_000
const CONSUMED = 0
const CONSUMED_FAILURE = 1

let folder: string
it.beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-metrics-'))
})
it.afterEach(() => rm(folder, { recursive: true }))

function connection(id: string, addresses: readonly string[] = ['in']): Connection {
  return testConnection({ id, sources: [testSource(addresses)] })
}

/** One life of a service that knows these connections. */
class Life {
  readonly metrics = new ConnectionMetrics()
  readonly warnings: string[] = []
  readonly snapshots: MetricSnapshots
  now: number

  constructor(now: number, roundMs = 1_000_000) {
    this.now = now
    this.snapshots = new MetricSnapshots({
      folder,
      metrics: this.metrics,
      log: { warn: (_fields, message) => this.warnings.push(message) },
      now: () => this.now,
      roundMs,
    })
  }

  static async start(now: number, connections: readonly Connection[]): Promise<Life> {
    const life = new Life(now)
    await life.snapshots.start(connections)
    for (const one of connections) life.metrics.layOut(one)
    return life
  }

  count(id: string, cell: number, count: number): void {
    this.metrics.record(id, { shard: 1, deltas: [[cell, count]] }, this.now)
  }

  /** PT1M, PT1H, PT24H and lastMessageAt of what was consumed at an address. */
  consumed(id: string, address = 'in', outcome = 'success'): readonly unknown[] {
    const body: Json = this.metrics.render(id, this.now)
    const counts = body.sourceMetrics.addressMetrics[address].consumed[outcome]
    return [counts.PT1M, counts.PT1H, counts.PT24H, counts.lastMessageAt]
  }
}

const instant = (ms: number) => new Date(ms).toISOString()

it('restores all windows, and counts the time that has passed', async () => {
  const all = [connection('a'), connection('b')]
  const first = await Life.start(START_MS, all)
  first.count('a', CONSUMED, 3)
  first.now += 30 * MINUTE_MS
  first.count('a', CONSUMED, 5)
  first.count('a', CONSUMED_FAILURE, 1)
  await first.snapshots.stop()
  const last = instant(first.now)
  const cases: readonly (readonly [number, number, number, number])[] = [
    [0, 5, 8, 8],
    [0.5, 5, 8, 8],
    [2, 0, 8, 8],
    [45, 0, 5, 8],
    [90, 0, 0, 8],
    [25 * 60, 0, 0, 0],
  ]
  for (const [minutes, ...expected] of cases) {
    const next = await Life.start(first.now + minutes * MINUTE_MS, all)
    assert.equal(next.consumed('a'), [...expected, last], `after ${minutes} minutes`)
    assert.equal(next.consumed('b'), [0, 0, 0, null])
    next.count('a', CONSUMED, 1)
    assert.equal(next.consumed('a')[0], expected[0]! + 1)
    assert.is(next.consumed('a', 'in', 'failure')[3], last)
  }
})

it('writes what has changed in its turn, without being asked', async () => {
  const first = new Life(START_MS, 16)
  await first.snapshots.start([])
  first.metrics.layOut(connection('a'))
  first.count('a', CONSUMED, 2)
  while ((await readdir(folder)).every((name) => !name.endsWith('.json'))) {
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const second = await Life.start(START_MS, [connection('a')])
  assert.equal(second.consumed('a').slice(0, 3), [2, 2, 2])
  await first.snapshots.stop()
})

it('keeps a reset, and drops connections and addresses that are gone', async () => {
  const first = await Life.start(START_MS, [connection('a'), connection('b', ['x', 'y'])])
  first.count('a', CONSUMED, 3)
  first.count('b', CONSUMED, 4)
  await first.snapshots.flush('a')
  first.metrics.reset('a')
  await first.snapshots.flush('a')
  await first.snapshots.flush('b')
  // As after a kill: nothing is written at the end.
  const second = await Life.start(START_MS, [connection('a'), connection('b', ['y', 'z'])])
  assert.equal(second.consumed('a'), [0, 0, 0, null])
  assert.equal(second.consumed('b', 'y'), [0, 0, 0, null])
  second.metrics.remove('b')
  await second.snapshots.stop()
  const third = await Life.start(START_MS, [connection('b', ['x'])])
  assert.equal(third.consumed('b', 'x'), [0, 0, 0, null])
})

it('goes on with the other files when one is damaged', async () => {
  const ids = Array.from({ length: 40 }, (_, index) => `connection-${index}`)
  const all = ids.map((id) => connection(id))
  const first = await Life.start(START_MS, all)
  for (const id of ids) first.count(id, CONSUMED, 1)
  await first.snapshots.stop()
  const names = (await readdir(folder)).sort()
  assert.ok(names.length > 5)
  const [cut, strange, empty, form, odd] = names
  const content = await readFile(join(folder, cut!), 'utf8')
  await writeFile(join(folder, cut!), content.slice(0, -20))
  await writeFile(join(folder, strange!), '{"format":99,"connections":{}}')
  await writeFile(join(folder, empty!), '')
  await writeFile(join(folder, form!), '{"format":1,"connections":{"a":{"b":[1,[-1,2],[],[]]}}}')
  await writeFile(join(folder, odd!), '{"format":1,"connections":{"a":{"b":[1,[1],[],[]]}}}')
  await writeFile(join(folder, `${cut}.new`), 'the rest of a write that was cut short')
  const second = await Life.start(START_MS, all)
  assert.equal(second.warnings.length, 5)
  const counted = ids.filter((id) => second.consumed(id)[0] === 1)
  assert.ok(counted.length > 0 && counted.length < ids.length)
})

it('does not believe a clock that was ahead', async () => {
  const first = await Life.start(START_MS + 1_000 * MINUTE_MS, [connection('a')])
  first.count('a', CONSUMED, 1)
  await first.snapshots.stop()
  const second = await Life.start(START_MS, [connection('a')])
  assert.equal(second.consumed('a'), [0, 0, 0, null])
})

it('tells once that nothing can be written, and tries again', async () => {
  const life = await Life.start(START_MS, [connection('a'), connection('b')])
  await rm(folder, { recursive: true })
  await life.snapshots.flush('a')
  await life.snapshots.flush('b')
  assert.is(life.warnings.length, 1)
  await mkdir(folder)
  life.count('a', CONSUMED, 1)
  await life.snapshots.stop()
  assert.is(life.warnings.length, 1)
  assert.is((await Life.start(START_MS, [connection('a')])).consumed('a')[0], 1)
})
