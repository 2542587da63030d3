import * as assert from 'uvu/assert'
import { ConnectionLogBook } from '../../../src/supervisor/logs.ts'
import { suite } from '../../support/suite.ts'

const it = suite('the log book')

function logBook(durationMs: number, now = () => 1_000): ConnectionLogBook {
  return new ConnectionLogBook({
    durationMs,
    maxEntries: 10,
    onExpired: () => {},
    onEntry: () => {},
    now,
    monotonicMs: () => 0,
  })
}

it('enables a log for its time, and prolongs only what is enabled', () => {
  const book = logBook(60_000)
  book.prolong('c')
  assert.is(book.span('c'), undefined)
  book.enable('c')
  assert.equal(book.span('c'), { since: 1_000, until: 61_000 })
  book.close()
})

it('stays enabled for the same time when the clock jumps', () => {
  let now = 1_000_000
  const book = logBook(60_000, () => now)
  book.enable('c')
  now += 3_600_000
  assert.equal(book.span('c'), { since: 1_000_000, until: now + 60_000 })
  now = 500_000
  assert.equal(book.span('c'), { since: 500_000, until: 560_000 })
  book.close()
})

it('enables none when they have no time', () => {
  const book = logBook(0)
  book.enable('c')
  assert.is(book.span('c'), undefined)
  book.close()
})
