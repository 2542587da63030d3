import type { LookupAddress } from 'node:dns'
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { Names } from '../../../src/transport/names.ts'
import { suite } from '../../support/suite.ts'

const it = suite('names')

const SLOW_MS = 20
type Outcome = readonly LookupAddress[] | string

/** A resolver that answers when the test says so. */
class Bench {
  readonly asked: string[] = []
  readonly #answers: ((error: Error | null, addresses: LookupAddress[]) => void)[] = []
  readonly names = new Names((hostname, family, answer) => {
    this.asked.push(`${hostname} ${family}`)
    this.#answers.push(answer)
  }, SLOW_MS)

  lookup(hostname: string, family: 0 | 4 | 6 = 0): Promise<Outcome> {
    return new Promise((resolve) => {
      this.names.lookup(hostname, { all: true, family }, (error, addresses) =>
        resolve(error === null ? (addresses as LookupAddress[]) : error.code!),
      )
    })
  }

  found(index: number, address: string): void {
    this.#answers[index]!(null, [{ address, family: 4 }])
  }

  failed(index: number, code: string): void {
    this.#answers[index]!(Object.assign(new Error(code), { code }), [])
  }
}

function at(address: string): Outcome {
  return [{ address, family: 4 }]
}

it('asks once for all who want the same', async () => {
  const bench = new Bench()
  const both = [bench.lookup('a'), bench.lookup('a'), bench.lookup('a', 4)]
  assert.equal(bench.asked, ['a 0', 'a 4'])
  bench.found(0, '10.0.0.1')
  bench.failed(1, 'ENOTFOUND')
  assert.equal(await Promise.all(both), [at('10.0.0.1'), at('10.0.0.1'), 'ENOTFOUND'])
  const again = bench.lookup('a')
  bench.found(2, '10.0.0.2')
  assert.equal(await again, at('10.0.0.2'), 'what is found now counts')
})

it('answers with one address when asked for one', async () => {
  const bench = new Bench()
  const one = new Promise((resolve) => {
    bench.names.lookup('a', { family: 'IPv4' }, (...answer) => resolve(answer))
  })
  bench.found(0, '10.0.0.1')
  assert.equal(await one, [null, '10.0.0.1', 4])
  assert.equal(bench.asked, ['a 4'])
})

it('names that were slow are asked for one after the other, others at once', async () => {
  const bench = new Bench()
  const first = ['s1', 's2', 's3'].map((name) => bench.lookup(name))
  await delay(2 * SLOW_MS)
  for (const index of [0, 1, 2]) bench.failed(index, 'ENOTFOUND')
  assert.equal(await Promise.all(first), ['ENOTFOUND', 'ENOTFOUND', 'ENOTFOUND'])
  bench.asked.length = 0
  const second = ['s1', 's2', 'new', 's3'].map((name) => bench.lookup(name))
  assert.equal(bench.asked, ['s1 0', 'new 0'])
  bench.failed(3, 'ENOTFOUND')
  assert.equal(bench.asked, ['s1 0', 'new 0', 's2 0'])
  bench.found(5, '10.0.0.2')
  bench.found(6, '10.0.0.3')
  bench.found(4, '10.0.0.4')
  assert.equal(await Promise.all(second), [
    'ENOTFOUND',
    at('10.0.0.2'),
    at('10.0.0.4'),
    at('10.0.0.3'),
  ])
  bench.asked.length = 0
  void bench.lookup('s2')
  void bench.lookup('s3')
  assert.equal(bench.asked, ['s2 0', 's3 0'], 'they were quick')
})

it('a name keeps its addresses while the resolver does not answer', async () => {
  const bench = new Bench()
  const first = bench.lookup('a')
  bench.found(0, '10.0.0.1')
  await first
  assert.equal(await bench.lookup('a'), at('10.0.0.1'))
  bench.found(1, '10.0.0.2')
  const unsure = bench.lookup('a')
  bench.failed(2, 'EAI_AGAIN')
  assert.equal(await unsure, at('10.0.0.2'))
  const gone = bench.lookup('a')
  bench.failed(3, 'ENOTFOUND')
  assert.is(await gone, 'ENOTFOUND')
})
