/**
 * Deaths under load, of the engine and of the control plane: nothing that a broker confirmed to a device
 * is lost, and events flow again soon.
 */
import * as assert from 'uvu/assert'
import type { Sluice } from '../../bench/support/sluice.ts'
import { CONNECTIONS, enginePid, eventually, logTexts, untilStatus } from '../support/gateway.ts'
import { Rig, untilGone } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const it = suite('deaths under load')
const rig = new Rig(it)

/** Longest answer of the API while an engine dies and starts. */
const ANSWER_LIMIT_MS = 1_000
const PAUSE_MS = 10
const TEST_LIMIT_MS = 60_000

/** Asks the API again and again until told to stop; answers how it did. */
function watchApi(sluice: Sluice, paths: readonly string[]) {
  let watching = true
  const failures: string[] = []
  let slowestMs = 0
  const watched = (async () => {
    for (let turn = 0; watching; turn++) {
      const path = paths[turn % paths.length]!
      const askedAt = performance.now()
      const { status } = await sluice.request('GET', path).catch(() => ({ status: 'no answer' }))
      if (status !== 200) failures.push(`${path}: ${status}`)
      slowestMs = Math.max(slowestMs, performance.now() - askedAt)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  })()
  return async () => {
    watching = false
    await watched
    return { failures, slowestMs }
  }
}

it(
  'the engine: the API answers all the time, everything reopens, nothing is lost',
  async () => {
    const sluice = await rig.start()
    const ids = Object.values(await rig.openPair(sluice))
    const load = await rig.startLoad()
    await load.flows()
    const paths = ids.flatMap((id) =>
      ['', '/status', '/metrics', '/logs'].map((path) => `${CONNECTIONS}/${id}${path}`),
    )
    const stopWatching = watchApi(sluice, [CONNECTIONS, ...paths])
    for (let death = 0; death < 2; death++) {
      const engine = enginePid(sluice)!
      load.longestSilenceMs()
      process.kill(engine, 'SIGKILL')
      await untilStatus(sluice, ids[0]!, 'failed')
      await load.flows()
      rig.assertRecovered(load)
      for (const id of ids) await untilStatus(sluice, id, 'open')
      assert.is.not(enginePid(sluice), engine)
    }
    const { failures, slowestMs } = await stopWatching()
    assert.equal(failures, [])
    assert.ok(slowestMs < ANSWER_LIMIT_MS, `the slowest answer took ${slowestMs} ms`)
    await rig.assertComplete(load, 2)
    assert.is(await sluice.stop(), 0)
  },
  TEST_LIMIT_MS,
)

it(
  'the engine, without load: health and log tell about it',
  async () => {
    const sluice = await rig.start()
    const { publisher } = await rig.openPair(sluice)
    assert.is((await sluice.request('GET', '/health')).status, 200)
    process.kill(enginePid(sluice)!, 'SIGKILL')
    const { json } = await eventually(
      () => sluice.request('GET', '/health'),
      ({ status }) => status === 503,
    )
    assert.is.not(json.engine, 'up')
    await untilStatus(sluice, publisher, 'open')
    assert.is((await sluice.request('GET', '/health')).status, 200)
    assert.match((await logTexts(sluice, publisher)).join('\n'), 'ended by SIGKILL')
    assert.is(await sluice.stop(), 0)
  },
  TEST_LIMIT_MS,
)

it(
  'the control plane: its engine ends too, and a restart gets everything back',
  async () => {
    const first = await rig.start()
    const ids = Object.values(await rig.openPair(first))
    const before = (await first.request('GET', CONNECTIONS)).json
    const load = await rig.startLoad()
    await load.flows()
    const engine = enginePid(first)!
    await first.kill()
    await untilGone(engine)
    const second = await rig.start()
    assert.equal((await second.request('GET', CONNECTIONS)).json, before)
    for (const id of ids) await untilStatus(second, id, 'open')
    await load.flows()
    await rig.assertComplete(load, 1)
    assert.is(await second.stop(), 0)
  },
  TEST_LIMIT_MS,
)
