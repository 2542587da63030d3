/** The service killed again and again under load: no message that a broker took is lost. */
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { sized } from '../support/faults.ts'
import { enginePid, untilStatus } from '../support/gateway.ts'
import { Rig, untilGone } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const it = suite('killed')
const rig = new Rig(it)

const KILLS = sized(2, 5)
const READINGS_PER_SECOND = 2_000
/** At full size more than 50,000 messages are sent while it dies five times. */
const LIFE_MS = sized(1_500, 4_500)
/** From the first answer of the API until every connection is open. */
const OPEN_LIMIT_MS = 2_000
const LIMIT_MS = 120_000

it(
  'all of it, with SIGKILL: everything opens again at once, nothing is lost',
  async () => {
    let sluice = await rig.start()
    const ids = Object.values(await rig.openPair(sluice))
    const load = await rig.startLoad({ readingsPerSecond: READINGS_PER_SECOND })
    for (let kill = 0; kill < KILLS; kill++) {
      await load.flows()
      await delay(LIFE_MS)
      const engine = enginePid(sluice)!
      await sluice.kill()
      await untilGone(engine)
      sluice = await rig.start()
      await Promise.all(ids.map((id) => untilStatus(sluice, id, 'open', OPEN_LIMIT_MS)))
    }
    await load.flows()
    await rig.assertComplete(load, KILLS)
    const { promised } = load.account
    const least = (KILLS * LIFE_MS * READINGS_PER_SECOND) / 1_000
    assert.ok(promised >= least, `${promised} messages`)
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
