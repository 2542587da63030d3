/**
 * Counters in shared memory: one Uint32 cell per address, metric and outcome, written by one shard
 * and read by the engine's main thread without either waiting for the other. The layout follows
 * from the connection alone, so both sides derive it and nothing describes it on the wire.
 *
 * ```
 * cell = (address index × 7 + metric) × 2 + (failure ? 1 : 0)
 * ```
 */
import type { Connection } from '../connection/types.ts'

/** Names as in the metrics resource, in the order of their cells. */
export const INBOUND_METRICS = [
  'consumed',
  'mapped',
  'other',
  'dropped',
  'enforced',
  'acknowledged',
  'throttled',
] as const

/** Names as in the metrics resource, in the order of their cells. */
export const OUTBOUND_METRICS = [
  'dispatched',
  'filtered',
  'mapped',
  'other',
  'dropped',
  'published',
  'acknowledged',
] as const

export type InboundMetric = (typeof INBOUND_METRICS)[number]
export type OutboundMetric = (typeof OUTBOUND_METRICS)[number]

const METRICS_PER_ADDRESS = 7
const CELLS_PER_ADDRESS = METRICS_PER_ADDRESS * 2

/** The artificial target address under which responses are counted (Ditto's name). */
export const RESPONSES_ADDRESS = '_responses'

/** One address that has counters. */
export interface CounterAddress {
  readonly direction: 'inbound' | 'outbound'
  readonly address: string
}

/** The addresses of a connection that have counters, in the order of their cells; no duplicates. */
export function counterAddresses(connection: Connection): readonly CounterAddress[] {
  const inbound = new Set(connection.sources.flatMap((source) => source.addresses))
  const outbound = new Set(connection.targets.map((target) => target.address))
  outbound.add(RESPONSES_ADDRESS)
  return [
    ...[...inbound].map((address) => ({ direction: 'inbound' as const, address })),
    ...[...outbound].map((address) => ({ direction: 'outbound' as const, address })),
  ]
}

/** The metric that a cell counts. */
export interface CellName extends CounterAddress {
  readonly metric: InboundMetric | OutboundMetric
  readonly success: boolean
}

/** The names of all cells of a layout, by cell index. */
export function cellNames(addresses: readonly CounterAddress[]): readonly CellName[] {
  return addresses.flatMap(({ direction, address }) =>
    (direction === 'inbound' ? INBOUND_METRICS : OUTBOUND_METRICS).flatMap((metric) => [
      { direction, address, metric, success: true },
      { direction, address, metric, success: false },
    ]),
  )
}

/** Shared memory for the cells of a layout, all zero. */
export function createCounterBuffer(addresses: readonly CounterAddress[]): SharedArrayBuffer {
  return new SharedArrayBuffer(addresses.length * CELLS_PER_ADDRESS * Uint32Array.BYTES_PER_ELEMENT)
}

/** The cells of one address; counting is one addition, wrapping at 2³². */
export class AddressCounters<M extends string> {
  readonly #cells: Uint32Array
  readonly #offsets: Readonly<Record<M, number>>

  constructor(cells: Uint32Array, base: number, metrics: readonly M[]) {
    this.#cells = cells
    this.#offsets = Object.fromEntries(
      metrics.map((metric, index) => [metric, base + index * 2]),
    ) as Record<M, number>
  }

  success(metric: M, count = 1): void {
    this.#cells[this.#offsets[metric]]! += count
  }

  failure(metric: M, count = 1): void {
    this.#cells[this.#offsets[metric] + 1]! += count
  }
}

/** The writing side of a shard's counters; one instance, on the shard's own thread. */
export class ShardCounters {
  readonly #inbound = new Map<string, AddressCounters<InboundMetric>>()
  readonly #outbound = new Map<string, AddressCounters<OutboundMetric>>()

  /** `buffer` comes from {@link createCounterBuffer} for the same addresses. */
  constructor(buffer: SharedArrayBuffer, addresses: readonly CounterAddress[]) {
    const cells = new Uint32Array(buffer)
    addresses.forEach(({ direction, address }, index) => {
      const base = index * CELLS_PER_ADDRESS
      if (direction === 'inbound') {
        this.#inbound.set(address, new AddressCounters(cells, base, INBOUND_METRICS))
      } else {
        this.#outbound.set(address, new AddressCounters(cells, base, OUTBOUND_METRICS))
      }
    })
  }

  /** Counters of a configured source address. */
  inbound(address: string): AddressCounters<InboundMetric> {
    return known(this.#inbound.get(address), address)
  }

  /** Counters of a configured target address or of {@link RESPONSES_ADDRESS}. */
  outbound(address: string): AddressCounters<OutboundMetric> {
    return known(this.#outbound.get(address), address)
  }
}

function known<T>(counters: T | undefined, address: string): T {
  if (counters === undefined) throw new Error(`no counters for address ${address}`)
  return counters
}
