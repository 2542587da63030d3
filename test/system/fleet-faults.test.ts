/**
 * Many connections, of which half point to nothing, and brokers that accept and never answer: whoever has a
 * broker works, the API answers, and trying again costs little. Then all lose their broker at once.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { sized } from '../support/faults.ts'
import { CONNECTIONS, create, enginePid, eventually, look } from '../support/gateway.ts'
import { freePort } from '../support/ports.ts'
import { suite } from '../support/suite.ts'

const TOTAL = sized(200, 1_000)
const GOOD = TOTAL / 2
const BACKOFF_MAX_MS = sized(1_500, 10_000)
const CONNECT_TIMEOUT_MS = 1_000
const OPEN_LIMIT_MS = sized(10_000, 30_000)
/** The machine is shared with the brokers. */
const ANSWER_LIMIT_MS = sized(500, 1_000)
const REST_MS = sized(3_000, 20_000)
/** Of one core, while half of the fleet tries again and again. */
const MAX_CPU_AT_REST = 0.4
const MAX_GROWTH_BYTES = 60 * 1024 * 1024
const LIMIT_MS = sized(60_000, 300_000)

const it = suite('faults of a fleet')

let broker: Mosquitto
let sluice: Sluice
let folder: string
let nowhere: Nowhere
it.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-fleet-'))
  broker = await startMosquitto({ config: ['max_queued_messages 0'] })
  nowhere = await Nowhere.start()
  await start()
})
it.after(async () => {
  await sluice.stop()
  await broker.stop()
  nowhere.stop()
  await rm(folder, { recursive: true })
})

async function start(): Promise<void> {
  sluice = await startSluice({
    folder,
    config: {
      workers: { threads: 2 },
      connections: {
        backoff_min_ms: 200,
        backoff_max_ms: BACKOFF_MAX_MS,
        connect_timeout_ms: CONNECT_TIMEOUT_MS,
      },
    },
  })
}

/** Where no broker is: in all the ways there are. */
class Nowhere {
  /** A process that is stopped: its kernel accepts a few connections, and drops who comes then. */
  readonly #frozen: ChildProcess
  readonly #frozenPort: number
  readonly #closedPort: number
  readonly #server = createServer((socket) => this.#accept(socket))
  readonly #mutePeers = new Set<Socket>()
  /** When somebody came to the peer that hangs up, in milliseconds. */
  readonly visits: number[] = []
  hangsUp = true

  private constructor(frozen: ChildProcess, frozenPort: number, closedPort: number) {
    this.#frozen = frozen
    this.#frozenPort = frozenPort
    this.#closedPort = closedPort
  }

