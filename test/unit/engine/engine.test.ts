import * as assert from 'uvu/assert'
import { DEFAULT_CONFIG } from '../../../src/config.ts'
import { Engine, type EngineEvents } from '../../../src/engine/engine.ts'
import type { CounterDeltas } from '../../../src/engine/messages.ts'
import type { ShardDescription, ShardStatus } from '../../../src/shard/description.ts'
import { shardSettings } from '../../../src/supervisor/settings.ts'
import { testConnection, testSource } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { GREEDY, REFUSED } from './fake-worker.ts'

const it = suite('engine')

const WORKER = new URL('fake-worker.ts', import.meta.url)

/** What an engine told, and the engine. */
class Rig {
  readonly statuses = new Map<number, ShardStatus>()
  readonly counters: CounterDeltas[] = []
  readonly lost: number[] = []
  readonly engine: Engine
  #wake = Promise.withResolvers<void>()

  constructor(threads: number) {
    const events: EngineEvents = {
      onStatus: (shard, status) => {
        this.statuses.set(shard, status)
        this.#changed()
      },
      onCounters: (counters) => this.counters.push(...counters),
      onPublishedLogs: () => {},
      onShardsLost: (_thread, shards) => {
        this.lost.push(...shards)
        this.#changed()
      },
      onBroken: (error) => {
        throw error
      },
    }
    const settings = { threads, maxHeapMb: 64, twinFolder: '', recorderFolder: '' }
    this.engine = new Engine(settings, WORKER, events)
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.#wake.promise
  }

  /** What a started shard knew. */
  knowledge(shard: number): { thread: number; known: string[] } {
    return JSON.parse(this.statuses.get(shard)!.client.details)
  }

  #changed(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}

async function withRig(threads: number, test: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = new Rig(threads)
  await rig.engine.start()
  try {
    await test(rig)
  } finally {
    await rig.engine.stop()
  }
}

function describe(shard: number, id: string, name: string | null = null): ShardDescription {
  return {
    shard,
    connection: testConnection({ id, name, sources: [testSource(['in'])] }),
    clientIndex: 0,
    dryRun: false,
    logsActive: false,
    settings: shardSettings(DEFAULT_CONFIG),
  }
}

it('starts no shard before all threads know all shards that open together', () =>
  withRig(2, async (rig) => {
    const { engine } = rig
    assert.equal(await engine.open([describe(1, 'a'), describe(2, 'b'), describe(3, 'c')]), [])
    await rig.until(() => rig.statuses.size === 3)
    for (const shard of [1, 2, 3]) assert.equal(rig.knowledge(shard).known, ['a', 'b', 'c'])
    const threads = [1, 2, 3].map((shard) => rig.knowledge(shard).thread)
    assert.equal(new Set(threads).size, 2)
    await engine.close([1, 2], undefined)
    await engine.open([describe(4, 'd')])
    await rig.until(() => rig.statuses.has(4))
    assert.equal(rig.knowledge(4).known, ['c', 'd'])
  }))

it('tells which shards cannot be made, and opens the others', () =>
  withRig(1, async (rig) => {
    const refusals = await rig.engine.open([describe(1, 'bad', REFUSED), describe(2, 'good')])
    assert.equal(
      refusals.map(({ shard, error }) => [shard, error.description]),
      [[1, REFUSED]],
    )
    await rig.until(() => rig.statuses.has(2))
    assert.equal(rig.knowledge(2).known, ['good'])
  }))

it('hides the shards of a parked connection from the router', () =>
  withRig(1, async (rig) => {
    await rig.engine.open([describe(1, 'a')])
    await rig.engine.park('a')
    await rig.engine.open([describe(2, 'b')])
    await rig.until(() => rig.statuses.has(2))
    assert.equal(rig.knowledge(2).known, ['b'])
  }))

it('loses with a thread only its shards, keeps what they counted, and replaces it', () =>
  withRig(2, async (rig) => {
    const { engine } = rig
    await engine.open([describe(1, 'a'), describe(2, 'b')])
    await rig.until(() => rig.statuses.size === 2)
    await engine.open([describe(3, 'greedy', GREEDY)])
    await rig.until(() => rig.lost.length > 0)
    assert.ok(rig.lost.includes(3))
    assert.is(rig.lost.length, 2)
    assert.equal(
      rig.counters.find(({ shard }) => shard === 3),
      { shard: 3, deltas: [[0, 3]] },
    )
    const survivor = rig.lost.includes(1) ? 'b' : 'a'
    await engine.open([describe(4, 'c'), describe(5, 'd')])
    await rig.until(() => rig.statuses.has(4) && rig.statuses.has(5))
    const threads = [4, 5].map((shard) => rig.knowledge(shard).thread)
    assert.ok(threads.includes(rig.knowledge(survivor === 'a' ? 2 : 1).thread))
    assert.equal(rig.knowledge(4).known, [survivor, 'c', 'd'])
    assert.equal(rig.knowledge(5).known, [survivor, 'c', 'd'])
  }))

it('answers calls about shards that are gone', () =>
  withRig(1, async ({ engine }) => {
    await engine.retry([7])
    await engine.close([7], undefined)
    assert.equal(await engine.readLogs([{ shard: 7, after: 0 }]), [])
  }))
