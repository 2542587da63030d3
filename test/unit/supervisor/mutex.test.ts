import * as assert from 'uvu/assert'
import { KeyedMutex } from '../../../src/supervisor/mutex.ts'
import { suite } from '../../support/suite.ts'

const it = suite('mutex')

it('runs operations of one key in their order, whatever becomes of them, and others meanwhile', async () => {
  const mutex = new KeyedMutex()
  const order: string[] = []
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const first = mutex.run('a', async () => {
    await gate
    order.push('a1')
    throw new Error('failed')
  })
  const second = mutex.run('a', async () => order.push('a2'))
  await mutex.run('b', async () => order.push('b'))
  open()
  assert.is((await Promise.allSettled([first, second]))[0].status, 'rejected')
  assert.equal(order, ['b', 'a1', 'a2'])
})