  static async start(): Promise<Nowhere> {
    const port = await freePort()
    const listen = `listen(${port}, '127.0.0.1', 2, () => process.stdout.write('1'))`
    const script = `require('node:net').createServer().${listen}`
    const frozen = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(frozen.stdout!, 'data')
    frozen.kill('SIGSTOP')
    const nowhere = new Nowhere(frozen, port, await freePort())
    nowhere.#server.listen(0, '127.0.0.1')
    await once(nowhere.#server, 'listening')
    return nowhere
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections that nobody has closed. */
  get held(): number {
    return this.#mutePeers.size
  }

  /** One address after the other: a closed port, a frozen machine, a name of nobody, and who hangs up. */
  uri(index: number): string {
    const kinds = [
      `127.0.0.1:${this.#closedPort}`,
      `127.0.0.1:${this.#frozenPort}`,
      `broker-${index}.invalid:1883`,
      `127.0.0.1:${this.port}`,
    ]
    return `tcp://${kinds[index % kinds.length]}`
  }

  stop(): void {
    this.#frozen.kill('SIGKILL')
    this.#server.close()
    for (const socket of this.#mutePeers) socket.destroy()
  }

  #accept(socket: Socket): void {
    this.visits.push(performance.now())
    socket.on('error', () => undefined)
    if (this.hangsUp) {
      socket.destroy()
      return
    }
    socket.resume()
    this.#mutePeers.add(socket)
    socket.on('close', () => this.#mutePeers.delete(socket))
  }
}

function member(index: number, uri: string): object {
  return {
    name: `member ${index}`,
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri,
    tags: [uri.includes(`:${broker.port}`) ? 'good' : 'bad'],
    sources: [
      {
        addresses: [`fleet/${index}`],
        qos: 1,
        authorizationContext: ['test:fleet'],
        replyTarget: { enabled: false },
      },
    ],
  }
}

/** How many connections are in which state. */
async function states(): Promise<Readonly<Record<string, number>>> {
  return (await sluice.request('GET', `${CONNECTIONS}/status`)).json.states
}

async function untilOpen(count: number): Promise<void> {
  await eventually(states, ({ open = 0 }) => open === count, OPEN_LIMIT_MS)
}

/** Looks at everything that an operator looks at; the longest answer, in milliseconds. */
async function slowestAnswer(): Promise<number> {
  const slowest: number[] = []
  for (const path of ['/status', '?fields=id,name', '?ids-only=true&status=failed']) {
    const startedAt = performance.now()
    assert.is((await sluice.request('GET', `${CONNECTIONS}${path}`)).status, 200)
    slowest.push(performance.now() - startedAt)
  }
  return Math.max(...slowest)
}

/** Seconds of processor time, and bytes in memory. Linux only. */
function costs(): { readonly cpuSeconds: number; readonly bytes: number } {
  const pid = enginePid(sluice)!
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  const ticks = Number(fields[11]) + Number(fields[12])
  return { cpuSeconds: ticks / 100, bytes: Number(kilobytes) * 1024 }
}

it('a peer that accepts and never answers: told in time, and nothing is left open', async () => {
  nowhere.hangsUp = false
  const bodies = [
    { ...member(0, `tcp://127.0.0.1:${nowhere.port}`), name: 'mqtt' },
    ...['amqp-091', 'amqp-10'].map((connectionType) => ({
      name: connectionType,
      connectionType,
      connectionStatus: 'open',
      uri: `amqp://guest:guest@127.0.0.1:${nowhere.port}`,
      sources: [{ addresses: ['silent'], authorizationContext: ['test:fleet'] }],
    })),
  ]
  const ids: string[] = []
  for (const body of bodies) ids.push(await create(sluice, body))
  for (const id of ids) {
    const { clientStatus } = await eventually(
      async () => {
        assert.ok((await slowestAnswer()) < ANSWER_LIMIT_MS)
        return look(sluice, id, 'status')
      },
      ({ liveStatus }) => liveStatus === 'failed',
      5 * CONNECT_TIMEOUT_MS,
    )
    assert.match(clientStatus[0].statusDetails, /within 1000 ms|timed? ?out/i)
  }
  // Attempts that follow hold no more than one connection each; 0.9.1 has one for each direction.
  await delay(2 * CONNECT_TIMEOUT_MS)
  assert.ok(nowhere.held <= ids.length + 1, `${nowhere.held} connections are held`)
  for (const id of ids) await sluice.request('DELETE', `${CONNECTIONS}/${id}`)
  await eventually(
    () => nowhere.held,
    (held) => held === 0,
  )
  nowhere.hangsUp = true
})

it(
  `${TOTAL} connections, half of them to nowhere: the others work at once after a start`,
  async () => {
    for (let index = 0; index < GOOD; index++) {
      const host = index % 2 === 0 ? '127.0.0.1' : 'localhost'
      await create(sluice, member(index, `tcp://${host}:${broker.port}`))
      await create(sluice, member(GOOD + index, nowhere.uri(index)))
    }
    await create(sluice, {
      ...member(TOTAL, `tcp://127.0.0.1:${broker.port}`),
      sources: [],
      targets: [
        {
          address: 'fleet/out',
          qos: 1,
          topics: ['_/_/things/live/messages'],
          authorizationContext: ['test:fleet'],
        },
      ],
    })
    await sluice.stop()
    await start()
    const answers: number[] = []
    await eventually(
      async () => {
        answers.push(await slowestAnswer())
        return states()
      },
      ({ open = 0 }) => open === GOOD + 1,
      OPEN_LIMIT_MS,
    )
    await assertMessagesPass()
    assert.ok(Math.max(...answers) < ANSWER_LIMIT_MS, `${answers}`)
  },
  LIMIT_MS,
)

/** One message of each that has a broker arrives. */
async function assertMessagesPass(): Promise<void> {
  const device = await broker.connect()
  const seen = new Set<string>()
  device.on('message', (_topic, payload) => seen.add(JSON.parse(payload.toString()).value))
  await device.subscribeAsync('fleet/out', { qos: 1 })
  for (let index = 0; index < GOOD; index++) {
    const message = {
      topic: `fleet/thing-${index}/things/live/messages/hello`,
      headers: { 'response-required': false, 'content-type': 'text/plain' },
      path: '/inbox/messages/hello',
      value: `from ${index}`,
    }
    await device.publishAsync(`fleet/${index}`, JSON.stringify(message), { qos: 1 })
  }
  await eventually(
    () => seen.size,
    (size) => size === GOOD,
  )
  await device.endAsync()
}

it(
  'those to nowhere try again spread over time, and cost little',
  async () => {
    await eventually(states, ({ failed = 0, misconfigured = 0 }) => failed + misconfigured === GOOD)
    // Until the pauses have grown.
    await delay(2 * BACKOFF_MAX_MS)
    nowhere.visits.length = 0
    const before = costs()
    const answers: number[] = []
    for (let round = 0; round < 10; round++) {
      answers.push(await slowestAnswer())
      await delay(REST_MS / 10)
    }
    const after = costs()
    const cpu = ((after.cpuSeconds - before.cpuSeconds) * 1000) / REST_MS
    assert.ok(cpu < MAX_CPU_AT_REST, `${cpu} of a core`)
    assert.ok(after.bytes - before.bytes < MAX_GROWTH_BYTES, `${after.bytes - before.bytes} bytes`)
    assert.ok(Math.max(...answers) < ANSWER_LIMIT_MS, `${answers}`)
    assertSpread(nowhere.visits)
  },
  LIMIT_MS,
)

/** No tenth of the time has half of the instants. */
function assertSpread(instants: readonly number[]): void {
  const first = Math.min(...instants)
  const width = (Math.max(...instants) - first + 1) / 10
  const parts = Array<number>(10).fill(0)
  for (const instant of instants) parts[Math.floor((instant - first) / width)]! += 1
  assert.ok(instants.length >= 10)
  assert.ok(Math.max(...parts) < instants.length / 2, `${parts}`)
}

it(
  'all lose their broker at once, and come back one after the other',
  async () => {
    await broker.kill9()
    await eventually(states, ({ open = 0 }) => open === 0)
    const before = costs()
    await delay(BACKOFF_MAX_MS)
    const after = costs()
    const cpu = ((after.cpuSeconds - before.cpuSeconds) * 1000) / BACKOFF_MAX_MS
    assert.ok(cpu < 2 * MAX_CPU_AT_REST, `${cpu} of a core`)
    assert.ok((await slowestAnswer()) < ANSWER_LIMIT_MS)
    await broker.restart()
    await untilOpen(GOOD + 1)
    const { connections } = (await sluice.request('GET', `${CONNECTIONS}/status`)).json
    const open = connections.filter((line: { liveStatus: string }) => line.liveStatus === 'open')
    assertSpread(open.map(({ since }: { since: string }) => Date.parse(since)))
    await assertMessagesPass()
  },
  LIMIT_MS,
)
