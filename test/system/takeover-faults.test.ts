/**
 * MQTT clients with the same id take the session from each other, for ever: a broker disconnects who had
 * the id when somebody else comes with it, and says nothing.
 */
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { sized } from '../support/faults.ts'
import { create, eventually, logTexts, look, untilStatus } from '../support/gateway.ts'
import { suite } from '../support/suite.ts'

const BACKOFF_MAX_MS = sized(600, 4_000)
/** Long enough for some of the longest pauses. */
const WATCHED_MS = 3 * BACKOFF_MAX_MS
const TOLD = /client id 'shared-id', too.*'clientId' of its own in specificConfig/
const LIMIT_MS = sized(20_000, 80_000)

const it = suite('faults: one client id for two')

let broker: Mosquitto
let sluice: Sluice
it.before(async () => {
  const connections = { backoff_min_ms: 50, backoff_max_ms: BACKOFF_MAX_MS }
  ;[broker, sluice] = await Promise.all([
    startMosquitto({ verbose: true }),
    startSluice({ config: { connections } }),
  ])
})
it.after(async () => {
  await sluice.stop()
  await broker.stop()
})

function openAsShared(name: string): Promise<string> {
  return create(sluice, {
    name,
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: broker.url(),
    sources: [{ addresses: [`takeover/${name}`], qos: 1, authorizationContext: ['test:takeover'] }],
    specificConfig: { clientId: 'shared-id' },
  })
}

/** How often somebody has connected as `shared-id`. */
function connects(): number {
  return broker.log().split('as shared-id (').length - 1
}

async function details(id: string): Promise<string> {
  return (await look(sluice, id, 'status')).clientStatus[0].statusDetails
}

async function untilTold(id: string): Promise<void> {
  await eventually(
    () => details(id),
    (text) => TOLD.test(text),
  )
  const texts = await logTexts(sluice, id)
  assert.ok(texts.some((text) => TOLD.test(text)))
}

/** Sessions that begin are no sign of health: the pauses stay long. */
async function assertNoStorm(clients: number): Promise<void> {
  await delay(BACKOFF_MAX_MS)
  const before = connects()
  await delay(WATCHED_MS)
  const shortestPauseMs = BACKOFF_MAX_MS / 2
  const most = clients * (Math.ceil(WATCHED_MS / shortestPauseMs) + 1)
  const seen = connects() - before
  assert.ok(seen <= most, `${seen} sessions within ${WATCHED_MS} ms, expected up to ${most}`)
}

it(
  'two connections are told, wait longer and longer, and the one that stays is well again',
  async () => {
    const [first, second] = [await openAsShared('first'), await openAsShared('second')]
    for (const id of [first, second]) await untilTold(id)
    await assertNoStorm(2)
    assert.match(await details(first), TOLD)
    await sluice.request('DELETE', `/api/2/connections/${second}`)
    await untilStatus(sluice, first, 'open')
    await eventually(
      () => details(first),
      (text) => text === '[CONNECTED] CONNECTED',
    )
    await sluice.request('DELETE', `/api/2/connections/${first}`)
  },
  LIMIT_MS,
)

it(
  'another client that comes back at once does not drive a connection mad',
  async () => {
    const stubborn = await broker.connect({ clientId: 'shared-id', reconnectPeriod: 20 })
    const id = await openAsShared('patient')
    await untilTold(id)
    const { liveStatus } = await eventually(
      () => look(sluice, id, 'status'),
      (status) => status.liveStatus === 'misconfigured',
    )
    assert.is(liveStatus, 'misconfigured')
    await assertNoStorm(2)
    await stubborn.endAsync(true)
    await untilStatus(sluice, id, 'open')
    await eventually(
      () => details(id),
      (text) => text === '[CONNECTED] CONNECTED',
    )
  },
  LIMIT_MS,
)
