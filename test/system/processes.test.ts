/** The real process with its real engine and a real broker: who dies, and what goes on. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { MqttClient } from 'mqtt'
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { suite } from '../support/suite.ts'

const it = suite('processes')

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Processes start slowly on a busy machine. */
const PROCESS_LIMIT_MS = 60_000
/** Longest time until a connection consumes again after the engine died, on a busy machine. */
const RECOVERY_LIMIT_MS = 10_000

const MERGE = `return Ditto.buildDittoProtocolMsg(
  'test', headers['mqtt.topic'].split('/')[1], 'things', 'twin', 'commands', 'merge', '/',
  { 'content-type': 'application/merge-patch+json' }, { attributes: JSON.parse(textPayload) })`

/** Needs more memory than V8 can have, which ends its process. */
const FATAL = `if (textPayload === 'die') 'x'.repeat(5e8).split(''); ${MERGE}`

let broker: Mosquitto
let devices: MqttClient
const received: string[] = []
let onReceived = (): void => {}

it.before(async () => {
  broker = await startMosquitto({ config: ['max_queued_messages 100000'] })
  devices = await broker.connect()
  devices.on('message', (_topic, payload) => {
    received.push(payload.toString())
    onReceived()
  })
  await devices.subscribeAsync('out/#', { qos: 1 })
})

it.after(async () => {
  devices.end(true)
  await broker.stop()
})

function consuming(topic: string, script: string): object {
  return {
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: broker.url(),
    sources: [
      { addresses: [`${topic}/+`], qos: 1, authorizationContext: ['t:s'], payloadMapping: ['js'] },
    ],
    mappingDefinitions: {
      js: {
        mappingEngine: 'JavaScript',
        options: {
          incomingScript: `function mapToDittoProtocolMsg(headers, textPayload) { ${script} }`,
        },
      },
    },
  }
}

const PUBLISHING = (): object => ({
  connectionType: 'mqtt',
  connectionStatus: 'open',
  uri: broker.url(),
  targets: [
    {
      address: 'out/events',
      qos: 1,
      topics: ['_/_/things/twin/events'],
      authorizationContext: ['t:s'],
    },
  ],
})

async function command(sluice: Sluice, id: string, name: string): Promise<number> {
  const path = `/api/2/connections/${id}/command`
  return (await sluice.request('POST', path, `connectivity.commands:${name}`)).status
}

/** Creates the connection and waits until it is connected. */
async function open(sluice: Sluice, body: object): Promise<string> {
  const { status, json, text } = await sluice.request('POST', '/api/2/connections', body)
  assert.is(status, 201, text)
  assert.is(await command(sluice, json.id, 'openConnection'), 200)
  return json.id
}

async function liveStatus(sluice: Sluice, id: string): Promise<string> {
  return (await sluice.request('GET', `/api/2/connections/${id}/status`)).json.liveStatus
}

/** Publishes values on a topic until an event with one of them comes back. */
async function flows(topic: string): Promise<void> {
  const marker = `${topic} ${performance.now()}`
  const arrived = new Promise<void>((resolve) => {
    onReceived = () => {
      if (received.at(-1)!.includes(marker)) resolve()
    }
  })
  const pulse = setInterval(() => devices.publish(`${topic}/thing`, JSON.stringify({ marker })), 50)
  await arrived
  clearInterval(pulse)
}

function enginePid(sluice: Sluice): number {
  const { pid } = sluice.process
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(20)
}

async function withSluice(test: (sluice: Sluice) => Promise<void>): Promise<void> {
  const sluice = await startSluice({ config: { workers: { threads: 2 } } })
  try {
    await test(sluice)
  } finally {
    assert.is(await sluice.stop(), 0)
  }
}

it('answers while the engine is dead, and consumes again soon', () =>
  withSluice(async (sluice) => {
    const ids = [await open(sluice, consuming('a', MERGE)), await open(sluice, PUBLISHING())]
    await flows('a')
    const first = enginePid(sluice)
    process.kill(first, 'SIGKILL')
    const diedAt = performance.now()
    await until(async () => (await liveStatus(sluice, ids[0]!)) === 'failed')
    const health = await sluice.request('GET', '/health')
    assert.is(health.status, 503)
    await flows('a')
    assert.ok(performance.now() - diedAt < RECOVERY_LIMIT_MS)
    assert.is.not(enginePid(sluice), first)
    const { json } = await sluice.request('GET', `/api/2/connections/${ids[0]}/logs`)
    assert.match(JSON.stringify(json), 'ended by SIGKILL')
  }))

