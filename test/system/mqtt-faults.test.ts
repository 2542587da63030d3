/** What networks and brokers do to MQTT connections; see the flow that is struck. */
import { readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { startMosquitto } from '../support/broker.ts'
import { sized } from '../support/faults.ts'
import { enginePid, eventually } from '../support/gateway.ts'
import { KEEP_ALIVE_SECONDS, MAX_REPEATED, MqttFlow, type Sides } from '../support/mqtt-faults.ts'
import { type ProxyMode, startProxy } from '../support/proxy.ts'
import { suite } from '../support/suite.ts'

const LIMIT_MS = sized(40_000, 300_000)
const CUTS = sized(10, 100)
const FROZEN_MS = sized(2_500, 30_000)
const FLAPS = sized(3, 90)
const FLAP_MS = sized(300, 1_000)
/** A dead peer is noticed within 1.5 times the keep-alive, and told a moment later. */
const DEAD_LIMIT_MS = 3 * KEEP_ALIVE_SECONDS * 1000

const it = suite('faults of MQTT')

let sluice: Sluice
let sides: Sides
it.before(async () => {
  const config = ['max_queued_messages 0', 'max_inflight_messages 100']
  const brokers = [0, 1].map(() => startMosquitto({ persistence: 'when-told', config }))
  const [source, target] = await Promise.all(brokers)
  const [toIn, toOut] = await Promise.all([source!, target!].map(({ port }) => startProxy(port)))
  sides = { in: source!, out: target!, toIn: toIn!, toOut: toOut! }
  sluice = await startSluice({
    config: {
      workers: { threads: 2 },
      connections: {
        backoff_min_ms: 50,
        backoff_max_ms: 500,
        max_in_flight: 100,
        connect_timeout_ms: 3_000,
        ack_timeout_ms: 20_000,
        publish_timeout_ms: 15_000,
      },
    },
  })
})
it.after(async () => {
  await sluice.stop()
  for (const proxy of [sides.toIn, sides.toOut]) await proxy.stop()
  for (const broker of [sides.in, sides.out]) await broker.stop()
})

/** The session of the source ends, that of the target does, and for that the source's once more. */
const BOTH_ENDED = 3 * MAX_REPEATED

/** Strikes a flow with a fault; afterwards the network is well again and everything has to arrive. */
function across(
  fault: string,
  strike: (flow: MqttFlow) => Promise<void>,
  repeats = BOTH_ENDED,
): void {
  it(
    fault,
    async () => {
      const flow = new MqttFlow(sluice, sides, fault.replaceAll(/\W+/g, '-'))
      try {
        await flow.begin()
        await strike(flow)
        await bothAre('pass')
        await flow.end(repeats)
      } finally {
        await bothAre('pass')
        await flow.remove()
      }
    },
    LIMIT_MS,
  )
}

async function bothAre(mode: ProxyMode): Promise<void> {
  await Promise.all([sides.toIn.setMode(mode), sides.toOut.setMode(mode)])
}

function cutBoth(how: 'fin' | 'rst'): void {
  sides.toIn.cut(how)
  sides.toOut.cut(how)
}

/** Open files of the engine: sockets that are forgotten show here. */
function openFiles(): number {
  return readdirSync(`/proc/${enginePid(sluice)!}/fd`).length
}

across(
  'the broker of the source is killed and started again',
  async () => {
    await sides.in.kill9()
    await delay(200)
    await sides.in.restart()
  },
  // What the broker had not written to the disk it has forgotten: acknowledgements, too.
  Number.POSITIVE_INFINITY,
)

across('both brokers end in order and start again', async () => {
  await Promise.all([sides.in.terminate(), sides.out.terminate()])
  await delay(200)
  await Promise.all([sides.in.restart(), sides.out.restart()])
})

across(
  'connections are reset again and again',
  async (flow) => {
    const filesBefore = openFiles()
    for (let round = 0; round < CUTS; round++) {
      cutBoth('rst')
      await flow.untilMore()
    }
    for (const id of [flow.source, flow.target]) await flow.untilLive(id, 'open')
    await eventually(openFiles, (files) => files <= filesBefore)
    assert.equal([sides.toIn.connections, sides.toOut.connections], [1, 1])
  },
  CUTS * BOTH_ENDED,
)

const SWALLOWED = [
  ['the network swallows everything and resets nothing', 'blackhole'],
  ['only what brokers are sent is lost', 'blackhole-to-server'],
  ['only what brokers send is lost', 'blackhole-to-client'],
] as const
// Of the last one half is looked at below.
for (const [title, mode] of SWALLOWED.slice(0, sized(2, 3))) {
  across(title, async (flow) => {
    await bothAre(mode)
    for (const id of [flow.source, flow.target]) await flow.untilLive(id, 'failed', DEAD_LIMIT_MS)
  })
}

across('only confirmations of the second broker are lost', async (flow) => {
  await sides.toOut.setMode('blackhole-to-client')
  await flow.untilLive(flow.target, 'failed', DEAD_LIMIT_MS)
})

across(
  'connections are cut in the middle of a packet',
  async () => {
    for (let bytes = 1; bytes <= 64; bytes += sized(16, 1)) {
      const { accepted } = sides.toIn
      await bothAre({ cutAfter: bytes })
      cutBoth('fin')
      await eventually(
        () => sides.toIn.accepted,
        (now) => now > accepted,
      )
    }
  },
  Number.POSITIVE_INFINITY,
)

across('every packet takes 300 ms', async (flow) => {
  await bothAre({ delayMs: 300 })
  await flow.untilMore(100)
  await assertUndisturbed(flow)
})

across('the link is slow, 25 kB in a second', async (flow) => {
  await bothAre({ bytesPerSecond: 25_000 })
  await flow.untilMore(sized(60, 1_000))
  await assertUndisturbed(flow)
})

across('both brokers freeze for a while', async (flow) => {
  for (const broker of [sides.in, sides.out]) broker.pause()
  await flow.untilLive(flow.source, 'failed', DEAD_LIMIT_MS)
  await delay(FROZEN_MS - KEEP_ALIVE_SECONDS * 1_000)
  for (const broker of [sides.in, sides.out]) broker.cont()
})

across(
  'the network comes and goes',
  async () => {
    for (let round = 0; round < FLAPS; round++) {
      await bothAre('refuse')
      cutBoth(round % 2 === 0 ? 'fin' : 'rst')
      await delay(FLAP_MS)
      await bothAre('pass')
      await delay(FLAP_MS)
    }
  },
  FLAPS * BOTH_ENDED,
)

/** Whatever is slow is not dead. */
async function assertUndisturbed(flow: MqttFlow): Promise<void> {
  for (const id of [flow.source, flow.target]) {
    const { status, statusDetails } = await flow.clientStatus(id)
    assert.is(status, 'open', statusDetails)
  }
}
