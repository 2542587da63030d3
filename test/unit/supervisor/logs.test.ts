import * as assert from 'uvu/assert'
import { ConnectionLogBook } from '../../../src/supervisor/logs.ts'
import { suite } from '../../support/suite.ts'

const it = suite('the log book')

function logBook(durationMs: number): ConnectionLogBook {
  return new ConnectionLogBook({
    durationMs,
    maxEntries: 10,
    onExpired: () => {},
    onEntry: () => {},
    now: () => 1_000,
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

it('enables none when they have no time', () => {
  const book = logBook(0)
  book.enable('c')
  assert.is(book.span('c'), undefined)
  book.close()
})
