import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { MAX_PARTITIONS, openTwinLayout } from '../../../src/twin/layout.ts'
import { suite } from '../../support/suite.ts'

const it = suite('twin/layout')

const folder = mkdtempSync(join(tmpdir(), 'sluice-layout-'))
let folders = 0

it.after(() => rmSync(folder, { recursive: true, force: true }))

function newPath(): string {
  folders += 1
  return join(folder, `twin-${folders}`, 'deep')
}

it('creates a store with the wanted partitions, and names their folders', () => {
  const path = newPath()
  const layout = openTwinLayout(path, 3)
  assert.is(layout.count, 3)
  assert.is(layout.pathOf(0), join(path, 'partition-0'))
  assert.is(layout.pathOf(2), join(path, 'partition-2'))
  assert.equal(readdirSync(path), ['layout.json'])
  assert.is(readFileSync(join(path, 'layout.json'), 'utf8'), '{"format":1,"partitions":3}')
})

it('keeps the count of a store that exists, whatever is wanted now', () => {
  const path = newPath()
  openTwinLayout(path, 3)
  assert.is(openTwinLayout(path, 8).count, 3)
})

it('has no partitions beside those', () => {
  const layout = openTwinLayout(newPath(), 2)
  for (const index of [-1, 2, 0.5, Number.NaN]) {
    assert.throws(() => layout.pathOf(index), /There is no partition/)
  }
})

for (const count of [0, -1, 1.5, MAX_PARTITIONS + 1, Number.NaN]) {
  it(`refuses ${count} partitions`, () => {
    assert.throws(() => openTwinLayout(newPath(), count), /give a number from 1 to 256/)
  })
}

for (const text of [
  '',
  'garbage',
  'null',
  '[]',
  '{}',
  '{"format":2,"partitions":2}',
  '{"format":1,"partitions":0}',
  '{"format":1,"partitions":"2"}',
  '{"format":1,"parti',
]) {
  it(`refuses the layout ${JSON.stringify(text)} and leaves it as it is`, () => {
    const path = newPath()
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'layout.json'), text)
    assert.throws(() => openTwinLayout(path, 2), /is not the layout of a twin/)
    assert.is(readFileSync(join(path, 'layout.json'), 'utf8'), text)
  })
}

it('refuses a folder in the place of the layout, with its name', () => {
  const path = newPath()
  mkdirSync(join(path, 'layout.json'), { recursive: true })
  assert.throws(
    () => openTwinLayout(path, 2),
    (error: Error) => /layout\.json cannot be read: EISDIR.*restore it/.test(error.message),
  )
})

it('refuses partitions without a layout: their things would be looked for in wrong places', () => {
  const path = newPath()
  mkdirSync(join(path, 'partition-0'), { recursive: true })
  assert.throws(() => openTwinLayout(path, 2), /holds partitions of a twin but no layout.json/)
})
