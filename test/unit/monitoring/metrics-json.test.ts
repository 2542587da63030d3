import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import {
  type CounterAddress,
  cellNames,
  INBOUND_METRICS,
  OUTBOUND_METRICS,
  RESPONSES_ADDRESS,
} from '../../../src/monitoring/counters.ts'
import { renderMetrics, renderNoMetrics } from '../../../src/monitoring/metrics-json.ts'
import { createMetricWindows } from '../../../src/monitoring/windows.ts'
import { suite } from '../../support/suite.ts'

const it = suite('metrics body')

const NOW = Date.UTC(2026, 0, 1, 12)
const ADDRESSES: readonly CounterAddress[] = [
  { direction: 'inbound', address: 'a' },
  { direction: 'inbound', address: '' },
  { direction: 'outbound', address: 'out/{{ thing:id }}' },
  { direction: 'outbound', address: RESPONSES_ADDRESS },
]
const ZERO = { PT1M: 0, PT1H: 0, PT24H: 0, lastMessageAt: null }

function windowsWith(
  counts: readonly (readonly [
    address: string,
    metric: string,
    ok: boolean,
    n: number,
    at: number,
  ])[],
) {
  const windows = createMetricWindows(ADDRESSES)
  const names = cellNames(ADDRESSES)
  for (const [address, metric, ok, n, at] of counts) {
    const cell = names.findIndex(
      (name) => name.address === address && name.metric === metric && name.success === ok,
    )
    windows.record(cell, n, at)
  }
  return windows
}

function zeros(metrics: readonly string[]): JsonObject {
  return Object.fromEntries(metrics.map((metric) => [metric, { success: ZERO, failure: ZERO }]))
}

it('shows every metric with zeros before anything was counted', () => {
  assert.equal(renderMetrics(createMetricWindows(ADDRESSES), NOW), {
    connectionMetrics: { inbound: zeros(INBOUND_METRICS), outbound: zeros(OUTBOUND_METRICS) },
    containsFailures: false,
    sourceMetrics: {
      addressMetrics: { a: zeros(INBOUND_METRICS), '<empty>': zeros(INBOUND_METRICS) },
    },
    targetMetrics: {
      addressMetrics: {
        'out/{{ thing:id }}': zeros(OUTBOUND_METRICS),
        _responses: zeros(OUTBOUND_METRICS),
      },
    },
  })
})

it('sums up addresses, and takes the newest time', () => {
  const windows = windowsWith([
    ['a', 'consumed', true, 2, NOW - 2_000],
    ['', 'consumed', true, 3, NOW - 120_000],
  ])
  const body = renderMetrics(windows, NOW)
  const { inbound } = body.connectionMetrics as { inbound: JsonObject }
  assert.equal(inbound.consumed, {
    success: { PT1M: 2, PT1H: 5, PT24H: 5, lastMessageAt: '2026-01-01T11:59:58.000Z' },
    failure: ZERO,
  })
  assert.is(body.containsFailures, false)
})

it('says that there are failures, in either direction', () => {
  assert.is(
    renderMetrics(windowsWith([['a', 'mapped', false, 1, NOW]]), NOW).containsFailures,
    true,
  )
  const outbound = windowsWith([[RESPONSES_ADDRESS, 'dropped', false, 1, NOW]])
  assert.is(renderMetrics(outbound, NOW).containsFailures, true)
})

it('shows null where no client runs', () => {
  assert.equal(renderNoMetrics(), {
    connectionMetrics: { inbound: null, outbound: null },
    containsFailures: false,
    sourceMetrics: { addressMetrics: null },
    targetMetrics: { addressMetrics: null },
  })
})

it('renders an address that is named like a prototype', () => {
  const windows = createMetricWindows([{ direction: 'inbound', address: '__proto__' }])
  const { sourceMetrics } = renderMetrics(windows, NOW)
  assert.match(JSON.stringify(sourceMetrics), /"__proto__":\{"consumed"/)
})
