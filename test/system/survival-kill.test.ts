/** The service, or a part of it, killed again and again under load: no message that a broker took is lost. */
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { sized } from '../support/faults.ts'
import { enginePid, eventually, untilStatus } from '../support/gateway.ts'
import { Rig, untilGone } from '../support/rig.ts'
import { suite } from '../support/suite.ts'
import { exhaustThread } from '../support/thread-killer.ts'

const it = suite('killed')
const rig = new Rig(it, { workers: { threads: 2, max_heap_mb: 128 } })

const KILLS = sized(2, 5)
const READINGS_PER_SECOND = sized(1_000, 2_000)
/** Two deaths while 10,000 messages are sent, at full size five while it is 50,000. */
const LIFE_MS = sized(2_000, 4_500)
const LEAST_MESSAGES = sized(10_000, 50_000)
/** From the first answer of the API until every connection is open. */
const OPEN_LIMIT_MS = 2_000
/** What was sent meanwhile comes first. */
const CATCH_UP_LIMIT_MS = 60_000
const LIMIT_MS = 120_000

it(
  'all of it, with SIGKILL: everything opens again at once, nothing is lost',
  async () => {
    let sluice = await rig.start()
    const ids = Object.values(await rig.openPair(sluice))
    const load = await rig.startLoad({ readingsPerSecond: READINGS_PER_SECOND })
    for (let kill = 0; kill < KILLS; kill++) {
      await load.flows(CATCH_UP_LIMIT_MS)
      await delay(LIFE_MS)
      const engine = enginePid(sluice)!
      // Every other time the engine has to find out by itself.
      if (kill % 2 === 1) process.kill(engine, 'SIGKILL')
      await sluice.kill()
      await untilGone(engine)
      sluice = await rig.start()
      await Promise.all(ids.map((id) => untilStatus(sluice, id, 'open', OPEN_LIMIT_MS)))
    }
    await eventually(
      () => load.account.promised,
      (count) => count >= LEAST_MESSAGES,
      CATCH_UP_LIMIT_MS,
    )
    await rig.assertComplete(load, KILLS)
    assert.is(await sluice.stop(), 0)
  },
  LIMIT_MS,
)

it(
  'its engine, again and again while it starts: it comes back, and nothing is lost',
  async () => {
    const sluice = await rig.start()
    const ids = Object.values(await rig.openPair(sluice))
    const load = await rig.startLoad({ readingsPerSecond: 500 })
    for (let kill = 0; kill < KILLS; kill++) {
      await load.flows()
      const engine = enginePid(sluice)!
      process.kill(engine, 'SIGKILL')
      await untilGone(engine)
    }
    for (const id of ids) await untilStatus(sluice, id, 'open')
    await load.flows()
    await rig.assertComplete(load, KILLS)
    assert.is(await sluice.stop(), 0)
  },
  LIMIT_MS,
)

it(
  'one of its threads, out of heap: the others go on, its shards open elsewhere, nothing is lost',
  async () => {
    const sluice = await rig.start()
    const ids = Object.values(await rig.openPair(sluice))
    const load = await rig.startLoad({ readingsPerSecond: 500 })
    await load.flows()
    const engine = enginePid(sluice)
    await exhaustThread(sluice)
    await eventually(sluice.output, (text) => text.includes('A worker thread died.'), 20_000)
    for (const id of ids) await untilStatus(sluice, id, 'open')
    await load.flows()
    assert.is(enginePid(sluice), engine, 'the engine lives')
    await rig.assertComplete(load, 1)
    assert.is(await sluice.stop(), 0)
  },
  LIMIT_MS,
)
