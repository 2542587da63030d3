import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { JsonValue } from '../../../src/json/types.ts'
import type { Signal } from '../../../src/protocol/signal.ts'
import { fnv1a } from '../../../src/twin/hash.ts'
import { openTwinLayout } from '../../../src/twin/layout.ts'
import { MAX_THINGS_PER_RETRIEVE } from '../../../src/twin/many.ts'
import type { Partition, PartitionLink } from '../../../src/twin/partition.ts'
import { createPartitionedTwin, partitionOf } from '../../../src/twin/partitioned.ts'
import { openPartition } from '../../../src/twin/store.ts'
import type { Outcome } from '../../../src/twin/twin.ts'
import { suite } from '../../support/suite.ts'
import { apply, command, errorIdOf } from './support.ts'

const it = suite('twin/partitioned')

const folder = mkdtempSync(join(tmpdir(), 'sluice-twin-'))
const layout = openTwinLayout(folder, 3)
const partitions: Partition[] = Array.from({ length: layout.count }, (_, index) =>
  openPartition(layout.pathOf(index)),
)
const twin = createPartitionedTwin(partitions, async () => {
  await Promise.all(partitions.map((partition) => partition.close()))
})

it.after(async () => {
  await twin.close()
  rmSync(folder, { recursive: true, force: true })
})

it('hashes as published, so that things stay where they are for ever', () => {
  assert.is(fnv1a(''), 0x811c9dc5)
  assert.is(fnv1a('a'), 0xe40c292c)
  assert.is(fnv1a('foobar'), 0xbf9cf968)
  assert.equal(
    ['org.acme:car', 'org.acme:bike', ':x', 'ns:ö'].map((id) => partitionOf(id, 4)),
    [PLACES.car, PLACES.bike, PLACES.x, PLACES.umlaut],
  )
  assert.is(partitionOf('org.acme:car', 1), 0)
})

/** Written down once: another value would be a store that finds its things no more. */
const PLACES = { car: 3, bike: 2, x: 3, umlaut: 2 }

it('spreads things over all partitions', () => {
  const counts = [0, 0, 0, 0]
  for (let n = 0; n < 4000; n++) counts[partitionOf(`org.acme:device-${n}`, 4)]! += 1
  assert.ok(
    counts.every((count) => count > 800 && count < 1200),
    String(counts),
  )
})

it('puts the outcomes of all partitions back into the order of the batch', async () => {
  const thingIds = Array.from({ length: 50 }, (_, n) => `ns:many-${n}`)
  await twin.execute(thingIds.map((thingId) => command('create', '/', {}, { thingId })))
  const outcomes = await twin.execute(
    thingIds.flatMap((thingId, n) => [
      command('modify', '/attributes/n', n, { thingId }),
      command('retrieve', '/attributes/n', undefined, { thingId }),
    ]),
  )
  assert.is(outcomes.length, 100)
  for (const [n, thingId] of thingIds.entries()) {
    assert.is(outcomes[2 * n]!.event?.topic.name, thingId.slice(3))
    assert.is(outcomes[2 * n + 1]!.response.value, n)
  }
})

it('keeps the order of the commands of each thing over calls that are not awaited', async () => {
  const thingIds = ['ns:a', 'ns:b', 'ns:c', 'ns:d']
  await twin.execute(thingIds.map((thingId) => command('create', '/', {}, { thingId })))
  const calls: Promise<readonly Outcome[]>[] = []
  for (let n = 0; n < 100; n++) {
    calls.push(
      twin.execute(thingIds.map((thingId) => command('modify', '/attributes/n', n, { thingId }))),
    )
  }
  for (const [n, outcomes] of (await Promise.all(calls)).entries()) {
    assert.equal(
      outcomes.map(({ event }) => event?.revision),
      thingIds.map(() => n + 2),
    )
  }
})

function retrieveMany(value: JsonValue, fields?: string): Signal {
  const thingId = '_:_'
  return command('retrieve', '/', value, fields === undefined ? { thingId } : { thingId, fields })
}

it('retrieves many things over all partitions, in the order they were asked for', async () => {
  const thingIds = Array.from({ length: 9 }, (_, n) => `ns:r${n}`)
  await twin.execute(thingIds.map((thingId) => command('create', '/', {}, { thingId })))
  const asked = ['ns:r5', 'ns:none', ...thingIds]
  const [before, many, after] = await twin.execute([
    command('modify', '/attributes/n', 1, { thingId: 'ns:r5' }),
    retrieveMany({ thingIds: asked }, 'thingId,attributes'),
    command('modify', '/attributes/n', 2, { thingId: 'ns:r5' }),
  ])
  assert.is(many!.response.topic.full, '_/_/things/twin/commands/retrieve')
  assert.is(many!.response.status, 200)
  assert.is(many!.response.headers['correlation-id'], 'c-1')
  assert.equal(many!.response.value, [
    { thingId: 'ns:r5', attributes: { n: 1 } },
    ...thingIds.filter((id) => id !== 'ns:r5').map((thingId) => ({ thingId })),
  ])
  assert.is(before!.event?.revision, 2)
  assert.is(after!.event?.revision, 3)
})

const WRONG: readonly [JsonValue, string][] = [
  [{}, 'things:things.ids.missing'],
  [{ thingIds: [] }, 'things:things.ids.missing'],
  [{ thingIds: 'ns:a' }, 'json.invalid'],
  [{ thingIds: ['no-colon'] }, 'things:id.invalid'],
  [
    { thingIds: Array.from({ length: MAX_THINGS_PER_RETRIEVE + 1 }, (_, n) => `ns:${n}`) },
    'json.invalid',
  ],
]

for (const [value, error] of WRONG) {
  it(`refuses to retrieve ${JSON.stringify(value).slice(0, 40)}: ${error}`, async () => {
    const [outcome] = await twin.execute([retrieveMany(value)])
    assert.is(errorIdOf(outcome!.response), error)
    assert.is(outcome!.response.topic.full, '_/_/things/twin/errors')
  })
}

it('tells a wrong field selector once, as an answer to the whole command', async () => {
  await twin.execute([command('create', '/', {}, { thingId: 'ns:sel' })])
  const [outcome] = await twin.execute([retrieveMany({ thingIds: ['ns:sel'] }, 'a(b')])
  assert.is(errorIdOf(outcome!.response), 'json.fieldselector.invalid')
  assert.is(outcome!.response.topic.full, '_/_/things/twin/errors')
  assert.is(outcome!.response.headers['correlation-id'], 'c-1')
})

it('gives an empty batch no partition', async () => {
  assert.equal(await createPartitionedTwin([]).execute([]), [])
})

it('fails with the partition that failed, after the others have finished', async () => {
  let finished = false
  const slow: PartitionLink = {
    execute: async (batch) => {
      await new Promise((resolve) => setImmediate(resolve))
      finished = true
      return batch.map((each) => apply(undefined, each).outcome)
    },
  }
  const failing: PartitionLink = { execute: () => Promise.reject(new Error('disk full')) }
  const half = createPartitionedTwin([failing, slow])
  const batch = Array.from({ length: 8 }, (_, n) =>
    command('create', '/', {}, { thingId: `ns:${n}` }),
  )
  let reason: unknown
  await half.execute(batch).catch((error: unknown) => {
    reason = error
  })
  assert.match(String(reason), 'disk full')
  assert.ok(finished)
})
