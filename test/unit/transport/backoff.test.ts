import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Backoff } from '../../../src/transport/backoff.ts'
import { suite } from '../../support/suite.ts'

const it = suite('transport/backoff')

it('pauses twice as long after each attempt, half of it random, up to the maximum', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 1000 }),
      (min, factor) => {
        const backoff = new Backoff({ backoffMinMs: min, backoffMaxMs: min * factor })
        for (let attempt = 0; attempt < 50; attempt++) {
          const ceiling = Math.min(min * factor, min * 2 ** attempt)
          const pauseMs = backoff.nextPauseMs()
          assert.ok(pauseMs >= Math.floor(ceiling / 2) && pauseMs <= ceiling, `${pauseMs} ms`)
        }
      },
    ),
  )
})

it('starts over when it is reset', () => {
  const backoff = new Backoff({ backoffMinMs: 10, backoffMaxMs: 10_000 })
  for (let attempt = 0; attempt < 5; attempt++) backoff.nextPauseMs()
  assert.ok(backoff.nextPauseMs() > 100)
  backoff.reset()
  assert.ok(backoff.nextPauseMs() <= 10)
})
