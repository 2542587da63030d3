import * as assert from 'uvu/assert'
import { DEFAULT_CONFIG } from '../../../src/config.ts'
import { CounterReader } from '../../../src/engine/counter-reader.ts'
import { shardSettings } from '../../../src/supervisor/settings.ts'
import { testConnection, testSource } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'

const it = suite('counter reader')

function counted(): { reader: CounterReader; cells: Uint32Array } {
  const reader = new CounterReader()
  const buffer = reader.add({
    shard: 1,
    connection: testConnection({ sources: [testSource(['in'])] }),
    clientIndex: 0,
    dryRun: false,
    logsActive: false,
    settings: shardSettings(DEFAULT_CONFIG),
  })
  return { reader, cells: new Uint32Array(buffer) }
}

it('tells what was gained since the last time', () => {
  const { reader, cells } = counted()
  cells[0] = 5
  cells[3] = 1
  assert.equal(reader.read(), [
    {
      shard: 1,
      deltas: [
        [0, 5],
        [3, 1],
      ],
    },
  ])
  assert.equal(reader.read(), [])
  cells[0] = 6
  assert.equal(reader.read(), [{ shard: 1, deltas: [[0, 1]] }])
})

it('counts right when a cell wraps', () => {
  const { reader, cells } = counted()
  cells[0] = 2 ** 32 - 1
  reader.read()
  cells[0]! += 3
  assert.is(cells[0], 2)
  assert.equal(reader.read(), [{ shard: 1, deltas: [[0, 3]] }])
})

it('reads once more before it forgets a shard', () => {
  const { reader, cells } = counted()
  cells[1] = 4
  assert.equal(reader.remove(1), [{ shard: 1, deltas: [[1, 4]] }])
  cells[1] = 9
  assert.equal(reader.read(), [])
  assert.equal(reader.remove(1), [])
})
