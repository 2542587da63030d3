import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { StoreError } from '../../../src/connection/store-error.ts'
import { LOCK_FILE, lockStore } from '../../../src/connection/store-lock.ts'
import { suite } from '../../support/suite.ts'

const it = suite('store lock')

const folder = mkdtempSync(join(tmpdir(), 'sluice-lock-'))
it.after(() => rmSync(folder, { recursive: true }))

async function refusal(path: string): Promise<string> {
  const thrown: unknown = await lockStore(path).then(
    (lock) => lock.release(),
    (error: unknown) => error,
  )
  assert.instance(thrown, StoreError)
  return (thrown as StoreError).message
}

/** Short paths, and one that is too long for a socket. */
for (const name of ['short', 'long'.repeat(30)]) {
  it(`lets one at a time in: ${name.length} characters`, async () => {
    const path = join(folder, name)
    mkdirSync(path)
    const lock = await lockStore(path)
    assert.match(await refusal(path), `${path} ([store] path) is in use by another Sluice`)
    await lock.release()
    await (await lockStore(path)).release()
  })
}

it('is free again when its process was killed', async () => {
  const program = join(folder, 'holder.ts')
  const module = new URL('../../../src/connection/store-lock.ts', import.meta.url)
  writeFileSync(
    program,
    `import { lockStore } from '${module}'
     await lockStore('${folder}')
     process.stdout.write('locked')
     setInterval(() => {}, 1000)`,
  )
  const holder = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  assert.match(await refusal(folder), 'is in use')
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  assert.ok(existsSync(join(folder, LOCK_FILE)), 'what it left behind')
  await (await lockStore(folder)).release()
})
