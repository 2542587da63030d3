import * as assert from 'uvu/assert'
import { Lane } from '../../../src/mapping/lane.ts'
import { suite } from '../../support/suite.ts'

const it = suite('mapping/lane')

it('steps run at once while nothing is under way', () => {
  const lane = new Lane()
  const seen: string[] = []
  assert.is(
    lane.run(() => seen.push('a')),
    1,
  )
  assert.is(
    lane.run(() => seen.push('b')),
    2,
  )
  assert.not(lane.isBusy)
})

it('steps behind one that takes its time wait for it, in order', async () => {
  const lane = new Lane()
  const seen: string[] = []
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const step = (name: string, work?: Promise<void>) => () => {
    seen.push(name)
    return work
  }
  const first = lane.run(step('first', gate))
  assert.ok(first instanceof Promise)
  const second = lane.run(step('second'))
  assert.ok(second instanceof Promise)
  lane.run(step('third', Promise.resolve()))
  assert.equal(seen, ['first'])
  assert.ok(lane.isBusy)
  open()
  await lane.idle()
  assert.equal(seen, ['first', 'second', 'third'])
  assert.not(lane.isBusy)
  assert.is(lane.run(step('fourth')), undefined, 'at once again')
})

it('is idle only when what was added meanwhile is through, too', async () => {
  const lane = new Lane()
  const seen: string[] = []
  lane.run(async () => {
    await Promise.resolve()
    lane.run(() => {
      seen.push('added')
    })
  })
  await lane.idle()
  assert.equal(seen, ['added'])
})
