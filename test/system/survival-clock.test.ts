/** The clock on the wall jumps while messages flow: nothing times out, nothing is lost, figures stay sane. */
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { Sluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { command, create, eventually, look, open, untilStatus } from '../support/gateway.ts'
import { jumpingClock } from '../support/jumping-clock.ts'
import { type Load, READING_SCRIPT } from '../support/load.ts'
import { freePort } from '../support/ports.ts'
import { Rig } from '../support/rig.ts'
import { suite } from '../support/suite.ts'

const it = suite('clocks that jump')
const rig = new Rig(it)
let late: Mosquitto | undefined
it.after(() => late?.stop())

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const LIMIT_MS = 60_000
/** After which all processes have the new time. */
const JUMP_MS = 1_500

/** One after the other: an hour ahead, two hours back, more than a year ahead, and right again. */
const OFFSETS = [
  ['+1h', HOUR_MS],
  ['-1h', -HOUR_MS],
  ['+1y', 365 * DAY_MS],
  ['+0', 0],
] as const

interface Logs {
  readonly enabledUntil: string
  readonly connectionLogs: readonly {
    readonly type: string
    readonly level: string
    readonly timestamp: string
  }[]
}

/** Whether an instant is now, by a clock that is this far from ours. */
function isNow(instant: string, offsetMs: number): boolean {
  return Math.abs(Date.parse(instant) - Date.now() - offsetMs) < MINUTE_MS
}

/** Waits until the control plane and the thread that consumes have the new time; answers the logs. */
function untilSeen(sluice: Sluice, id: string, offsetMs: number): Promise<Logs> {
  return eventually<Logs>(
    () => look(sluice, id, 'logs'),
    ({ enabledUntil, connectionLogs }) =>
      isNow(enabledUntil, offsetMs + DAY_MS) &&
      connectionLogs.some(
        ({ type, timestamp }) => type === 'consumed' && isNow(timestamp, offsetMs),
      ),
  )
}

/** Every count of the consumer is possible: none negative, none larger than that of a longer time. */
async function assertSaneMetrics(sluice: Sluice, id: string, load: Load): Promise<void> {
  const { connectionMetrics } = await look(sluice, id, 'metrics')
  const { consumed } = connectionMetrics.inbound
  const { PT1M, PT1H, PT24H } = consumed.success
  const text = JSON.stringify(consumed)
  assert.ok(PT1M > 0 && PT1M <= PT1H && PT1H <= PT24H && PT24H <= load.sent, text)
  assert.is(consumed.failure.PT24H, 0, text)
}

it(
  'an hour ahead, an hour back, a year ahead: sessions, messages, metrics, logs and retries go on',
  async () => {
    const clock = jumpingClock(rig.folder)
    const sluice = await rig.start(clock.env)
    // A broker that is silent for longer than this is given up.
    const specificConfig = { keepAlive: '4s' }
    const { consumer } = await rig.openPair(sluice, {
      source: { specificConfig },
      target: { specificConfig },
    })
    const port = await freePort()
    const elsewhere = rig.consuming('in', READING_SCRIPT)
    const waiting = await create(sluice, {
      ...elsewhere,
      uri: `tcp://127.0.0.1:${port}`,
    })
    await untilStatus(sluice, waiting, 'failed')
    const load = await rig.startLoad({ readingsPerSecond: 500 })
    await load.flows()
    await command(sluice, consumer, 'enableConnectionLogs')
    const { connectedSince } = await look(sluice, consumer, 'status')

    for (const [offset, offsetMs] of OFFSETS) {
      // What was published waits for its confirmation while the clock jumps.
      rig.broker.pause()
      clock.jump(offset)
      await delay(JUMP_MS)
      rig.broker.cont()
      // A log stays enabled for a day.
      await untilSeen(sluice, consumer, offsetMs)
      await load.flows()
      await assertSaneMetrics(sluice, consumer, load)
      const { connectionLogs } = await untilSeen(sluice, consumer, offsetMs)
      assert.equal(
        connectionLogs.filter(({ level }) => level === 'failure'),
        [],
        offset,
      )
      await open(sluice, rig.consuming('elsewhere', READING_SCRIPT))
    }

    late = await startMosquitto({ port })
    await untilStatus(sluice, waiting, 'open')
    assert.is((await look(sluice, consumer, 'status')).connectedSince, connectedSince)
    await rig.assertComplete(load, 0)
    assert.is(await sluice.stop(), 0)
  },
  LIMIT_MS,
)
