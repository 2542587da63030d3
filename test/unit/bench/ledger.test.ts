/** The books of a load generator: nothing lost, doubled or overtaken goes unnoticed. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Ledger } from '../../../bench/peers/ledger.ts'
import { suite } from '../../support/suite.ts'

const it = suite('bench/ledger')

const CLEAN = { sent: 0, received: 0, duplicates: 0, overtaken: 0, foreign: 0 }

function ledgerWith(sent: number, devices = 1): Ledger {
  const ledger = new Ledger(devices)
  for (let number = 0; number < sent; number++) assert.is(ledger.send(number), number)
  return ledger
}

it('whatever arrives, in whatever order, is accounted for', () => {
  const arrivals = fc.array(fc.integer({ min: 0, max: 29 }), { maxLength: 60 })
  fc.assert(
    fc.property(arrivals, (numbers) => {
      const ledger = ledgerWith(20)
      for (const number of numbers) ledger.receive(number, 100)
      const known = numbers.filter((number) => number < 20)
      const { received, duplicates, foreign } = ledger.account()
      assert.is(received, new Set(known).size)
      assert.is(duplicates, known.length - received)
      assert.is(foreign, numbers.length - known.length)
      assert.is(ledger.inFlight, 20 - received)
    }),
  )
})

it('a message that overtakes an earlier one of its device is noticed, of another device not', () => {
  const ledger = ledgerWith(6, 2)
  for (const number of [1, 0, 2, 5, 3, 4]) ledger.receive(number, 10)
  assert.equal(ledger.account(), { ...CLEAN, sent: 6, received: 6, overtaken: 1 })
})

it('what carries no number is foreign', () => {
  const ledger = ledgerWith(1)
  ledger.receive(Number.NaN, 10)
  ledger.receive(-1, 10)
  assert.equal(ledger.account(), { ...CLEAN, sent: 1, foreign: 2 })
})

it('giving up frees the window, and what arrives late still counts as received', () => {
  const ledger = ledgerWith(10)
  ledger.receive(0, 20)
  ledger.giveUp(5)
  assert.is(ledger.inFlight, 5)
  ledger.receive(3, 30)
  ledger.receive(3, 31)
  assert.is(ledger.inFlight, 5)
  assert.equal(ledger.account(), { ...CLEAN, sent: 10, received: 2, duplicates: 1 })
})

it('more messages on their way than can be told apart do not confuse the count', () => {
  const sent = 2 ** 20 + 5
  const ledger = ledgerWith(sent)
  assert.is(ledger.inFlight, 2 ** 20)
  ledger.receive(2, sent)
  ledger.receive(sent - 1, sent)
  assert.equal(ledger.account(), { ...CLEAN, sent, received: 1, foreign: 1 })
})

it('the window measures what arrives after it began', () => {
  const ledger = ledgerWith(3)
  ledger.receive(0, 1_000_000)
  ledger.beginWindow()
  ledger.receive(1, 101)
  ledger.receive(2, 52)
  const { received, latencyUs } = ledger.window()
  assert.is(received, 2)
  assert.is(latencyUs.max, 100)
  assert.is(latencyUs.p50, 50)
})
