import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Ledger, QueueDelivery, type Settling } from '../../../../src/transport/amqp091/delivery.ts'
import type { Settlement } from '../../../../src/transport/transport.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/delivery')

/** The broker's side of a channel: closes it over what it does not know (406). */
class Broker implements Settling {
  readonly outstanding = new Set<number>()
  readonly outcomes = new Map<number, Settlement>()
  readonly frames: string[] = []

  ack(tag: number, multiple: boolean): void {
    this.#settle(tag, multiple, 'accept')
  }

  nack(tag: number, multiple: boolean, requeue: boolean): void {
    this.#settle(tag, multiple, requeue ? 'retry' : 'reject')
  }

  #settle(tag: number, multiple: boolean, outcome: Settlement): void {
    this.frames.push(`${outcome} ${multiple ? '<=' : ''}${tag}`)
    if (!this.outstanding.has(tag)) throw new Error(`PRECONDITION_FAILED - delivery tag ${tag}`)
    for (const other of multiple ? [...this.outstanding] : [tag]) {
      if (other > tag) continue
      this.outstanding.delete(other)
      this.outcomes.set(other, outcome)
    }
  }
}

it('settles with one frame for each run of equal outcomes, and one for each beyond a gap', () => {
  const cases: readonly [outcomes: string, frames: readonly string[]][] = [
    ['a', ['accept 1']],
    ['aaa', ['accept <=3']],
    ['-aa', ['accept 2', 'accept 3']],
    ['aa-a', ['accept <=2', 'accept 4']],
    ['aarrxx', ['accept <=2', 'retry <=4', 'reject <=6']],
    ['ara', ['accept 1', 'retry 2', 'accept 3']],
    ['---', []],
  ]
  for (const [outcomes, frames] of cases) {
    const { broker, ledger, deliveries } = channel(outcomes.length)
    for (const [index, letter] of [...outcomes].entries()) {
      const outcome = LETTERS[letter]
      if (outcome !== undefined) deliveries[index]!.settle(outcome)
    }
    ledger.flush()
    assert.equal(broker.frames, frames, outcomes)
  }
})

it('a message that shall come again rests first; others pass it', async () => {
  const { broker, ledger, deliveries } = channel(3)
  deliveries[0]!.settle('retry')
  deliveries[1]!.settle('accept')
  deliveries[2]!.giveBack()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(broker.frames, ['accept 2', 'retry 3'])
  assert.is(deliveries[0]!.settle('accept'), undefined)
  ledger.flush()
  assert.equal(broker.frames, ['accept 2', 'retry 3', 'retry 1'])
})

it('never names a number that the broker knows nothing of any more', () => {
  const { broker, ledger, deliveries } = channel(4)
  // 2 and 4 leave alone; then the front catches up with them.
  for (const index of [1, 3]) deliveries[index]!.settle('accept')
  ledger.flush()
  for (const index of [0, 2]) deliveries[index]!.settle('accept')
  ledger.flush()
  assert.equal(broker.frames, ['accept 2', 'accept 4', 'accept <=3'])
  assert.is(broker.outstanding.size, 0)
})

it('in any order, in any number of turns: every outcome arrives, once, and nothing else', () => {
  const outcome = fc.constantFrom<Settlement>('accept', 'retry', 'reject')
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ pick: fc.nat(), outcome }) },
    { weight: 1, arbitrary: fc.constant('flush' as const) },
    { weight: 2, arbitrary: fc.constant('deliver' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { broker, ledger, deliveries, deliver } = channel(5)
      const expected = new Map<number, Settlement>()
      for (const one of steps) {
        if (one === 'flush') ledger.flush()
        else if (one === 'deliver') deliver()
        else {
          const delivery = deliveries[one.pick % deliveries.length]!
          const isFirst = !expected.has(delivery.tag)
          if (isFirst) expected.set(delivery.tag, one.outcome)
          assert.is(delivery.settle(one.outcome) !== undefined, isFirst)
        }
      }
      ledger.flush()
      assert.equal(byTag(broker.outcomes), byTag(expected))
      assert.is(broker.outstanding.size, deliveries.length - expected.size)
    }),
  )
})

it('leaves by itself at the end of the turn, in one go', async () => {
  const { broker, deliveries } = channel(3)
  for (const delivery of deliveries) {
    delivery.settle('accept')
    await Promise.resolve()
  }
  assert.equal(broker.frames, [])
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(broker.frames, ['accept <=3'])
})

it('once its channel is gone, settlements have nowhere to go', async () => {
  const { broker, ledger, deliveries } = channel(3)
  deliveries[0]!.settle('accept')
  ledger.end()
  assert.ok(ledger.isOver)
  assert.is(deliveries[1]!.settle('accept'), undefined)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(broker.frames, [])
})

it('a channel that takes nothing any more ends it quietly', () => {
  const { broker, ledger, deliveries } = channel(2)
  broker.ack = () => {
    throw new Error('Channel closing')
  }
  deliveries[0]!.settle('accept')
  ledger.flush()
  assert.ok(ledger.isOver)
})

const LETTERS: Readonly<Record<string, Settlement>> = { a: 'accept', r: 'retry', x: 'reject' }

/** A channel that has delivered so many messages. */
function channel(count: number) {
  const broker = new Broker()
  const ledger = new Ledger(broker)
  const deliveries: QueueDelivery[] = []
  const deliver = (): void => {
    const tag = deliveries.length + 1
    const message = { headers: {}, payload: undefined }
    const delivery = new QueueDelivery(message, tag, { source: 0, address: 'queue' }, ledger)
    broker.outstanding.add(tag)
    ledger.add(delivery)
    deliveries.push(delivery)
  }
  for (let index = 0; index < count; index++) deliver()
  return { broker, ledger, deliveries, deliver }
}

function byTag(outcomes: ReadonlyMap<number, Settlement>): readonly unknown[] {
  return [...outcomes].sort(([one], [other]) => one - other)
}