it(
  'puts whoever ends the engine in quarantine until its script is corrected, others go on',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-processes-'))
    const first = await startSluice({ folder })
    await open(first, PUBLISHING())
    await open(first, consuming('b', MERGE))
    const guilty = await open(first, consuming('c', FATAL))
    await flows('c')
    await devices.publishAsync('c/thing', 'die', { qos: 1 })
    await until(async () => (await liveStatus(first, guilty)) === 'misconfigured')
    await flows('b')
    assert.is(await first.stop(), 0)

    const second = await startSluice({ folder })
    await flows('b')
    const { json } = await second.request('GET', `/api/2/connections/${guilty}/status`)
    assert.is(json.liveStatus, 'misconfigured')
    assert.match(json.clientStatus[0].statusDetails, 'mapping definition <js>')
    const corrected = await second.request(
      'PUT',
      `/api/2/connections/${guilty}`,
      consuming('c', MERGE),
    )
    assert.is(corrected.status, 204, corrected.text)
    await flows('c')
    assert.is(await second.stop(), 0)
    await rm(folder, { recursive: true })
  },
  PROCESS_LIMIT_MS,
)

it(
  'loses and repeats nothing over graceful restarts under load',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-processes-'))
    let sluice = await startSluice({ folder })
    await open(sluice, PUBLISHING())
    // Without a clean session the broker keeps what arrives while nobody is there.
    const lasting = { specificConfig: { cleanSession: 'false' } }
    await open(sluice, { ...consuming('load', MERGE), ...lasting })
    received.length = 0
    let sent = 0
    const load = setInterval(() => {
      for (let i = 0; i < 10; i++) {
        const number = sent++
        devices.publish(`load/thing-${number % 7}`, JSON.stringify({ number }), { qos: 1 })
      }
    }, 10)
    for (let restart = 0; restart < 2; restart++) {
      await delay(500)
      assert.is(await sluice.stop(), 0)
      sluice = await startSluice({ folder })
    }
    await delay(500)
    clearInterval(load)
    await until(() => received.length >= sent)
    const numbers = received.map((event) => JSON.parse(event).value.attributes.number as number)
    assert.equal(
      numbers.toSorted((a, b) => a - b),
      Array.from({ length: sent }, (_, number) => number),
    )
    assert.is(await sluice.stop(), 0)
    await rm(folder, { recursive: true })
  },
  PROCESS_LIMIT_MS,
)

it(
  'leaves no engine behind when the control plane is killed, and opens everything again',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-processes-'))
    const first = await startSluice({ folder })
    await open(first, PUBLISHING())
    await open(first, consuming('d', MERGE))
    await flows('d')
    const engine = enginePid(first)
    await first.kill()
    await until(() => !existsSync(`/proc/${engine}`))
    const second = await startSluice({ folder })
    await flows('d')
    assert.is(await second.stop(), 0)
    await rm(folder, { recursive: true })
  },
  PROCESS_LIMIT_MS,
)

it('refuses scripts that do not compile, and those that end the engine while they do', () =>
  withSluice(async (sluice) => {
    const broken = await sluice.request('POST', '/api/2/connections', consuming('e', 'return ('))
    assert.is(broken.status, 400)
    assert.is(broken.json.error, 'connectivity:connection.configuration.invalid')
    const body = consuming('e', `} 'x'.repeat(5e8).split(''); {`)
    const fatal = await sluice.request('POST', '/api/2/connections', body)
    assert.is(fatal.status, 400, fatal.text)
    assert.equal((await sluice.request('GET', '/api/2/connections?ids-only=true')).json, [])
  }))

it('tells why it cannot connect: nobody listens, wrong password', async () => {
  const guarded = await startMosquitto({ users: { device: 'right-password' } })
  await withSluice(async (sluice) => {
    const dryRun = async (uri: string) =>
      sluice.request('POST', '/api/2/connections?dry-run=true', { ...PUBLISHING(), uri })
    const denied = await dryRun(guarded.url('device:wrong-password'))
    assert.is(denied.status, 401, denied.text)
    assert.is(denied.json.error, 'connectivity:connection.unauthorized')
    const unreachable = await dryRun('tcp://127.0.0.1:1')
    assert.is(unreachable.status, 504, unreachable.text)
    assert.is(unreachable.json.error, 'connectivity:connection.failed')
    assert.is((await dryRun(guarded.url('device:right-password'))).status, 200)
  })
  await guarded.stop()
})

/** Arguments of node, exit code, what is printed. */
const COMMAND_LINES: readonly [readonly string[], number, RegExp][] = [
  [['--no-node-snapshot', MAIN, '--help'], 0, /^Usage: sluice/],
  [['--no-node-snapshot', MAIN, '--version'], 0, /^\d+\.\d+\.\d+\n$/],
  [['--no-node-snapshot', MAIN, '--confg', 'x'], 2, /Unknown option '--confg'/],
  [['--no-node-snapshot', MAIN, 'x'], 2, /Unexpected argument 'x'/],
  [['--no-node-snapshot', MAIN, '--config', '/nowhere.toml'], 2, /nowhere\.toml: cannot be read/],
  [[MAIN], 2, /must be started with node --no-node-snapshot/],
]

for (const [args, code, output] of COMMAND_LINES) {
  const shown = args.map((arg) => (arg === MAIN ? 'sluice' : arg)).join(' ')
  it(`ends with ${code} when started as: node ${shown}`, async () => {
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
