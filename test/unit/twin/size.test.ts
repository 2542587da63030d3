import * as assert from 'uvu/assert'
import { suite } from '../../support/suite.ts'
import { apply, command, errorIdOf, stored } from './support.ts'

const it = suite('twin/size')

const TOO_LARGE = 'things:thing.toolarge'

it('refuses a thing that is larger than the limit, in the words of Ditto', () => {
  const value = { attributes: { a: 'x'.repeat(2000) } }
  const { outcome, after } = apply(undefined, command('create', '/', value), {
    maxThingChars: 1024,
  })
  assert.is(outcome.response.status, 413)
  assert.is(after, undefined)
  assert.equal(outcome.response.value, {
    status: 413,
    error: TOO_LARGE,
    message: "The size of '2.012' kB exceeds the maximal allowed Thing size of '1' kB.",
    description: 'Reduce the Thing size in the bounds of the specified limit',
  })
})

it('takes exactly as much as the limit allows, however it got there', () => {
  const limit = { maxThingChars: 1024 }
  let record = apply(undefined, command('create', '/', {}), limit).after
  const empty = JSON.stringify(record?.thing).length
  const room = 1024 - empty - '"attributes":{"a":""},'.length
  const fits = command('modify', '/attributes/a', 'x'.repeat(room))
  const over = command('modify', '/attributes/a', 'x'.repeat(room + 1))
  for (let round = 0; round < 5; round++) {
    record = apply(record, fits, limit).after
    assert.is(JSON.stringify(record?.thing).length, 1024)
    assert.is(errorIdOf(apply(record, over, limit).outcome.response), TOO_LARGE)
    const merge = command('merge', '/attributes', { a: 'x'.repeat(room + 1) })
    assert.is(errorIdOf(apply(record, merge, limit).outcome.response), TOO_LARGE)
  }
})

it('never takes the bound of a size for the size', () => {
  const limit = { maxThingChars: 1024 }
  let record = apply(undefined, command('create', '/', {}), limit).after
  for (let change = 0; change < 500; change++) {
    const { outcome, after } = apply(record, command('modify', '/attributes/a', change), limit)
    assert.is(outcome.response.status, change === 0 ? 201 : 204)
    record = after
  }
})

it('lets a thing that became too large shrink', () => {
  const large = stored({ attributes: { a: 'x'.repeat(2000), b: 1 } })
  const removal = apply(large, command('delete', '/attributes/b'), { maxThingChars: 1024 })
  assert.is(removal.outcome.response.status, 204)
})
