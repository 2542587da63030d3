/**
 * Deaths under load: of the engine, of the control plane, of scripts that end the engine. Nothing that a
 * broker confirmed to a device is lost, and whoever is innocent consumes again soon.
 *
 * Sources request the acknowledgement that the target issues, so a reading is confirmed to its broker
 * when its event was: what dies in between comes again.
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { FLAWLESS } from '../support/account.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import {
  CONNECTIONS,
  command,
  eventually,
  logTexts,
  look,
  open,
  untilStatus,
} from '../support/gateway.ts'
import { Load, READING_SCRIPT } from '../support/load.ts'
import { suite } from '../support/suite.ts'

const it = suite('deaths under load')

/**
 * From the end of the engine until events arrive again, in milliseconds; where starting the whole
 * service has just taken long, because the machine is busy or slow, twice as long as that.
 */
const RECOVERY_LIMIT_MS = 3_000
/** Longest answer of the API while an engine dies and starts. */
const ANSWER_LIMIT_MS = 1_000
/** Messages that mosquitto sends without waiting for their confirmation: what may come twice. */
const IN_FLIGHT = 100
const TEST_LIMIT_MS = 60_000

const CONFIG = {
  workers: { threads: 2 },
  connections: { backoff_min_ms: 100, backoff_max_ms: 400 },
  // Little enough that it ends before a script's time does, on any machine.
  'mapping.javascript': { memory_mb: 16 },
}

let broker: Mosquitto
let device: Awaited<ReturnType<Mosquitto['connect']>>
let folder: string
const started: Sluice[] = []
let startMs = 0
const loads: Load[] = []
it.before(async () => {
  const limits = ['max_queued_messages 0', `max_inflight_messages ${IN_FLIGHT}`]
  broker = await startMosquitto({ config: limits })
  device = await broker.connect()
})
it.after(() => broker.stop())
it.beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-crash-'))
})
it.afterEach(async () => {
  for (const load of loads.splice(0)) await load.stop()
  for (const sluice of started.splice(0)) await sluice.stop()
  await rm(folder, { recursive: true })
})

/** Starts a service in the folder of the test. */
async function start(): Promise<Sluice> {
  const startedAt = performance.now()
  const sluice = await startSluice({ config: CONFIG, folder })
  startMs = performance.now() - startedAt
  started.push(sluice)
  return sluice
}

function consuming(topic: string, incomingScript: string, source: object = {}): object {
  return {
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: broker.url(),
    sources: [
      {
        addresses: [`${topic}/+`],
        qos: 1,
        authorizationContext: ['t:c'],
        payloadMapping: ['js'],
        replyTarget: { enabled: false },
        ...source,
      },
    ],
    mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { incomingScript } } },
  }
}

const PUBLISHED = '{{ connection:id }}:published'

/** Two connections that carry readings from `in` to events on `out`; answers their ids. */
async function openPair(sluice: Sluice): Promise<readonly string[]> {
  const publishing = await open(sluice, {
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: broker.url(),
    targets: [
      {
        address: 'out/{{ thing:name }}',
        qos: 1,
        topics: ['_/_/things/twin/events?namespaces=load'],
        authorizationContext: ['t:c'],
        issuedAcknowledgementLabel: PUBLISHED,
      },
    ],
  })
  const acknowledgementRequests = { includes: [`${publishing}:published`] }
  return [
    publishing,
    await open(sluice, consuming('in', READING_SCRIPT, { acknowledgementRequests })),
  ]
}

async function startLoad(): Promise<Load> {
  const load = await Load.start({ from: 'in', to: 'out', source: broker })
  loads.push(load)
  return load
}

function assertRecovered(load: Load): void {
  const silenceMs = load.longestSilenceMs()
  const limitMs = Math.max(RECOVERY_LIMIT_MS, 2 * startMs)
  assert.ok(silenceMs < limitMs, `silent for ${silenceMs} ms; the service started in ${startMs} ms`)
}

/** Nothing lost, nothing in the wrong order; twice only what was in flight when something died. */
async function assertComplete(load: Load, deaths: number): Promise<void> {
  const account = await load.finish()
  const { duplicated, ...verdict } = account.verdict()
  assert.equal({ ...verdict, duplicated: [] }, FLAWLESS)
  assert.ok(account.promised > 0)
  assert.ok(duplicated.length <= deaths * IN_FLIGHT, `${duplicated.length} came twice`)
}

function enginePid(sluice: Sluice): number | undefined {
  const { pid } = sluice.process
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children === '' ? undefined : Number(children.split(' ')[0])
}

async function untilGone(pid: number): Promise<void> {
  await eventually(
    () => existsSync(`/proc/${pid}`),
    (lives) => !lives,
  )
}

/** Asks the API without a pause until told to stop; answers how it did. */
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
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })()
  return async () => {
    watching = false
    await watched
    return { failures, slowestMs }
  }
}

it(
  'of the engine: the API answers all the time, everything reopens, nothing is lost',
  async () => {
    const sluice = await start()
    const ids = await openPair(sluice)
    const load = await startLoad()
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
      assertRecovered(load)
      for (const id of ids) await untilStatus(sluice, id, 'open')
      assert.is.not(enginePid(sluice), engine)
    }
    const { failures, slowestMs } = await stopWatching()
    assert.equal(failures, [])
    assert.ok(slowestMs < ANSWER_LIMIT_MS, `the slowest answer took ${slowestMs} ms`)
    await assertComplete(load, 2)
    assert.is(await sluice.stop(), 0)
  },
  TEST_LIMIT_MS,
)

