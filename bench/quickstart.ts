/**
 * The quickstart: Sluice, an embedded broker and three simulated devices, with nothing installed.
 * Shows the main job: reading in, mapped, applied to a twin, event out, reply to the device.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { parseArgs } from 'node:util'
import { Aedes } from 'aedes'
import { connectAsync, type MqttClient } from 'mqtt'
import { INCOMING_SCRIPT, inboundConnection, outboundConnection } from './quickstart/connections.ts'
import { type Devices, startDevices } from './quickstart/devices.ts'
import { CounterLine, heading, lastHour, say } from './quickstart/screen.ts'
import { type Sluice, startSluice } from './support/sluice.ts'

const DEVICES = ['sensor-1', 'sensor-2', 'sensor-3']
const REFRESH_INTERVAL_MS = 500
const FIRST_EVENT_LIMIT_MS = 20_000

const durationMs = readDuration()
const stopped = new AbortController()
process.once('SIGINT', () => stopped.abort())
process.once('SIGTERM', () => stopped.abort())
process.exit(await run())

async function run(): Promise<number> {
  const broker = await startBroker()
  const sluice = await startSluice()
  const watcher = await connectAsync(`mqtt://127.0.0.1:${broker.port}`)
  let devices: Devices | undefined
  const seen = { events: 0, replies: 0 }
  try {
    const { inboundId, outboundId } = await createConnections(sluice, broker.port)
    watcher.on('message', (topic) => {
      if (topic.startsWith('twins/')) seen.events += 1
    })
    await watcher.subscribeAsync('twins/#')
    devices = await startDevices(broker.port, DEVICES, () => {
      seen.replies += 1
    })
    await explain(sluice, watcher, broker.port, { inboundId, outboundId })
    await showCounters(sluice, inboundId, outboundId, seen)
  } finally {
    await devices?.stop()
    await watcher.endAsync()
    await sluice.stop()
    await broker.close()
  }
  say(`${seen.events} events came out, ${seen.replies} replies reached the devices.`)
  return seen.events > 0 ? 0 : 1
}

interface Broker {
  readonly port: number
  close(): Promise<void>
}

async function startBroker(): Promise<Broker> {
  const aedes = await Aedes.createBroker()
  const server: Server = createServer((socket) => aedes.handle(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the broker has no port')
  return {
    port: address.port,
    async close() {
      await new Promise<void>((done) => aedes.close(done))
      server.close()
    },
  }
}

async function createConnections(sluice: Sluice, brokerPort: number) {
  heading('1. Two connections, created over HTTP')
  say('The first consumes readings and maps them with this JavaScript:')
  say(indent(INCOMING_SCRIPT))
  const inbound = inboundConnection(brokerPort)
  say()
  say('Its JSON (a Ditto connection; the script left out):')
  say(indent(JSON.stringify({ ...inbound, mappingDefinitions: '…' }, null, 2)))
  const outbound = outboundConnection(brokerPort)
  say()
  say('The second publishes the events of the twins:')
  say(indent(JSON.stringify(outbound, null, 2)))
  const [inboundId, outboundId] = await Promise.all([
    create(sluice, inbound),
    create(sluice, outbound),
  ])
  return { inboundId, outboundId }
}

async function create(sluice: Sluice, connection: object): Promise<string> {
  const answer = await sluice.request('POST', '/api/2/connections', connection)
  if (answer.status !== 201) throw new Error(`create answered ${answer.status}: ${answer.text}`)
  const { id } = answer.json
  const opened = await sluice.request(
    'POST',
    `/api/2/connections/${id}/command`,
    'connectivity.commands:openConnection',
  )
  if (opened.status !== 200) throw new Error(`open answered ${opened.status}: ${opened.text}`)
  return id
}

async function explain(
  sluice: Sluice,
  watcher: MqttClient,
  brokerPort: number,
  { inboundId, outboundId }: { inboundId: string; outboundId: string },
): Promise<void> {
  const example = await firstExample(watcher)
  heading('2. A message on its way')
  say('A device published this:')
  say(indent(`${example.readingTopic}  ${example.reading}`))
  say('The script made a merge command of it, the twin applied it, and this event came out:')
  say(indent(`${example.eventTopic}\n${JSON.stringify(JSON.parse(example.event), null, 2)}`))
  heading('3. Look further')
  const auth = `-u ${sluice.username}:${sluice.password}`
  const base = `${sluice.url}/api/2/connections`
  say(
    `   documentation   ${sluice.url}/docs   (user ${sluice.username}, password ${sluice.password})`,
  )
  say(`   broker          mqtt://127.0.0.1:${brokerPort}   (devices/#, twins/#)`)
  say(`   curl ${auth} ${base}/${inboundId}`)
  say(`   curl ${auth} ${base}/${inboundId}/status`)
  say(`   curl ${auth} ${base}/${inboundId}/metrics`)
  say(`   curl ${auth} ${base}/${inboundId}/logs`)
  say(`   curl ${auth} -H 'content-type: text/plain' \\`)
  say(`        -d connectivity.commands:closeConnection ${base}/${outboundId}/command`)
  heading('4. Counters of the last hour')
}

interface Example {
  readonly readingTopic: string
  readonly reading: string
  readonly eventTopic: string
  readonly event: string
}

async function firstExample(watcher: MqttClient): Promise<Example> {
  await watcher.subscribeAsync('devices/+/readings')
  const readings = new Map<string, string>()
  try {
    return await new Promise<Example>((done, fail) => {
      AbortSignal.any([stopped.signal, AbortSignal.timeout(FIRST_EVENT_LIMIT_MS)]).addEventListener(
        'abort',
        () => fail(new Error('no event came out of Sluice')),
      )
      watcher.on('message', (topic, payload) => {
        const [kind, device] = topic.split('/')
        if (kind === 'devices') readings.set(device!, payload.toString())
        const reading = readings.get(device!)
        if (kind !== 'twins' || reading === undefined) return
        const readingTopic = `devices/${device}/readings`
        done({ readingTopic, reading, eventTopic: topic, event: payload.toString() })
      })
    })
  } finally {
    await watcher.unsubscribeAsync('devices/+/readings')
  }
}

async function showCounters(
  sluice: Sluice,
  inboundId: string,
  outboundId: string,
  seen: { readonly events: number; readonly replies: number },
): Promise<void> {
  const line = new CounterLine()
  const end = durationMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + durationMs
  while (!stopped.signal.aborted && performance.now() < end) {
    const [inbound, outbound] = await Promise.all(
      [inboundId, outboundId].map((id) =>
        sluice.request('GET', `/api/2/connections/${id}/metrics`),
      ),
    )
    line.show(
      `consumed ${lastHour(inbound!, 'inbound', 'consumed')}  ` +
        `mapped ${lastHour(inbound!, 'inbound', 'mapped')}  ` +
        `replies ${lastHour(inbound!, 'outbound', 'published')}  ` +
        `events published ${lastHour(outbound!, 'outbound', 'published')}  ` +
        `seen by a subscriber ${seen.events}`,
    )
    await new Promise<void>((done) => {
      const timer = setTimeout(
        done,
        Math.max(0, Math.min(REFRESH_INTERVAL_MS, end - performance.now())),
      )
      stopped.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        done()
      })
    })
  }
  line.end()
}

function readDuration(): number | undefined {
  const { values } = parseArgs({ options: { for: { type: 'string' } } })
  if (values.for === undefined) return undefined
  const [, amount, unit] = /^(\d+)(ms|s|m)?$/.exec(values.for) ?? []
  if (amount === undefined) {
    process.stderr.write(`--for ${values.for}: expected a duration such as 10s, 500ms or 2m\n`)
    process.exit(2)
  }
  return Number(amount) * (unit === 'ms' ? 1 : unit === 'm' ? 60_000 : 1_000)
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '   ')
}
