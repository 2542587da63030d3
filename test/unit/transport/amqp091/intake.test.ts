import * as assert from 'uvu/assert'
import { Ledger, QueueDelivery } from '../../../../src/transport/amqp091/delivery.ts'
import { Intake } from '../../../../src/transport/amqp091/intake.ts'
import { MAX_BATCH } from '../../../../src/transport/transport.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/intake')

it('delivers what one turn brought, in batches', async () => {
  const { intake, batches, take } = observed()
  intake.begin()
  take(MAX_BATCH + 10)
  await Promise.resolve()
  assert.equal(batches, [MAX_BATCH, 10])
})

it('holds back until it begins, while it is paused, and loses nothing', async () => {
  const { intake, batches, take } = observed()
  take(1)
  await Promise.resolve()
  assert.equal(batches, [])
  intake.pause()
  intake.begin()
  take(MAX_BATCH)
  await Promise.resolve()
  assert.equal(batches, [])
  intake.resume()
  assert.equal(batches, [MAX_BATCH, 1])
})

it('a pause between arrival and delivery holds', async () => {
  const { intake, batches, take } = observed()
  intake.begin()
  take(1)
  intake.pause()
  await Promise.resolve()
  assert.equal(batches, [])
  intake.resume()
  assert.equal(batches, [1])
})

it('forgets what a channel that is gone had brought', () => {
  const { intake, batches, take } = observed()
  const other = take(3)
  take(2)
  intake.forget(other)
  intake.begin()
  assert.equal(batches, [2])
})

it('stopped, it gives back what it holds and what still comes', () => {
  const { intake, batches, take, frames } = observed()
  const ledger = take(3)
  intake.stop()
  ledger.flush()
  assert.equal(frames, ['nack <=3 requeue'])
  const later = take(1)
  later.flush()
  assert.equal(frames, ['nack <=3 requeue', 'nack 1 requeue'])
  intake.begin()
  intake.resume()
  assert.equal(batches, [])
})

function observed() {
  const batches: number[] = []
  const frames: string[] = []
  const intake = new Intake((batch) => batches.push(batch.length))
  /** So many messages of a new channel. */
  const take = (count: number): Ledger => {
    const ledger = new Ledger({
      ack: (tag, multiple) => frames.push(`ack ${multiple ? '<=' : ''}${tag}`),
      nack: (tag, multiple, requeue) =>
        frames.push(`nack ${multiple ? '<=' : ''}${tag}${requeue ? ' requeue' : ''}`),
    })
    for (let tag = 1; tag <= count; tag++) {
      const message = { headers: {}, payload: undefined }
      const delivery = new QueueDelivery(message, tag, { source: 0, address: 'queue' }, ledger)
      ledger.add(delivery)
      intake.take(delivery)
    }
    return ledger
  }
  return { intake, batches, frames, take }
}