it(
  'of the control plane: its engine ends too, and a restart gets everything back',
  async () => {
    const first = await start()
    const ids = await openPair(first)
    const before = (await first.request('GET', CONNECTIONS)).json
    const load = await startLoad()
    await load.flows()
    const engine = enginePid(first)!
    await first.kill()
    await untilGone(engine)
    const second = await start()
    assert.equal((await second.request('GET', CONNECTIONS)).json, before)
    for (const id of ids) await untilStatus(second, id, 'open')
    await load.flows()
    await assertComplete(load, 1)
    assert.is(await second.stop(), 0)
  },
  TEST_LIMIT_MS,
)

/** Does what it is told by a message; its things are none of those under load. */
const commanded = (code: string): string =>
  READING_SCRIPT.replace('return', `if (textPayload === 'do it') { ${code} } return`).replace(
    `'load'`,
    `'other'`,
  )

/** One-liners against which limits of time and memory do not help. */
const DEADLY = {
  'ends its process with a fatal error of V8': `'x'.repeat(5e8).split('')`,
  'is ended by V8 for its memory': 'const map = new Map(); for (let i = 0; ; i++) map.set(i, [i])',
  'does not come back': 'new Array(2 ** 31).fill(1)',
} as const

it(
  'of the engine through scripts: only whoever did it is out, until opened by command',
  async () => {
    const first = await start()
    await openPair(first)
    const load = await startLoad()
    const guilty: string[] = []
    for (const code of Object.values(DEADLY)) {
      const topic = `deadly-${guilty.length}`
      const id = await open(first, consuming(topic, commanded(code)))
      guilty.push(id)
      await load.flows()
      const engine = enginePid(first)!
      // Without QoS the message does not come again, and does not kill again.
      await device.publishAsync(`${topic}/x`, 'do it', { qos: 0 })
      await untilGone(engine)
      load.longestSilenceMs()
      await load.flows()
      assertRecovered(load)
      assert.is((await look(first, id, 'status')).liveStatus, 'misconfigured')
      const told = (await logTexts(first, id)).join('\n')
      assert.match(told, /mapping definition <js>.*(modify|open) the connection/s)
    }
    assert.is(await first.stop(), 0)

    const second = await start()
    await load.flows()
    for (const id of guilty) {
      const { liveStatus, clientStatus } = await look(second, id, 'status')
      assert.is(liveStatus, 'misconfigured')
      assert.match(clientStatus[0].statusDetails, /mapping definition <js>.*by command/)
      assert.is((await command(second, id, 'openConnection')).status, 200)
      assert.is((await look(second, id, 'status')).liveStatus, 'open')
    }
    await assertComplete(load, guilty.length + 1)
    assert.is(await second.stop(), 0)
  },
  TEST_LIMIT_MS,
)

it(
  'a message that kills comes again and kills again, and the others still go on',
  async () => {
    const sluice = await start()
    await openPair(sluice)
    const [fatal] = Object.values(DEADLY)
    const id = await open(sluice, consuming('poison', commanded(fatal!)))
    const load = await startLoad()
    await load.flows()
    await device.publishAsync('poison/x', 'do it', { qos: 1 })
    await untilStatus(sluice, id, 'misconfigured')
    // Whether the attempt still connects before the message is back is a matter of luck.
    await command(sluice, id, 'openConnection')
    await untilStatus(sluice, id, 'misconfigured')
    await load.flows()
    const corrected = consuming('poison', commanded(''))
    assert.is((await sluice.request('PUT', `${CONNECTIONS}/${id}`, corrected)).status, 204)
    await eventually(
      () => look(sluice, id, 'metrics'),
      ({ connectionMetrics: { inbound } }) => inbound.mapped.success.PT1H === 1,
    )
    await assertComplete(load, 2)
    assert.is(await sluice.stop(), 0)
  },
  TEST_LIMIT_MS,
)

/** What limits of time and memory do help against. */
const HARMLESS = {
  'an endless loop': 'for (;;) {}',
  'a string that grows for ever': `let text = 'x'; for (;;) text += text`,
  'a recursion without an end': '(function again() { return again() + 1 })()',
} as const

it(
  'some scripts cost their message only',
  async () => {
    const sluice = await start()
    const engine = enginePid(sluice)
    for (const [what, code] of Object.entries(HARMLESS)) {
      const id = await open(sluice, consuming('harmless', commanded(code)))
      for (const text of ['before', 'do it', 'after']) {
        await device.publishAsync('harmless/x', text, { qos: 1 })
      }
      const { connectionMetrics } = await eventually(
        () => look(sluice, id, 'metrics'),
        ({ connectionMetrics: { inbound } }) => inbound.acknowledged.success.PT1H === 3,
      )
      const { mapped } = connectionMetrics.inbound
      assert.is(mapped.success.PT1H, 2, what)
      assert.is(mapped.failure.PT1H, 1, what)
      assert.is((await look(sluice, id, 'status')).liveStatus, 'open', what)
      assert.is((await sluice.request('DELETE', `${CONNECTIONS}/${id}`)).status, 204)
    }
    assert.is(enginePid(sluice), engine)
    assert.is(await sluice.stop(), 0)
  },
  TEST_LIMIT_MS,
)
