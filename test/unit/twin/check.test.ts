/** Stored twins are looked at before they are opened: what would end the engine is refused by name. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { checkTwin } from '../../../src/twin/check.ts'
import { openDatabase } from '../../../src/twin/database.ts'
import { openTwinLayout } from '../../../src/twin/layout.ts'
import { suite } from '../../support/suite.ts'

const it = suite('twin/check')

const PAGE_BYTES = 4_096
const THINGS = 200
const ROUNDS = 30
const WRITER = fileURLToPath(new URL('partition-writer.ts', import.meta.url))

/** A twin of one partition, which has been written and deleted in a lot, and its file. */
async function usedTwin() {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-check-'))
  const partition = openTwinLayout(folder, 1).pathOf(0)
  const database = openDatabase(partition)
  for (let round = 0; round < ROUNDS; round++) {
    await database.transaction(() => {
      for (let thing = 0; thing < THINGS; thing++) {
        void database.put(`ns:t${thing}`, 'x'.repeat(130 + ((thing * round) % 300)))
      }
    })
    if (round % 7 !== 3) continue
    await database.transaction(() => {
      for (let thing = 0; thing < THINGS / 2; thing++) void database.remove(`ns:t${thing}`)
    })
  }
  await database.close()
  return { folder, partition, file: join(partition, 'data.mdb') }
}

it('finds nothing wrong with what was written and deleted in, and changes nothing', async () => {
  const { folder, file } = await usedTwin()
  const before = readFileSync(file)
  await checkTwin(folder)
  assert.ok(before.equals(readFileSync(file)))
})

it('refuses what has lost its last pages, if a write needs one of them', async () => {
  const { folder, partition, file } = await usedTwin()
  const { size } = statSync(file)
  copyFileSync(file, `${file}.good`)
  let refusals = 0
  for (let pages = 1; pages <= 4; pages++) {
    copyFileSync(`${file}.good`, file)
    truncateSync(file, size - pages * PAGE_BYTES)
    const refusal = await checkTwin(folder).catch(({ message }: Error) => message)
    if (refusal !== undefined) {
      refusals += 1
      assert.match(refusal, `${file} cannot be read`)
      assert.is(statSync(file).size, size - pages * PAGE_BYTES)
    } else {
      const { signal } = spawnSync(process.execPath, [WRITER, partition])
      assert.is(signal, null, `${pages} pages less were accepted, and ended who wrote`)
    }
  }
  assert.ok(refusals > 0)
})
