/**
 * What connections have counted since the service started: for counters that only grow. By metric, not
 * by address, so that a connection has a fixed number of them. Resetting the windows does not touch them.
 */
import { type CounterAddress, cellNames, INBOUND_METRICS, OUTBOUND_METRICS } from './counters.ts'

/** One counter of a connection. */
export interface Total {
  readonly direction: 'inbound' | 'outbound'
  /** Ditto's name of the metric. */
  readonly category: string
  readonly success: boolean
}

/** The counters that every connection has, in the order of its totals. */
export const TOTALS: readonly Total[] = [
  ...totalsOf('inbound', INBOUND_METRICS),
  ...totalsOf('outbound', OUTBOUND_METRICS),
]

/** The totals of one connection. */
export class ConnectionTotals {
  readonly values = new Float64Array(TOTALS.length)
  #byCell: readonly number[] = []

  /** From now on cells are numbered by this layout. */
  layOut(addresses: readonly CounterAddress[]): void {
    this.#byCell = cellNames(addresses).map(({ direction, metric, success }) =>
      TOTALS.findIndex(
        (total) =>
          total.direction === direction && total.category === metric && total.success === success,
      ),
    )
  }

  record(cell: number, count: number): void {
    const total = this.#byCell[cell]
    if (total !== undefined) this.values[total]! += count
  }
}

function totalsOf(direction: Total['direction'], metrics: readonly string[]): readonly Total[] {
  return metrics.flatMap((category) => [
    { direction, category, success: true },
    { direction, category, success: false },
  ])
}
