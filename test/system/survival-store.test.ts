/** Disks that take no more, and stores that are damaged: nothing is lost, nothing is half read. */
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import type { Sluice } from '../../bench/support/sluice.ts'
import {
  CONNECTIONS,
  command,
  create,
  enginePid,
  eventually,
  logTexts,
  untilStatus,
} from '../support/gateway.ts'
import { Rig } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const it = suite('stores that fail')
const rig = new Rig(it)

const LIMIT_MS = 60_000
const START_LIMIT_MS = 10_000
/** Until health tells what a thread knows. */
const HEALTH_LIMIT_MS = 3_000

/** Both processes of the service may write files up to this size: as if the disk were full. */
function limitFiles(sluice: Sluice, bytes: number | 'unlimited'): void {
  for (const pid of [sluice.process.pid!, enginePid(sluice)!]) {
    execFileSync('prlimit', ['--pid', `${pid}`, `--fsize=${bytes}:unlimited`])
  }
}

/** The meta pages of LMDB, and none of its data. */
const FULL_BYTES = 8_192

it(
  'a full disk: messages wait at their broker, changes are refused; all goes on when there is room',
  async () => {
    const sluice = await rig.start()
    const { consumer } = await rig.openPair(sluice)
    const load = await rig.startLoad({ readingsPerSecond: 200 })
    await load.flows()

    limitFiles(sluice, FULL_BYTES)
    await eventually(
      () => logTexts(sluice, consumer),
      (texts) =>
        texts.some((text) => /store of the twins does not work.*cannot be written/.test(text)),
    )
    // Nothing was written to the connections' store yet: it is the twins that tell.
    const { json: told } = await eventually(
      () => sluice.request('GET', '/health'),
      ({ status }) => status === 503,
      HEALTH_LIMIT_MS,
    )
    assert.equal([told.status, told.ready, told.twins], ['DOWN', false, 'read-only'])
    assert.match(told.twinsDetails, /commands wait.*make room/)
    const refused = await sluice.request('POST', CONNECTIONS, rig.publishing())
    assert.is(refused.status, 503)
    assert.is(refused.json.error, 'connectivity:connection.unavailable')
    assert.match(refused.json.description, /connections\.mdb cannot be written.*Make room/)
    const health = await sluice.request('GET', '/health')
    assert.equal([health.status, health.json.store], [503, 'read-only'])
    for (const path of ['', '/status', '/metrics', '/logs']) {
      assert.is((await sluice.request('GET', `${CONNECTIONS}/${consumer}${path}`)).status, 200)
    }
    assert.ok(enginePid(sluice) !== undefined, 'the engine lives')

    limitFiles(sluice, 'unlimited')
    await load.flows(20_000)
    const { json: healed } = await eventually(
      () => sluice.request('GET', '/health'),
      ({ status }) => status === 200,
    )
    assert.equal([healed.status, healed.twins, healed.twinsDetails], ['UP', 'writable', undefined])
    await create(sluice, { ...rig.publishing(), connectionStatus: 'closed' })
    const { lost, unexpected } = (await load.finish()).verdict()
    assert.equal({ lost, unexpected }, { lost: [], unexpected: [] })
    assert.is(await sluice.stop(), 0)
  },
  LIMIT_MS,
)

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Starts a service that should not start; how it ended, and what it wrote. */
function refusal(folder: string): Promise<{ readonly code: unknown; readonly text: string }> {
  const args = ['--no-node-snapshot', MAIN, '--config', join(folder, 'config.toml')]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: START_LIMIT_MS }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), text: stdout + stderr }),
    )
  })
}

/** What may have happened to a file. */
const DAMAGES: Readonly<Record<string, (file: string) => void>> = {
  truncated: (file) => truncateSync(file, 6_000),
  garbage: (file) => writeFileSync(file, randomBytes(statSync(file).size)),
  'a folder in its place': (file) => {
    rmSync(file)
    mkdirSync(file)
  },
}

