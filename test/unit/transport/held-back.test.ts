import * as assert from 'uvu/assert'
import { HeldBack, REDELIVERY_PAUSE_MS } from '../../../src/transport/held-back.ts'
import { suite } from '../../support/suite.ts'

const it = suite('transport/held-back')

/** What was released, and a promise of it. */
function bench() {
  const released: (readonly number[])[] = []
  let told: () => void = () => undefined
  const held = new HeldBack<number>((items) => {
    released.push(items)
    told()
  })
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      told = resolve
    })
  return { held, released, next }
}

it('releases what has rested, in order', async () => {
  const { held, released, next } = bench()
  const begunAt = performance.now()
  for (const item of [1, 2, 3]) held.hold(item)
  assert.equal(released, [])
  await next()
  assert.ok(performance.now() - begunAt >= REDELIVERY_PAUSE_MS)
  while (released.flat().length < 3) await next()
  assert.equal(released.flat(), [1, 2, 3])
})

it('what came later rests longer', async () => {
  const { held, released, next } = bench()
  held.hold(1)
  await new Promise((resolve) => setTimeout(resolve, REDELIVERY_PAUSE_MS / 4))
  held.hold(2)
  await next()
  assert.equal(released, [[1]])
  await next()
  assert.equal(released, [[1], [2]])
})

it('releases everything at once when asked to, and nothing again', async () => {
  const { held, released, next } = bench()
  held.releaseAll()
  assert.equal(released, [])
  held.hold(1)
  held.hold(2)
  held.releaseAll()
  assert.equal(released, [[1, 2]])
  held.hold(3)
  await next()
  assert.equal(released, [[1, 2], [3]])
})

it('forgets', async () => {
  const { held, released, next } = bench()
  held.hold(1)
  held.clear()
  held.hold(2)
  await next()
  assert.equal(released, [[2]])
})
