/** The books of the system tests: whatever happens to a message is told, and nothing else. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Account, FLAWLESS, type Verdict } from '../../support/account.ts'
import { suite } from '../../support/suite.ts'

const it = suite('support/account')

const runs: readonly [title: string, arrivals: readonly string[], verdict: Partial<Verdict>][] = [
  ['everything once and in order', ['a', 'b', 'c'], {}],
  ['one is missing', ['a', 'c'], { lost: ['s/b'] }],
  ['one comes again', ['a', 'b', 'a', 'c', 'a'], { duplicated: ['s/a', 's/a'] }],
  ['one is overtaken', ['b', 'a', 'c'], { overtaken: ['s/a'] }],
  ['nobody sent it', ['a', 'x', 'b', 'c'], { unexpected: ['s/x'] }],
]
for (const [title, arrivals, verdict] of runs) {
  it(title, () => {
    const account = new Account()
    for (const item of ['a', 'b', 'c']) {
      account.send('s', item)
      account.promise('s', item)
    }
    for (const item of arrivals) account.arrive('s', item)
    assert.equal(account.verdict(), { ...FLAWLESS, ...verdict })
    assert.is(account.missing, verdict.lost?.length ?? 0)
  })
}

it('what was not promised may get lost, or arrive', () => {
  const account = new Account()
  for (const item of ['a', 'b', 'c']) account.send('s', item)
  account.arrive('s', 'a')
  account.promise('s', 'a')
  account.promise('s', 'c')
  account.arrive('s', 'c')
  assert.is(account.promised, 2)
  assert.is(account.missing, 0)
  assert.equal(account.verdict(), FLAWLESS)
})

it('streams keep no order among each other', () => {
  const account = new Account()
  for (const stream of ['s', 't']) account.send(stream, '1')
  for (const stream of ['t', 's']) account.arrive(stream, '1')
  assert.equal(account.verdict(), FLAWLESS)
})

it('every arrival is the first, a repetition or unexpected, and the rest is lost', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 12 })), (arrivals) => {
      const account = new Account()
      for (let item = 0; item < 10; item++) {
        account.send('s', `${item}`)
        account.promise('s', `${item}`)
      }
      for (const item of arrivals) account.arrive('s', `${item}`)
      const { lost, duplicated, unexpected } = account.verdict()
      const first = new Set(arrivals.filter((item) => item < 10)).size
      assert.is(first + duplicated.length + unexpected.length, arrivals.length)
      assert.is(lost.length, 10 - first)
      assert.is(account.missing, lost.length)
    }),
  )
})
