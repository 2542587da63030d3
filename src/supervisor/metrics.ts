/** The windows of all connections, fed with the differences that the engine sends. */
import type { Connection } from '../connection/types.ts'
import type { CounterDeltas } from '../engine/messages.ts'
import type { JsonObject } from '../json/types.ts'
import { counterAddresses } from '../monitoring/counters.ts'
import { renderMetrics, renderNoMetrics } from '../monitoring/metrics-json.ts'
import { ConnectionTotals } from '../monitoring/totals.ts'
import {
  createMetricWindows,
  type MetricWindows,
  type SavedWindows,
} from '../monitoring/windows.ts'

/** Metrics outlive closing, opening and the engine; they end with the connection. */
export class ConnectionMetrics {
  readonly #windows = new Map<string, MetricWindows>()
  readonly #totals = new Map<string, ConnectionTotals>()
  readonly #changed = new Set<string>()

  /** From now on the connection's cells are numbered by this definition. */
  layOut(connection: Connection): void {
    const addresses = counterAddresses(connection)
    this.#totalsOf(connection.id).layOut(addresses)
    const windows = this.#windows.get(connection.id)
    if (windows === undefined) this.#windows.set(connection.id, createMetricWindows(addresses))
    else windows.relayout(addresses)
    this.#changed.add(connection.id)
  }

  /** Adds what a shard of the connection counted. */
  record(connectionId: string, { deltas }: CounterDeltas, nowMs: number): void {
    const windows = this.#windows.get(connectionId)
    if (windows === undefined) return
    const totals = this.#totalsOf(connectionId)
    for (const [cell, count] of deltas) {
      windows.record(cell, count, nowMs)
      totals.record(cell, count)
    }
    this.#changed.add(connectionId)
  }

  /** Body of the metrics resource. */
  render(connectionId: string, nowMs: number): JsonObject {
    const windows = this.#windows.get(connectionId)
    return windows === undefined ? renderNoMetrics() : renderMetrics(windows, nowMs)
  }

  reset(connectionId: string): void {
    this.#windows.get(connectionId)?.reset()
    this.#changed.add(connectionId)
  }

  /** Forgets a connection. */
  remove(connectionId: string): void {
    this.#windows.delete(connectionId)
    this.#totals.delete(connectionId)
    this.#changed.add(connectionId)
  }

  /** Goes on with what was saved of a connection in an earlier life of the service. */
  restore(connection: Connection, saved: SavedWindows): void {
    this.#windows.set(connection.id, createMetricWindows(counterAddresses(connection), saved))
  }

  /** What the connection has counted since the service started, by {@link TOTALS}; it only grows. */
  totals(connectionId: string): Float64Array | undefined {
    return this.#totals.get(connectionId)?.values
  }

  /** How much went through a connection lately, and how much failed. */
  summary(connectionId: string, nowMs: number): TrafficSummary {
    const windows = this.#windows.get(connectionId)
    return windows === undefined ? NO_TRAFFIC : summarize(windows, nowMs)
  }

  /** Ids of the connections that there are counts of. */
  ids(): readonly string[] {
    return [...this.#windows.keys()]
  }

  save(connectionId: string): SavedWindows {
    return this.#windows.get(connectionId)?.save() ?? {}
  }

  /** Ids of the connections that have changed since the last call, those that are gone too. */
  takeChanged(): readonly string[] {
    const changed = [...this.#changed]
    this.#changed.clear()
    return changed
  }

  #totalsOf(connectionId: string): ConnectionTotals {
    let totals = this.#totals.get(connectionId)
    if (totals === undefined) {
      totals = new ConnectionTotals()
      this.#totals.set(connectionId, totals)
    }
    return totals
  }
}

/** Messages of the last minute, and failures of the last minute and hour. */
export interface TrafficSummary {
  readonly consumedPT1M: number
  readonly publishedPT1M: number
  readonly failuresPT1M: number
  readonly failuresPT1H: number
}

const NO_TRAFFIC: TrafficSummary = {
  consumedPT1M: 0,
  publishedPT1M: 0,
  failuresPT1M: 0,
  failuresPT1H: 0,
}

function summarize(windows: MetricWindows, nowMs: number): TrafficSummary {
  const summary = { ...NO_TRAFFIC } as { -readonly [Name in keyof TrafficSummary]: number }
  windows.forEachCounted((cell, { metric, success }) => {
    const isOfInterest = !success || metric === 'consumed' || metric === 'published'
    if (!isOfInterest) return
    const { PT1M, PT1H } = windows.counts(cell, nowMs)
    if (!success) {
      summary.failuresPT1M += PT1M
      summary.failuresPT1H += PT1H
    } else if (metric === 'consumed') summary.consumedPT1M += PT1M
    else summary.publishedPT1M += PT1M
  })
  return summary
}
