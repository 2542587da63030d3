import { setImmediate as nextTurn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { turnClock } from '../../../src/shard/turn-clock.ts'
import { suite } from '../../support/suite.ts'

const it = suite('turn clock')

it('stands still within a turn, and goes on with the next', async () => {
  let time = 0
  const now = turnClock(() => ++time)
  assert.equal([now(), now()], [1, 1])
  await Promise.resolve()
  assert.is(now(), 1)
  await nextTurn()
  assert.equal([now(), now()], [2, 2])
})
