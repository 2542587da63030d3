/** No descriptors left: what runs goes on, what cannot says why, and all heals by itself. */
import { execFileSync } from 'node:child_process'
import * as assert from 'uvu/assert'
import {
  CONNECTIONS,
  create,
  enginePid,
  eventually,
  logTexts,
  look,
  untilStatus,
} from '../support/gateway.ts'
import { READING_SCRIPT } from '../support/load.ts'
import { Rig } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const it = suite('descriptors')
const rig = new Rig(it)

const LIMIT_MS = 60_000

/** None of a process's descriptors has so low a number: it can open nothing any more. */
const NONE = 8
const PLENTY = 4_096

function limitDescriptors(pid: number, limit: number): void {
  execFileSync('prlimit', ['--pid', `${pid}`, `--nofile=${limit}:`])
}

it(
  'of the engine: new connections fail and say why, those that are open go on; all heals',
  async () => {
    const sluice = await rig.start()
    await rig.openPair(sluice)
    const load = await rig.startLoad({ readingsPerSecond: 200 })
    await load.flows()
    const engine = enginePid(sluice)!
    limitDescriptors(engine, NONE)
    const late = await create(sluice, rig.consuming('elsewhere', READING_SCRIPT))
    const status = await untilStatus(sluice, late, 'failed')
    assert.match(JSON.stringify(status.clientStatus), /No file descriptor is left.*ulimit -n/)
    assert.match((await logTexts(sluice, late)).join('\n'), /No file descriptor is left.*ulimit -n/)
    await load.flows()
    limitDescriptors(engine, PLENTY)
    await untilStatus(sluice, late, 'open')
    await load.flows()
    await rig.assertComplete(load, 0)
    assert.is(enginePid(sluice), engine, 'the engine lived through it')
  },
  LIMIT_MS,
)

it(
  'of the control plane: its log says so, messages flow, and the API comes back when there are some',
  async () => {
    const sluice = await rig.start()
    const { publisher } = await rig.openPair(sluice)
    const load = await rig.startLoad({ readingsPerSecond: 200 })
    await load.flows()
    limitDescriptors(sluice.process.pid!, NONE)
    const asked = Array.from({ length: 20 }, () =>
      fetch(`${sluice.url}/health`, { signal: AbortSignal.timeout(2_000) }).then(
        (response) => response.text(),
        () => 'no answer',
      ),
    )
    await Promise.all(asked)
    await load.flows()
    await eventually(sluice.output, (text) => /No file descriptor is left.*ulimit -n/.test(text))
    limitDescriptors(sluice.process.pid!, PLENTY)
    await eventually(
      () =>
        sluice.request('GET', CONNECTIONS).then(
          ({ status }) => status,
          () => 0,
        ),
      (status) => status === 200,
    )
    assert.is((await look(sluice, publisher, 'status')).liveStatus, 'open')
    await rig.assertComplete(load, 0)
  },
  LIMIT_MS,
)
