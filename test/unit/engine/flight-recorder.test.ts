/** Notes about foreign code: written before it runs, gone afterwards, readable by another process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openFlightRecorder, readFlightRecords } from '../../../src/engine/flight-recorder.ts'
import { suite } from '../../support/suite.ts'

const it = suite('engine/flight-recorder')
const folder = mkdtempSync(join(tmpdir(), 'flight-'))
const path = join(folder, 'thread-1')
it.after(() => rmSync(folder, { recursive: true }))

const readFlightRecord = (from: string) => readFlightRecords(from)[0]

it('a note stands while foreign code runs, and only then', () => {
  const recorder = openFlightRecorder(path)
  assert.is(readFlightRecord(path), undefined)
  const one = recorder.recorderFor(7, 'factory:mqtt')
  const other = recorder.recorderFor(4_000_000_000, 'c')
  const before = Date.now()
  const place = one.enter('mäpper')
  const record = readFlightRecord(path)
  assert.ok(record)
  const { since, ...names } = record
  assert.equal(names, {
    slot: 0,
    shard: 7,
    connectionId: 'factory:mqtt',
    definition: 'mäpper',
  })
  assert.ok(since >= before && since <= Date.now())
  one.leave(place)
  assert.is(readFlightRecord(path), undefined)
  // A shorter note over a longer one must not show its rest.
  other.enter('j')
  const { since: _, ...shorter } = readFlightRecord(path)!
  assert.equal(shorter, {
    slot: 0,
    shard: 4_000_000_000,
    connectionId: 'c',
    definition: 'j',
  })
  recorder.close()
  assert.is(readFlightRecord(path)?.connectionId, 'c', 'a note outlives its recorder')
})

it('scripts that run side by side have a note each', () => {
  const recorder = openFlightRecorder(path)
  const one = recorder.recorderFor(1, 'c1')
  const other = recorder.recorderFor(2, 'c2')
  const definitions = () => readFlightRecords(path).map((note) => [note.slot, note.definition])
  const first = one.enter('a')
  const second = other.enter('b')
  assert.equal(definitions(), [
    [0, 'a'],
    [1, 'b'],
  ])
  one.leave(first)
  assert.equal(definitions(), [[1, 'b']])
  one.enter('c')
  assert.equal(definitions(), [
    [0, 'c'],
    [1, 'b'],
  ])
  other.leave(second)
  assert.equal(definitions(), [[0, 'c']])
  recorder.close()
})

it('opening starts with a clean file', () => {
  const first = openFlightRecorder(path)
  first.recorderFor(1, 'c').enter('d')
  first.close()
  openFlightRecorder(path).close()
  assert.is(readFlightRecord(path), undefined)
})

it('names are cut to what the file holds', () => {
  const recorder = openFlightRecorder(path)
  recorder.recorderFor(1, 'c').enter('x'.repeat(5_000))
  assert.is(readFlightRecord(path)?.definition, 'x'.repeat(1_024))
  recorder.close()
})

it('what is no note is no record', () => {
  assert.is(readFlightRecord(join(folder, 'missing')), undefined)
  for (const bytes of [
    [],
    [1],
    [1, ...Array(13).fill(0)],
    [1, ...Array(12).fill(0), 255, 255, 1],
  ]) {
    writeFileSync(path, Uint8Array.from(bytes))
    assert.is(readFlightRecord(path), undefined, String(bytes.length))
  }
})
