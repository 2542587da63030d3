/** The processes of the service: how they are started, stopped, and started again. */
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { FLAWLESS } from '../support/account.ts'
import { eventually, open } from '../support/gateway.ts'
import { READING_SCRIPT } from '../support/load.ts'
import { Rig } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const it = suite('processes')
const rig = new Rig(it)

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Processes start slowly on a busy machine. */
const PROCESS_LIMIT_MS = 60_000
/** How long a service runs under load between two restarts. */
const LIFE_MS = 500

it(
  'lose and repeat nothing over graceful restarts under load',
  async () => {
    let sluice = await rig.start()
    await open(sluice, rig.publishing())
    // Nobody waits for the events: stopping must do that.
    await open(sluice, rig.consuming('in', READING_SCRIPT))
    const load = await rig.startLoad()
    for (let restart = 0; restart < 2; restart++) {
      await delay(LIFE_MS)
      assert.is(await sluice.stop(), 0)
      sluice = await rig.start()
    }
    await load.flows()
    const account = await load.finish()
    assert.equal(account.verdict(), FLAWLESS)
    assert.is(await sluice.stop(), 0)
  },
  PROCESS_LIMIT_MS,
)

it(
  'leave no session open when they stop',
  async () => {
    const sluice = await rig.start()
    const ids = Object.values(await rig.openPair(sluice))
    assert.is(await sluice.stop(), 0)
    await eventually(
      () => rig.broker.log(),
      (log) => ids.every((id) => log.includes(`Client ${id} disconnected.`)),
    )
  },
  PROCESS_LIMIT_MS,
)

/** Arguments of node, exit code, what is printed. */
const COMMAND_LINES: readonly [readonly string[], number, RegExp][] = [
  [['--no-node-snapshot', MAIN, '--confg', 'x'], 2, /Unknown option '--confg'/],
  [['--no-node-snapshot', MAIN, 'x'], 2, /Unexpected argument 'x'/],
  [[MAIN], 2, /must be started with node --no-node-snapshot/],
]

for (const [args, code, output] of COMMAND_LINES) {
  const shown = args.map((arg) => (arg === MAIN ? 'sluice' : arg)).join(' ')
  it(`end with ${code} when started as: node ${shown}`, async () => {
    const env = { ...process.env, NODE_OPTIONS: '' }
    const ended = await new Promise<{ code: unknown; text: string }>((resolve) => {
      execFile(process.execPath, [...args], { env, cwd: tmpdir() }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, text: stdout + stderr }),
      )
    })
    assert.match(ended.text, output)
    assert.is(ended.code, code)
  })
}