it(
  'a damaged file of either store: the service says which, ends, and leaves it as it is',
  async () => {
    const sluice = await rig.start()
    const { publisher } = await rig.openPair(sluice)
    // Things in every partition.
    const load = await rig.startLoad()
    await load.flows()
    await load.finish()
    assert.is((await command(sluice, publisher, 'closeConnection')).status, 200)
    assert.is(await sluice.stop(), 0)
    for (const name of ['connections.mdb', 'twin/partition-1/data.mdb']) {
      const file = join(rig.folder, 'data', name)
      const good = readFileSync(file)
      for (const [title, damage] of Object.entries(DAMAGES)) {
        damage(file)
        const damaged = statSync(file)
        const { code, text } = await refusal(rig.folder)
        assert.is(code, 1, `${name}, ${title}: ${text}`)
        assert.match(text, file, title)
        assert.match(text, 'Restore', title)
        assert.is(text.trim().split('\n').length, 1, text)
        assert.equal([statSync(file).size, statSync(file).mtimeMs], [damaged.size, damaged.mtimeMs])
        rmSync(file, { recursive: true })
        writeFileSync(file, good)
      }
    }
    const healed = await rig.start()
    await untilStatus(healed, publisher, 'closed')
  },
  LIMIT_MS,
)

it(
  'a damaged record: its connection is told by name and can be deleted, the others run',
  async () => {
    const sluice = await rig.start()
    const { publisher, consumer } = await rig.openPair(sluice)
    const uri = 'tcp://user:secret@127.0.0.1:1'
    const closed = { ...rig.publishing(), uri, connectionStatus: 'closed' }
    const id = await create(sluice, closed)
    assert.is(await sluice.stop(), 0)
    // Its secrets were encrypted for another id.
    const damaged = id.replace(/^./, (first) => (first === '0' ? '1' : '0'))
    const file = join(rig.folder, 'data', 'connections.mdb')
    const bytes = readFileSync(file, 'latin1')
    writeFileSync(file, bytes.replaceAll(id, damaged), 'latin1')

    const again = await rig.start()
    for (const other of [publisher, consumer]) await untilStatus(again, other, 'open')
    const answer = await again.request('GET', `${CONNECTIONS}/${damaged}`)
    assert.equal([answer.status, answer.json.error], [500, 'connectivity:connection.damaged'])
    assert.match(again.output(), new RegExp(`"connectionId":"${damaged}".*cannot be read`))
    assert.is((await again.request('DELETE', `${CONNECTIONS}/${damaged}`)).status, 204)
    const load = await rig.startLoad({ readingsPerSecond: 200 })
    await load.flows()
    await rig.assertComplete(load, 0)
    assert.is(await again.stop(), 0)
  },
  LIMIT_MS,
)

it(
  'bytes overwritten within things: the service runs, and its log names each of them once',
  async () => {
    const sluice = await rig.start()
    await rig.openPair(sluice)
    const load = await rig.startLoad()
    await load.flows()
    await load.finish()
    assert.is(await sluice.stop(), 0)
    const paths = [0, 1].map((index) => join(rig.folder, 'data', 'twin', `partition-${index}`))
    for (const path of paths) {
      const file = join(path, 'data.mdb')
      const bytes = readFileSync(file, 'latin1')
      const damaged = bytes.replaceAll('{"thingId"', '#"thingId"')
      assert.is.not(damaged, bytes)
      writeFileSync(file, damaged, 'latin1')
    }

    const again = await rig.start()
    await rig.startLoad()
    const lines = await eventually(
      async () =>
        again.output().match(/What is stored of '[^']+' in the twin partition \S+/g) ?? [],
      (told) => paths.every((path) => told.some((line) => line.endsWith(path))),
    )
    assert.is(new Set(lines).size, lines.length)
    assert.is((await again.request('GET', '/health')).status, 200)
  },
  LIMIT_MS,
)
