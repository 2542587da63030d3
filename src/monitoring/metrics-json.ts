/**
 * The body of the metrics resource, made from a connection's windows (Ditto documentation,
 * "Connection metrics"). Knows neither where the numbers come from nor the envelope around the
 * body.
 */
import { setOwn } from '../json/own.ts'
import type { JsonObject } from '../json/types.ts'
import { type CellName, cellNames, INBOUND_METRICS, OUTBOUND_METRICS } from './counters.ts'
import type { MetricWindows, WindowCounts } from './windows.ts'

/** What an empty address is called: a JSON member needs a name that can be seen. */
const EMPTY_ADDRESS = '<empty>'

/** One direction's part of the body, while it is being summed up. */
interface DirectionMetrics {
  readonly byAddress: Map<string, Map<string, Outcomes>>
  readonly total: Map<string, Outcomes>
}

interface Outcomes {
  success: WindowCounts
  failure: WindowCounts
}

/**
 * The metrics of a running connection: per address, summed up per metric, and whether anything
 * failed within the last day.
 */
export function renderMetrics(windows: MetricWindows, nowMs: number): JsonObject {
  const inbound = emptyDirection(INBOUND_METRICS)
  const outbound = emptyDirection(OUTBOUND_METRICS)
  cellNames(windows.addresses).forEach((name, cell) => {
    const direction = name.direction === 'inbound' ? inbound : outbound
    addCell(direction, name, windows.counts(cell, nowMs))
  })
  const failed = [...inbound.total.values(), ...outbound.total.values()].some(hasFailures)
  return {
    connectionMetrics: {
      inbound: renderMetricMap(inbound.total),
      outbound: renderMetricMap(outbound.total),
    },
    containsFailures: failed,
    sourceMetrics: { addressMetrics: renderAddresses(inbound) },
    targetMetrics: { addressMetrics: renderAddresses(outbound) },
  }
}

/** The metrics of a connection that has no clients: there is nothing to count. */
export function renderNoMetrics(): JsonObject {
  return {
    connectionMetrics: { inbound: null, outbound: null },
    containsFailures: false,
    sourceMetrics: { addressMetrics: null },
    targetMetrics: { addressMetrics: null },
  }
}

function emptyDirection(metrics: readonly string[]): DirectionMetrics {
  return { byAddress: new Map(), total: new Map(metrics.map((metric) => [metric, noOutcomes()])) }
}

function addCell(direction: DirectionMetrics, name: CellName, counts: WindowCounts): void {
  const address = name.address === '' ? EMPTY_ADDRESS : name.address
  let metrics = direction.byAddress.get(address)
  if (metrics === undefined) {
    metrics = new Map()
    direction.byAddress.set(address, metrics)
  }
  addOutcome(metrics, name, counts)
  addOutcome(direction.total, name, counts)
}

function addOutcome(metrics: Map<string, Outcomes>, name: CellName, counts: WindowCounts): void {
  const outcomes = metrics.get(name.metric) ?? noOutcomes()
  const outcome = name.success ? 'success' : 'failure'
  outcomes[outcome] = sum(outcomes[outcome], counts)
  metrics.set(name.metric, outcomes)
}

function noOutcomes(): Outcomes {
  const nothing: WindowCounts = { PT1M: 0, PT1H: 0, PT24H: 0, lastMessageAt: null }
  return { success: nothing, failure: nothing }
}

function sum(a: WindowCounts, b: WindowCounts): WindowCounts {
  return {
    PT1M: a.PT1M + b.PT1M,
    PT1H: a.PT1H + b.PT1H,
    PT24H: a.PT24H + b.PT24H,
    lastMessageAt: newest(a.lastMessageAt, b.lastMessageAt),
  }
}

function newest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.max(a, b)
}

function hasFailures({ failure }: Outcomes): boolean {
  return failure.PT24H > 0
}

function renderAddresses(direction: DirectionMetrics): JsonObject {
  const rendered: JsonObject = {}
  for (const [address, metrics] of direction.byAddress) {
    setOwn(rendered, address, renderMetricMap(metrics))
  }
  return rendered
}

function renderMetricMap(metrics: ReadonlyMap<string, Outcomes>): JsonObject {
  return Object.fromEntries(
    [...metrics].map(([metric, { success, failure }]) => [
      metric,
      { success: renderCounts(success), failure: renderCounts(failure) },
    ]),
  )
}

function renderCounts({ lastMessageAt, ...counts }: WindowCounts): JsonObject {
  return {
    ...counts,
    lastMessageAt: lastMessageAt === null ? null : new Date(lastMessageAt).toISOString(),
  }
}
