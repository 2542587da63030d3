/** Many connections at a glance, in pages, and as Prometheus sees them. */
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import {
  CONNECTIONS,
  create,
  enginePid,
  eventually,
  open,
  untilStatus,
} from '../support/gateway.ts'
import { suite } from '../support/suite.ts'

const it = suite('fleet')

let mosquitto: Mosquitto
let sluice: Sluice
it.before(async () => {
  ;[mosquitto, sluice] = await Promise.all([startMosquitto(), startSluice()])
})
it.after(async () => {
  await sluice.stop()
  await mosquitto.stop()
})

function body(uri: string, connectionStatus: string, tags: readonly string[] = []): object {
  return {
    name: 'one of many',
    connectionType: 'mqtt',
    connectionStatus,
    uri,
    tags,
    sources: [{ addresses: ['fleet/in'], qos: 1, authorizationContext: ['test:fleet'] }],
  }
}

/** The value of each series, by its name with labels. */
async function scrape(): Promise<ReadonlyMap<string, number>> {
  const { status, text, headers } = await sluice.request('GET', '/metrics')
  assert.is(status, 200)
  assert.match(headers.get('content-type')!, 'text/plain')
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

async function fleet() {
  const { status, json, text } = await sluice.request('GET', `${CONNECTIONS}/status`)
  assert.is(status, 200, text)
  return json
}

it('tells states, rates and failures of all, and what Prometheus adds up', async () => {
  const working = await open(sluice, body(mosquitto.url(), 'open', ['plant']))
  const closed = await create(sluice, body(mosquitto.url(), 'closed'))
  const failed = await create(sluice, body('tcp://127.0.0.1:1', 'open', ['plant']))
  await untilStatus(sluice, failed, 'failed')
  const device = await mosquitto.connect()
  const command = {
    topic: 'fleet/t/things/twin/commands/modify',
    headers: { 'response-required': false },
    path: '/',
    value: {},
  }
  const payloads = [JSON.stringify(command), 'no Ditto Protocol', 'nor this']
  for (const payload of payloads) await device.publishAsync('fleet/in', payload, { qos: 1 })

  const { total, states, connections } = await eventually(fleet, (told) =>
    told.connections.some(({ failures }: { failures: { PT1M: number } }) => failures.PT1M >= 2),
  )
  assert.is(total, 3)
  assert.equal(states, { open: 1, closed: 1, failed: 1 })
  const byId = new Map(connections.map((line: { id: string }) => [line.id, line]))
  const { since, ...line } = byId.get(working) as Record<string, unknown>
  assert.ok(Date.parse(since as string) <= Date.now())
  assert.equal(line, {
    id: working,
    name: 'one of many',
    connectionType: 'mqtt',
    connectionStatus: 'open',
    liveStatus: 'open',
    failures: line.failures,
    rates: { inbound: 0.05, outbound: 0 },
  })
  assert.is((byId.get(closed) as { liveStatus: string }).liveStatus, 'closed')

  const pages: string[] = []
  let next: string | undefined = `${CONNECTIONS}?ids-only=true&limit=2&tag=plant`
  while (next !== undefined) {
    const page = await sluice.request('GET', next)
    pages.push(...page.json)
    next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
  }
  assert.equal(pages, [working, failed].sort())
  assert.equal((await sluice.request('GET', `${CONNECTIONS}?ids-only=true&status=failed`)).json, [
    failed,
  ])

  const series = await scrape()
  assert.is(series.get('sluice_connections{status="open"}'), 1)
  assert.is(series.get(`sluice_connection_up{id="${failed}",type="mqtt"}`), 0)
  const labels = `id="${working}",type="mqtt",direction="inbound"`
  const consumed = `sluice_connection_messages_total{${labels},category="consumed",success="true"}`
  assert.is(series.get(consumed), 3)
  assert.ok(series.get('sluice_thread_heap_used_bytes{thread="0"}')! > 0)
  assert.ok(series.get('sluice_engine_resident_memory_bytes')! > 0)

  await sluice.request(
    'POST',
    `${CONNECTIONS}/${working}/command`,
    'connectivity.commands:resetConnectionMetrics',
  )
  process.kill(enginePid(sluice)!, 'SIGKILL')
  await eventually(scrape, (after) => after.get('sluice_engine_deaths_total') === 1)
  await untilStatus(sluice, working, 'open')
  await device.publishAsync('fleet/in', payloads[0]!, { qos: 1 })
  // Neither a reset nor the death of an engine takes anything back.
  await eventually(scrape, (after) => after.get(consumed) === 4)

  await sluice.request('DELETE', `${CONNECTIONS}/${working}`)
  assert.not((await scrape()).has(consumed))
  const anonymous = await fetch(`${sluice.url}/metrics`)
  assert.is(anonymous.status, 401)
})
