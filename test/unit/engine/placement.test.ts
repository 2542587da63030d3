import * as assert from 'uvu/assert'
import { placeShard } from '../../../src/engine/placement.ts'
import { suite } from '../../support/suite.ts'

const it = suite('placement')

/** The connection of the shard, the connections per thread, the thread it gets. */
const CASES: readonly [string, readonly (readonly string[])[], number][] = [
  ['a', [[], []], 0],
  ['a', [['b'], []], 1],
  ['a', [['b', 'c'], ['a']], 0],
  [
    'a',
    [
      ['a', 'a'],
      ['a', 'b', 'c', 'd'],
    ],
    1,
  ],
  ['a', [['a'], ['a']], 0],
]

for (const [id, threads, expected] of CASES) {
  it(`puts ${id} on ${expected} of ${JSON.stringify(threads)}`, () => {
    const loads = threads.map((connections, thread) => ({ thread, connections }))
    assert.is(placeShard(id, loads), expected)
  })
}
