import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { shareOfWindow } from '../../../../src/transport/amqp091/sources.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/sources')

it('consumers share the window of the session', () => {
  assert.equal(shareOfWindow(1000, 1, 1), { consumers: 1, prefetch: 1000 })
  assert.equal(shareOfWindow(1000, 3, 2), { consumers: 2, prefetch: 166 })
  assert.equal(shareOfWindow(10, 2, 20), { consumers: 5, prefetch: 1 })
  assert.equal(shareOfWindow(2, 5, 3), { consumers: 1, prefetch: 1 })
  assert.equal(shareOfWindow(100_000, 1, 1), { consumers: 1, prefetch: 65_535 })
})

it('together they never exceed it, unless there are more addresses than messages in it', () => {
  const count = fc.integer({ min: 1, max: 3000 })
  fc.assert(
    fc.property(count, count, count, (maxUnsettled, addresses, consumerCount) => {
      const { consumers, prefetch } = shareOfWindow(maxUnsettled, addresses, consumerCount)
      assert.ok(consumers >= 1 && consumers <= consumerCount && prefetch >= 1)
      assert.ok(consumers * prefetch * addresses <= Math.max(maxUnsettled, addresses))
    }),
  )
})
