/** The windows of all connections, fed with the differences that the engine sends. */
import type { Connection } from '../connection/types.ts'
import type { CounterDeltas } from '../engine/messages.ts'
import type { JsonObject } from '../json/types.ts'
import { counterAddresses } from '../monitoring/counters.ts'
import { renderMetrics, renderNoMetrics } from '../monitoring/metrics-json.ts'
import {
  createMetricWindows,
  type MetricWindows,
  type SavedWindows,
} from '../monitoring/windows.ts'

/** Metrics outlive closing, opening and the engine; they end with the connection. */
export class ConnectionMetrics {
  readonly #windows = new Map<string, MetricWindows>()
  readonly #changed = new Set<string>()

  /** From now on the connection's cells are numbered by this definition. */
  layOut(connection: Connection): void {
    const addresses = counterAddresses(connection)
    const windows = this.#windows.get(connection.id)
    if (windows === undefined) this.#windows.set(connection.id, createMetricWindows(addresses))
    else windows.relayout(addresses)
    this.#changed.add(connection.id)
  }

  /** Adds what a shard of the connection counted. */
  record(connectionId: string, { deltas }: CounterDeltas, nowMs: number): void {
    const windows = this.#windows.get(connectionId)
    if (windows === undefined) return
    for (const [cell, count] of deltas) windows.record(cell, count, nowMs)
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
    this.#changed.add(connectionId)
  }

  /** Goes on with what was saved of a connection in an earlier life of the service. */
  restore(connection: Connection, saved: SavedWindows): void {
    this.#windows.set(connection.id, createMetricWindows(counterAddresses(connection), saved))
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
}
