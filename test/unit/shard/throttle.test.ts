import * as assert from 'uvu/assert'
import { Throttle, throttleLimits } from '../../../src/shard/throttle.ts'
import { type Delivery, MAX_BATCH } from '../../../src/transport/transport.ts'
import { testConnection, testSource } from '../../support/connection.ts'
import { eventually } from '../../support/gateway.ts'
import { suite } from '../../support/suite.ts'
import { create, modify, withRig } from './rig.ts'

const it = suite('throttle')

function delivery(source: number, text: string): Delivery {
  const address = `source-${source}`
  const message = { headers: {}, payload: text }
  return { message, source, address, sourceAddress: address, settle: () => undefined }
}

function deliveries(source: number, count: number): readonly Delivery[] {
  return Array.from({ length: count }, (_, number) => delivery(source, `${source}-${number}`))
}

/** A throttle on a clock of its own; timers are left to run, and find nothing due. */
class Bench {
  now = 0
  readonly passed: string[] = []
  readonly batches: number[] = []
  readonly throttled: number[] = []
  readonly throttle: Throttle

  constructor(connection: number, ...sources: readonly number[]) {
    this.throttle = new Throttle(
      { connection, sources },
      {
        onDue: (batch) => {
          this.batches.push(batch.length)
          this.passed.push(...batch.map(({ message }) => String(message.payload)))
        },
        onThrottled: ({ source }) => this.throttled.push(source),
      },
      () => this.now,
    )
  }

  /** Lets time pass, in small steps as timers would. */
  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 5
      this.throttle.take([])
    }
  }
}

it('lets so many pass per second, in order, and no burst to speak of', () => {
  const bench = new Bench(0, 100)
  bench.throttle.take(deliveries(0, 500))
  assert.ok(bench.passed.length <= 11, `${bench.passed.length} at once`)
  bench.pass(1_000)
  const second = bench.passed.length
  assert.ok(second >= 100 && second <= 112, `${second} within a second`)
  bench.pass(1_000)
  assert.is(bench.passed.length - second, 100)
  assert.equal(
    bench.passed,
    Array.from({ length: bench.passed.length }, (_, number) => `0-${number}`),
  )
  bench.throttle.close()
})

it('tells once a second that a source has to wait, and not when none does', () => {
  const bench = new Bench(0, 100, 0)
  bench.throttle.take(deliveries(1, 1_000))
  bench.throttle.take(deliveries(0, 5))
  assert.equal(bench.throttled, [])
  bench.throttle.take(deliveries(0, 300))
  bench.pass(2_500)
  assert.equal(bench.throttled, [0, 0, 0])
  bench.throttle.close()
})

it('a source that has to wait holds up no other; those of a connection share its limit', () => {
  const one = new Bench(0, 1, 0)
  one.throttle.take(deliveries(0, 10))
  one.throttle.take(deliveries(1, 300))
  assert.is(one.passed.filter((text) => text.startsWith('1-')).length, 300)
  assert.ok(one.batches.every((size) => size <= MAX_BATCH))
  one.throttle.close()

  const shared = new Bench(100, 0, 0)
  shared.throttle.take([...deliveries(0, 500), ...deliveries(1, 500)])
  shared.pass(1_000)
  const [first, second] = ['0-', '1-'].map(
    (start) => shared.passed.filter((text) => text.startsWith(start)).length,
  )
  assert.ok(Math.abs(first! - second!) <= 1, `${first} and ${second}`)
  assert.ok(first! + second! <= 112)
  shared.throttle.close()
})

it('lets all pass when nothing more comes', () => {
  const bench = new Bench(0, 1)
  bench.throttle.take(deliveries(0, 300))
  bench.throttle.flush()
  assert.is(bench.passed.length, 300)
  bench.throttle.close()
})

it('clients share the limits of their connection, which has those of the gateway by default', () => {
  const none = { messagesPerSecond: 0, sourceMessagesPerSecond: 0 }
  const sources = [testSource(['a'], { messagesPerSecond: 10 }), testSource(['b'])]
  const of = (fields: object, settings = none) =>
    throttleLimits(testConnection({ sources, ...fields }), settings)
  assert.equal(of({}), { connection: 0, sources: [10, 0] })
  assert.equal(of({ clientCount: 2, messagesPerSecond: 6 }), { connection: 3, sources: [5, 0] })
  assert.equal(of({}, { messagesPerSecond: 8, sourceMessagesPerSecond: 4 }), {
    connection: 8,
    sources: [10, 4],
  })
  assert.is(of({ sources: [testSource(['b'])] }), undefined)
})

it('messages of a shard wait, are counted, and lose nothing when it closes', () =>
  withRig(async (rig) => {
    const source = testSource(['in'], { messagesPerSecond: 50 })
    const shard = await rig.open(testConnection({ sources: [source] }), { logs: true })
    const count = 100
    rig.send('in', [create('t'), ...Array.from({ length: count - 1 }, (_, n) => modify('t', n))])
    await eventually(
      () => shard.counts('in'),
      (counts) => counts.throttled === 1,
    )
    assert.ok(shard.counts('in').consumed! < count)
    assert.equal(shard.texts('source', 'throttled'), [
      'More messages than allowed per second: they wait.',
    ])
    await rig.close(shard)
    assert.is(rig.settled.length, count)
    assert.ok(rig.settled.every((outcome) => outcome === 'accept'))
  }))
