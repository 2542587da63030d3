/** What Prometheus gets: names, labels, and a dashboard that asks for nothing else. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import * as assert from 'uvu/assert'
import { counterAddresses } from '../../../src/monitoring/counters.ts'
import { PrometheusExposition, type Sample } from '../../../src/monitoring/prometheus.ts'
import { ConnectionTotals, TOTALS } from '../../../src/monitoring/totals.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'

const it = suite('prometheus')

const CONNECTION = testConnection({
  sources: [testSource(['a', 'b'])],
  targets: [testTarget('out')],
})

function totals(): ConnectionTotals {
  const counted = new ConnectionTotals()
  counted.layOut(counterAddresses(CONNECTION))
  return counted
}

const SAMPLE: Sample = {
  version: '1.2.3',
  engineUp: true,
  engineDeaths: 2,
  engineCpuSeconds: 1.5,
  engineResidentBytes: 1_000,
  threads: [
    {
      thread: 0,
      utilization: 0.25,
      delayP99Seconds: 0.01,
      delayMaxSeconds: 0.02,
      heapUsedBytes: 10,
      heapLimitBytes: 20,
    },
  ],
  connections: [],
}

async function scrape(sample: Partial<Sample> = {}): Promise<string> {
  return new PrometheusExposition(() => ({ ...SAMPLE, ...sample })).scrape()
}

it('every line is a comment or a sample, every sample belongs to a described metric', async () => {
  const counted = totals()
  counted.record(0, 3)
  const connections = [{ id: 'c:1', type: 'mqtt', liveStatus: 'open', totals: counted.values }]
  const described = new Set<string>()
  for (const line of (await scrape({ connections })).split('\n')) {
    const name = /^# TYPE (\S+) (?:counter|gauge|histogram|summary)$/.exec(line)?.[1]
    if (name !== undefined) described.add(name)
    if (line === '' || line.startsWith('#')) continue
    assert.match(
      line,
      /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? (?:-?[0-9.e+-]+|Nan|NaN|[+]Inf)$/,
      line,
    )
    const base = /^[a-z0-9_:]+/.exec(line)![0]
    const known = [base, base.replace(/_(?:bucket|sum|count)$/, '')]
    assert.ok(
      known.some((each) => described.has(each)),
      line,
    )
  }
})

it('tells engine, threads and connections', async () => {
  const connections = ['open', 'open', 'failed'].map((liveStatus, at) => ({
    id: `c-${at}`,
    type: 'mqtt',
    liveStatus,
    totals: undefined,
  }))
  const text = await scrape({ connections })
  for (const line of [
    'sluice_build_info{version="1.2.3"} 1',
    'sluice_engine_up 1',
    'sluice_engine_deaths_total 2',
    'sluice_thread_event_loop_utilization_ratio{thread="0"} 0.25',
    'sluice_connections{status="open"} 2',
    'sluice_connections{status="failed"} 1',
    'sluice_connections{status="misconfigured"} 0',
    'sluice_connection_up{id="c-0",type="mqtt"} 1',
    'sluice_connection_up{id="c-2",type="mqtt"} 0',
  ]) {
    assert.ok(text.split('\n').includes(line), line)
  }
  assert.match(text, 'process_cpu_seconds_total')
})

it('a connection that is closed on purpose is not down', async () => {
  const closed = { id: 'c-0', type: 'mqtt', liveStatus: 'closed', totals: undefined }
  const text = await scrape({ connections: [closed] })
  assert.match(text, 'sluice_connections{status="closed"} 1')
  assert.not.match(text, 'sluice_connection_up{')
})

it('addresses add up to one series for each metric and outcome', async () => {
  const counted = totals()
  // The cells of an address stand together; consumed comes first.
  const cellsPerAddress = TOTALS.length / 2
  counted.record(0, 3)
  counted.record(cellsPerAddress, 4)
  counted.record(1, 1)
  counted.record(2 * cellsPerAddress, 5)
  const connections = [{ id: 'c', type: 'mqtt', liveStatus: 'open', totals: counted.values }]
  const lines = (await scrape({ connections }))
    .split('\n')
    .filter((line) => line.startsWith('sluice_connection_messages_total{'))
  const labels = 'id="c",type="mqtt"'
  const hasSeries = ({ category, success }: { category: string; success: boolean }) =>
    !success && category !== 'other' && category !== 'throttled'
  const idle = TOTALS.filter(hasSeries).length
  // A failure of `consumed` is among them.
  assert.is(lines.length, idle + 2, 'failures have their series before there are any')
  const counting = lines.filter((line) => !line.endsWith(' 0'))
  assert.equal(counting, [
    `sluice_connection_messages_total{${labels},direction="inbound",category="consumed",success="true"} 7`,
    `sluice_connection_messages_total{${labels},direction="inbound",category="consumed",success="false"} 1`,
    `sluice_connection_messages_total{${labels},direction="outbound",category="dispatched",success="true"} 5`,
  ])
})

it('the dashboard asks only for what there is', async () => {
  const path = resolve(import.meta.dirname, '../../../docs/grafana-dashboard.json')
  const text = readFileSync(path, 'utf8')
  const { panels } = JSON.parse(text) as { panels: unknown[] }
  assert.ok(panels.length >= 6)
  const counted = totals()
  counted.record(0, 1)
  const connections = [{ id: 'c', type: 'mqtt', liveStatus: 'open', totals: counted.values }]
  const exposed = await scrape({ connections })
  const asked = new Set(text.match(/\b(?:sluice|process|nodejs)_[a-z0-9_]+\b/g))
  assert.ok(asked.size >= 6)
  for (const name of asked) assert.match(exposed, `\n# TYPE ${name} `, name)
})
