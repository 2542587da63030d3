import { setImmediate as nextTurn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { DittoError } from '../../../src/protocol/errors.ts'
import {
  MAX_IN_FLIGHT,
  type Outgoing,
  Publisher,
  type QueueState,
} from '../../../src/shard/publisher.ts'
import {
  MAX_BATCH,
  type OutboundMessage,
  type PublishOutcome,
  type Transport,
} from '../../../src/transport/transport.ts'
import { suite } from '../../support/suite.ts'

const it = suite('publisher')

/** Holds what it was given until the test confirms it. */
class FakeTransport implements Transport {
  readonly batches: (readonly string[])[] = []
  readonly #waiting: { size: number; resolve: (outcomes: PublishOutcome[]) => void }[] = []

  get sent(): readonly string[] {
    return this.batches.flat()
  }

  publish(batch: readonly OutboundMessage[]): Promise<readonly PublishOutcome[]> {
    this.batches.push(batch.map(({ address }) => address))
    return new Promise((resolve) => {
      this.#waiting.push({ size: batch.length, resolve })
    })
  }

  /** Answers the oldest batch. */
  async answer(outcome: PublishOutcome = { ok: true, status: 200 }): Promise<void> {
    const { size, resolve } = this.#waiting.shift()!
    resolve(Array.from({ length: size }, () => outcome))
    await nextTurn()
  }

  async open(): Promise<void> {}
  pause(): void {}
  resume(): void {}
  async stopConsuming(): Promise<void> {}
  async close(): Promise<void> {}
}

const LOST: PublishOutcome = {
  ok: false,
  error: { status: 503, error: 'x', message: 'the session was lost' },
}

const STANDSTILL_MS = 200

class Bench {
  readonly fates: string[] = []
  readonly errors: DittoError[] = []
  readonly states: QueueState[] = []
  readonly standstills: boolean[] = []
  #told: () => void = () => undefined
  readonly publisher: Publisher
  readonly transport = new FakeTransport()

  /** Resolves with the next change of the state. */
  stateChanges(): Promise<void> {
    return new Promise((resolve) => {
      this.#told = resolve
    })
  }

  constructor(limit: number) {
    const listener = {
      onState: (state: QueueState) => {
        this.states.push(state)
        this.#told()
      },
      onStandstill: (standsStill: boolean) => this.standstills.push(standsStill),
    }
    this.publisher = new Publisher(limit, listener, STANDSTILL_MS)
  }

  send(...addresses: readonly string[]): void {
    for (const address of addresses) this.publisher.enqueue(this.#outgoing(address))
  }

  sendMany(count: number): void {
    this.send(...Array.from({ length: count }, (_, index) => `m${index}`))
  }

  #outgoing(address: string): Outgoing {
    return {
      blocks: address.startsWith('blocking'),
      message: { address, qos: 1, message: { headers: {}, payload: address } },
      receipt: {
        published: ({ ok }) => this.fates.push(`${address} ${ok ? 'published' : 'failed'}`),
        dropped: (error) => {
          this.fates.push(`${address} dropped`)
          this.errors.push(error)
        },
      },
    }
  }
}

it('publishes what one turn produced together and in order', async () => {
  const bench = new Bench(1000)
  bench.publisher.connect(bench.transport)
  bench.send('a')
  bench.send('b', 'c')
  await nextTurn()
  bench.sendMany(MAX_BATCH + 1)
  await nextTurn()
  const sizes = bench.transport.batches.map(({ length }) => length)
  assert.equal(sizes, [3, MAX_BATCH, 1])
  assert.equal(bench.transport.sent.slice(0, 4), ['a', 'b', 'c', 'm0'])
})

it('keeps messages while there is no session, and their order', async () => {
  const bench = new Bench(100)
  bench.send('a', 'b')
  await nextTurn()
  bench.publisher.connect(bench.transport)
  bench.send('c')
  await nextTurn()
  assert.equal(bench.transport.batches, [['a', 'b', 'c']])
  await bench.transport.answer()
  assert.equal(bench.fates, ['a published', 'b published', 'c published'])
})

it('drops what does not fit, with the reason', async () => {
  const bench = new Bench(2)
  bench.send('a', 'b', 'c')
  assert.equal(bench.fates, ['c dropped'])
  assert.match(bench.errors[0]!.message, /2 messages are waiting.*there is no session/)
  bench.publisher.connect(bench.transport)
  await nextTurn()
  bench.send('d')
  assert.equal(bench.fates, ['c dropped', 'd dropped'], 'unconfirmed messages count')
  assert.not.match(bench.errors[1]!.message, /there is no session/)
  await bench.transport.answer()
  bench.send('e')
  assert.equal(bench.fates.slice(2), ['a published', 'b published'])
})

it('loses with a session only what the transport held', async () => {
  const bench = new Bench(10_000)
  bench.publisher.connect(bench.transport)
  bench.sendMany(MAX_IN_FLIGHT + 200)
  await nextTurn()
  assert.is(bench.transport.sent.length, MAX_IN_FLIGHT)
  const held = bench.transport.batches.length
  bench.publisher.connect(undefined)
  for (let batch = 0; batch < held; batch++) await bench.transport.answer(LOST)
  assert.is(bench.fates.filter((fate) => fate.endsWith('failed')).length, MAX_IN_FLIGHT)
  const next = new FakeTransport()
  bench.publisher.connect(next)
  await nextTurn()
  assert.is(next.sent.length, 200)
  assert.is(next.sent[0], `m${MAX_IN_FLIGHT}`)
})

it('sends on as soon as the transport has room again', async () => {
  const bench = new Bench(10_000)
  bench.publisher.connect(bench.transport)
  bench.sendMany(MAX_IN_FLIGHT + 1)
  await nextTurn()
  await bench.transport.answer()
  await nextTurn()
  assert.is(bench.transport.sent.length, MAX_IN_FLIGHT + 1)
})

it('has room for those whose senders wait, and keeps their place', async () => {
  const bench = new Bench(2)
  bench.send('a', 'b', 'blocking c', 'd', 'blocking e')
  assert.equal(bench.fates, ['d dropped'])
  bench.publisher.connect(bench.transport)
  await nextTurn()
  assert.equal(bench.transport.sent, ['a', 'b', 'blocking c', 'blocking e'])
})

it('tells early that it fills, and later that it has recovered', async () => {
  const bench = new Bench(100)
  bench.publisher.connect(bench.transport)
  bench.sendMany(9)
  assert.equal(bench.states, [])
  bench.send('tenth')
  assert.equal(bench.states, ['slow'])
  await nextTurn()
  bench.sendMany(5)
  await nextTurn()
  await bench.transport.answer()
  assert.equal(bench.states, ['slow'], 'five are left')
  await bench.transport.answer()
  assert.equal(bench.states, ['slow', 'free'])
})

it('is stuck while there is no session', async () => {
  const bench = new Bench(100)
  bench.sendMany(60)
  assert.equal(bench.states, ['waiting', 'stuck'])
  bench.publisher.connect(bench.transport)
  bench.publisher.connect(undefined)
  assert.equal(bench.states, ['waiting', 'stuck', 'slow', 'stuck'])
})

it('tells from the first message on that it waits for a session', async () => {
  const bench = new Bench(100)
  bench.publisher.connect(undefined)
  assert.equal(bench.states, [])
  bench.send('first')
  assert.equal(bench.states, ['waiting'])
  bench.publisher.connect(bench.transport)
  assert.equal(bench.states, ['waiting', 'free'])
})

it('is stuck while the broker stands still', async () => {
  const bench = new Bench(100)
  bench.publisher.connect(bench.transport)
  bench.sendMany(12)
  await bench.stateChanges()
  assert.equal(bench.states, ['slow', 'stuck'])
  assert.equal(bench.standstills, [true])
  bench.sendMany(100)
  assert.is(bench.fates.filter((fate) => fate.endsWith('dropped')).length, 12)
  await bench.transport.answer()
  assert.equal(bench.standstills, [true, false])
  assert.is(bench.states.at(-1), 'slow')
})

it('a slow broker does not stand still', async () => {
  const bench = new Bench(100)
  bench.publisher.connect(bench.transport)
  bench.sendMany(12)
  await nextTurn()
  bench.sendMany(12)
  await nextTurn()
  bench.sendMany(12)
  await nextTurn()
  const answers = setInterval(() => void bench.transport.answer(), STANDSTILL_MS / 2)
  await bench.stateChanges()
  clearInterval(answers)
  assert.equal(bench.states, ['slow', 'free'])
  assert.equal(bench.standstills, [])
})

it('is drained when all is published, or when there is no session to do so', async () => {
  const bench = new Bench(100)
  await bench.publisher.drained()
  bench.publisher.connect(bench.transport)
  bench.send('a')
  await nextTurn()
  let drained = false
  const waiting = bench.publisher.drained().then(() => {
    drained = true
  })
  await nextTurn()
  assert.not(drained)
  await bench.transport.answer()
  await waiting

  bench.send('b')
  const interrupted = bench.publisher.drained()
  bench.publisher.connect(undefined)
  await interrupted
})

it('drops what waits when it closes, and what comes then', () => {
  const bench = new Bench(100)
  bench.send('a')
  bench.publisher.close()
  bench.send('b')
  assert.equal(bench.fates, ['a dropped', 'b dropped'])
})
