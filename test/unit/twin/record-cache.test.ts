import * as assert from 'uvu/assert'
import { RecordCache } from '../../../src/twin/record-cache.ts'
import { suite } from '../../support/suite.ts'
import { stored } from './support.ts'

const it = suite('twin/record-cache')

it('keeps records up to its size, and forgets the oldest first', () => {
  const record = stored({ attributes: { a: 'x'.repeat(1000) } })
  const cache = new RecordCache(10 * (record.sizeBound + 512))
  for (let n = 0; n < 10; n++) cache.set(`ns:${n}`, record)
  assert.is(cache.get('ns:0'), record)
  cache.set('ns:0', { ...record, revision: 7 })
  cache.set('ns:10', record)
  assert.is(cache.get('ns:1'), undefined)
  assert.is(cache.get('ns:0')?.revision, 7, 'setting it again made it the newest')
  assert.is(cache.get('ns:2'), record)
})

it('never keeps what alone is larger than all of it', () => {
  const cache = new RecordCache(100)
  cache.set('ns:1', stored({}))
  assert.is(cache.get('ns:1'), undefined)
  for (let n = 0; n < 1000; n++) cache.set('ns:1', stored({}))
  assert.is(cache.get('ns:1'), undefined)
})
