/** Disks that take no more, and stores that are damaged: nothing is lost, nothing is half read. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, globSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
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
    await eventually(
      () => sluice.request('GET', '/health'),
      ({ status }) => status === 200,
    )
    await create(sluice, { ...rig.publishing(), connectionStatus: 'closed' })
    const { lost, unexpected } = (await load.finish()).verdict()
    assert.equal({ lost, unexpected }, { lost: [], unexpected: [] })
    assert.is(await sluice.stop(), 0)
  },
  LIMIT_MS,
)

it(
  'a damaged file of either store: the service says which, and leaves it as it is',
  async () => {
    const sluice = await rig.start()
    const { publisher } = await rig.openPair(sluice)
    // Things in every partition.
    const load = await rig.startLoad()
    await load.flows()
    await load.finish()
    assert.is((await command(sluice, publisher, 'closeConnection')).status, 200)
    assert.is(await sluice.stop(), 0)
    const files = globSync('**/*.mdb', { cwd: rig.folder })
      .filter((file) => !file.includes('lock'))
      .map((file) => join(rig.folder, file))
    assert.ok(files.length >= 2, `${files}`)
    for (const file of files) {
      copyFileSync(file, `${file}.good`)
      truncateSync(file, 6_000)
      const failure = await startSluice({ folder: rig.folder }).then(
        async (started) => `it started, and ended with ${await started.stop()}`,
        (error: Error) => error.message,
      )
      assert.match(failure, file)
      assert.match(failure, /[Rr]estore/)
      assert.ok(existsSync(file))
      copyFileSync(`${file}.good`, file)
    }
    const healed = await rig.start()
    await untilStatus(healed, publisher, 'closed')
  },
  LIMIT_MS,
)
