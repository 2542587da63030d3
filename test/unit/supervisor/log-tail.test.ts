import * as assert from 'uvu/assert'
import { createLogRings, type LogRings } from '../../../src/monitoring/log-ring.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { LogTails } from '../../../src/supervisor/log-tail.ts'
import type { LogBatch, LogTail } from '../../../src/supervisor/service.ts'
import { suite } from '../../support/suite.ts'

const it = suite('log tail')

/** Logs of one connection, each of three entries a kind, under their shard's number. */
class Logs {
  readonly rings = new Map<number, LogRings>()
  reads = 0
  exists = true
  #at = 0

  write(shard: number, text: string): void {
    let rings = this.rings.get(shard)
    if (rings === undefined) {
      rings = createLogRings({ shard, capacitySuccess: 3, capacityFailure: 3, active: true })
      this.rings.set(shard, rings)
    }
    const kind = { category: 'connection', type: 'other', level: 'success' } as const
    rings.add({ ...kind, correlationId: 'x', at: this.#at++, message: text })
  }

  tails(options: { maxTails?: number; maxSizeBytes?: number } = {}): LogTails {
    return new LogTails({
      maxTails: 2,
      maxSizeBytes: 100_000,
      intervalMs: 1,
      ...options,
      read: async (_id, marks) => {
        this.reads += 1
        if (!this.exists) return undefined
        const news = [...this.rings].map(([shard, log]) => ({
          shard,
          newest: log.newest,
          entries: log.entries(marks.get(shard)),
        }))
        return { news, enabled: true }
      },
    })
  }
}

const texts = (batch: LogBatch | undefined) => batch!.entries.map(({ entry }) => entry.message)

async function told(tail: LogTail): Promise<readonly [readonly string[], number]> {
  const batch = await tail.next()
  return [texts(batch), batch!.missed]
}

it('tells what is kept, then what is new, each once and in time order', async () => {
  const logs = new Logs()
  for (const text of ['a', 'b', 'c', 'd']) logs.write(1, text)
  logs.write(0, 'e')
  const tail = logs.tails().open('c', undefined)
  assert.equal(await told(tail), [['b', 'c', 'd', 'e'], 0])
  assert.equal(await told(tail), [[], 0])
  logs.write(1, 'f')
  logs.write(2, 'g')
  logs.write(1, 'h')
  assert.equal(await told(tail), [['f', 'g', 'h'], 0])
  assert.equal(await told(tail), [[], 0])
})

it('counts what came too fast to be kept, and what was too large to be shown', async () => {
  const logs = new Logs()
  const tail = logs.tails({ maxSizeBytes: 1_000 }).open('c', undefined)
  assert.equal(await told(tail), [[], 0])
  for (let i = 0; i < 10; i++) logs.write(1, `${i}`)
  assert.equal(await told(tail), [['7', '8', '9'], 7])
  for (const text of ['a'.repeat(600), 'b'.repeat(600)]) logs.write(1, text)
  assert.equal(await told(tail), [['b'.repeat(600)], 1])
  assert.equal(await told(tail), [[], 0])
})

it('goes on behind the cursor of any entry, whatever shard wrote the next', async () => {
  const logs = new Logs()
  const order = [1, 2, 0, 2, 1, 2] as const
  for (const [index, shard] of order.entries()) logs.write(shard, `${index}`)
  const tails = logs.tails()
  const first = tails.open('c', undefined)
  const batch = await first.next()
  first.close()
  const all = texts(batch)
  assert.equal(all, ['0', '1', '2', '3', '4', '5'])
  for (const [index, { cursor }] of batch!.entries.entries()) {
    const again = tails.open('c', cursor)
    assert.equal(await told(again), [all.slice(index + 1), 0], cursor)
    again.close()
  }
  const last = batch!.entries.at(-1)!.cursor
  for (const text of ['a', 'b', 'c', 'd']) logs.write(1, text)
  assert.equal(await told(tails.open('c', last)), [['b', 'c', 'd'], 1])
})

it('begins anew with a cursor of another life, or none of ours', async () => {
  const logs = new Logs()
  logs.write(1, 'a')
  const ofAnother = logs.tails().open('c', undefined)
  const { cursor } = (await ofAnother.next())!.entries[0]!
  const strange = ['', 'x', '.', '1-1', `${cursor}.`, `${cursor}.1`, 'a'.repeat(10_000)]
  for (const given of [cursor, ...strange]) {
    assert.equal(await told(logs.tails().open('c', given)), [['a'], 0], given)
  }
})

it('has a limit, and room again when one is closed', () => {
  const tails = new Logs().tails({ maxTails: 2 })
  const [first] = [tails.open('a', undefined), tails.open('b', undefined)]
  try {
    tails.open('c', undefined)
    assert.unreachable()
  } catch (thrown) {
    assert.instance(thrown, DittoException)
    assert.is((thrown as DittoException).error.status, 503)
  }
  first!.close()
  first!.close()
  tails.open('c', undefined)
  assert.throws(() => tails.open('d', undefined))
})

it('reads nothing for those who do not ask, and ends with the connection or the service', async () => {
  const logs = new Logs()
  const tails = logs.tails()
  const [first, second] = [tails.open('c', undefined), tails.open('c', undefined)]
  await first.next()
  assert.is(logs.reads, 1)
  logs.exists = false
  assert.is(await first.next(), undefined)
  assert.is(await first.next(), undefined)
  assert.is(logs.reads, 2)
  logs.exists = true
  await second.next()
  const waiting = second.next()
  tails.close()
  assert.is(await waiting, undefined)
  assert.is(logs.reads, 3)
  assert.throws(() => tails.open('c', undefined))
})
