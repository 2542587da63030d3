/**
 * How much was counted in the last minute, hour and day. Every cell of a connection's counters has
 * three rings of buckets, allocated when the cell counts for the first time: most never do. Knows
 * nothing of shared memory and has no clock; whoever records or asks says what time it is.
 *
 * ```
 * buckets = [61 × 1 s | 61 × 1 min | 145 × 10 min]   one more than needed: the newest is partial
 * ```
 */
import { type CellName, type CounterAddress, cellNames } from './counters.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const TEN_MINUTES_MS = 10 * MINUTE_MS

interface Ring {
  readonly bucketMs: number
  readonly buckets: number
  readonly offset: number
}

const LAST_MINUTE: Ring = { bucketMs: SECOND_MS, buckets: 61, offset: 0 }
const LAST_HOUR: Ring = { bucketMs: MINUTE_MS, buckets: 61, offset: 61 }
const LAST_DAY: Ring = { bucketMs: TEN_MINUTES_MS, buckets: 145, offset: 122 }
const RINGS = [LAST_MINUTE, LAST_HOUR, LAST_DAY] as const
const BUCKETS_PER_CELL = 267

/** What one cell counted; the names are those of the metrics resource. */
export interface WindowCounts {
  readonly PT1M: number
  readonly PT1H: number
  readonly PT24H: number
  /** Milliseconds since the epoch of the newest count; null before the first. */
  readonly lastMessageAt: number | null
}

/**
 * The counts of one cell: when the newest was, in milliseconds since the epoch, and for each ring how
 * many buckets back something was counted and how much, in turns.
 */
export type SavedCell = readonly [
  newestMs: number,
  seconds: readonly number[],
  minutes: readonly number[],
  tenMinutes: readonly number[],
]

/** The counts of a connection as plain data, by what the cells are about. */
export type SavedWindows = Readonly<Record<string, SavedCell>>

/** The windows of one connection. */
export interface MetricWindows {
  /** The layout that cells are numbered by. */
  readonly addresses: readonly CounterAddress[]
  /**
   * Adds what a cell counted until `nowMs`. A clock that steps back loses nothing: what it would
   * put into the past goes into the newest bucket.
   */
  record(cell: number, count: number, nowMs: number): void
  /** What was counted in each window: everything of its span, and at most one bucket more. */
  counts(cell: number, nowMs: number): WindowCounts
  /** Visits the cells that have counted something. */
  forEachCounted(visit: (cell: number, name: CellName) => void): void
  /** Forgets all counts. */
  reset(): void
  /** Takes over a changed layout; an address that stays keeps its counts. */
  relayout(addresses: readonly CounterAddress[]): void
  /** All counts, for {@link createMetricWindows} at another time. */
  save(): SavedWindows
}

const NOTHING: WindowCounts = { PT1M: 0, PT1H: 0, PT24H: 0, lastMessageAt: null }

/**
 * Windows for the cells of a layout (see {@link cellNames}): all zero, or with what was saved of them.
 * Time that has passed since counts as time in which nothing happened.
 */
export function createMetricWindows(
  addresses: readonly CounterAddress[],
  saved: SavedWindows = {},
): MetricWindows {
  return new Windows(addresses, saved)
}

interface Cell {
  /** Stays the same when the layout changes. */
  readonly key: string
  readonly name: CellName
  /** `throttled` tells in how many minutes there was throttling, not how often. */
  readonly oncePerMinute: boolean
}

class Windows implements MetricWindows {
  #addresses: readonly CounterAddress[]
  #cells: readonly Cell[]
  readonly #windows = new Map<string, CellWindows>()

  constructor(addresses: readonly CounterAddress[], saved: SavedWindows) {
    this.#addresses = addresses
    this.#cells = cellsOf(addresses)
    for (const { key } of this.#cells) {
      const cell = Object.hasOwn(saved, key) ? saved[key] : undefined
      if (cell !== undefined) this.#windows.set(key, CellWindows.restored(cell))
    }
  }

  get addresses(): readonly CounterAddress[] {
    return this.#addresses
  }

  record(cell: number, count: number, nowMs: number): void {
    const known = this.#cells[cell]
    if (known === undefined) throw new RangeError(`no cell ${cell} of ${this.#cells.length}`)
    if (count === 0) return
    const { key, oncePerMinute } = known
    const windows = this.#windows.get(key)
    if (windows === undefined) {
      this.#windows.set(key, new CellWindows(oncePerMinute ? 1 : count, nowMs))
    } else if (!oncePerMinute) {
      windows.add(count, nowMs)
    } else if (!windows.countedInMinuteOf(nowMs)) {
      windows.add(1, nowMs)
    }
  }

  counts(cell: number, nowMs: number): WindowCounts {
    const known = this.#cells[cell]
    return (
      (known === undefined ? undefined : this.#windows.get(known.key)?.counts(nowMs)) ?? NOTHING
    )
  }

  forEachCounted(visit: (cell: number, name: CellName) => void): void {
    if (this.#windows.size === 0) return
    this.#cells.forEach(({ key, name }, cell) => {
      if (this.#windows.has(key)) visit(cell, name)
    })
  }

  reset(): void {
    this.#windows.clear()
  }

  relayout(addresses: readonly CounterAddress[]): void {
    this.#addresses = addresses
    this.#cells = cellsOf(addresses)
    const kept = new Set(this.#cells.map(({ key }) => key))
    for (const key of this.#windows.keys()) {
      if (!kept.has(key)) this.#windows.delete(key)
    }
  }

  save(): SavedWindows {
    return Object.fromEntries([...this.#windows].map(([key, windows]) => [key, windows.save()]))
  }
}

function cellsOf(addresses: readonly CounterAddress[]): readonly Cell[] {
  return cellNames(addresses).map((name) => {
    const { direction, address, metric, success } = name
    // The address goes last: it may hold blanks.
    const key = `${direction} ${metric} ${success ? 'success' : 'failure'} ${address}`
    return { key, name, oncePerMinute: metric === 'throttled' }
  })
}

/** Clocks that are adjusted a little go back by less. */
const CLOCK_TOLERANCE_MS = MINUTE_MS

/** The three rings of one cell. The time of the newest count tells where each ring's head is. */
class CellWindows {
  /** A bucket holds 2³² − 1: seven million messages a second, for ten minutes. */
  readonly #buckets = new Uint32Array(BUCKETS_PER_CELL)
  #newestMs: number

  constructor(count: number, nowMs: number) {
    this.#newestMs = nowMs
    this.add(count, nowMs)
  }

  static restored([newestMs, ...rings]: SavedCell): CellWindows {
    const windows = new CellWindows(0, newestMs)
    for (const [index, ring] of RINGS.entries()) windows.#fill(ring, rings[index]!)
    return windows
  }

  save(): SavedCell {
    const [seconds, minutes, tenMinutes] = RINGS.map((ring) => this.#counted(ring))
    return [this.#newestMs, seconds!, minutes!, tenMinutes!]
  }

  add(count: number, nowMs: number): void {
    this.#followClock(nowMs)
    const atMs = Math.max(nowMs, this.#newestMs)
    for (const ring of RINGS) {
      const head = Math.floor(atMs / ring.bucketMs)
      const outdated = Math.min(head - Math.floor(this.#newestMs / ring.bucketMs), ring.buckets)
      for (let back = 0; back < outdated; back++) this.#buckets[indexOf(ring, head - back)] = 0
      this.#buckets[indexOf(ring, head)]! += count
    }
    this.#newestMs = atMs
  }

  countedInMinuteOf(nowMs: number): boolean {
    this.#followClock(nowMs)
    return Math.floor(nowMs / MINUTE_MS) <= Math.floor(this.#newestMs / MINUTE_MS)
  }

  counts(nowMs: number): WindowCounts {
    this.#followClock(nowMs)
    return {
      PT1M: this.#sum(LAST_MINUTE, nowMs),
      PT1H: this.#sum(LAST_HOUR, nowMs),
      PT24H: this.#sum(LAST_DAY, nowMs),
      lastMessageAt: this.#newestMs,
    }
  }

  /** When the clock was set back, what was counted is as old as it was. */
  #followClock(nowMs: number): void {
    if (nowMs >= this.#newestMs - CLOCK_TOLERANCE_MS) return
    const [, ...rings] = this.save()
    this.#buckets.fill(0)
    this.#newestMs = nowMs
    for (const [index, ring] of RINGS.entries()) this.#fill(ring, rings[index]!)
  }

  #counted(ring: Ring): readonly number[] {
    const head = Math.floor(this.#newestMs / ring.bucketMs)
    const pairs: number[] = []
    for (let back = 0; back < ring.buckets; back++) {
      const count = this.#buckets[indexOf(ring, head - back)]!
      if (count > 0) pairs.push(back, count)
    }
    return pairs
  }

  #fill(ring: Ring, pairs: readonly number[]): void {
    const head = Math.floor(this.#newestMs / ring.bucketMs)
    for (let at = 0; at < pairs.length; at += 2) {
      const back = pairs[at]!
      if (back < ring.buckets) this.#buckets[indexOf(ring, head - back)] = pairs[at + 1]!
    }
  }

  #sum(ring: Ring, nowMs: number): number {
    const head = Math.floor(this.#newestMs / ring.bucketMs)
    const current = Math.max(head, Math.floor(nowMs / ring.bucketMs))
    const oldest = Math.max(0, current - ring.buckets + 1)
    let sum = 0
    for (let bucket = head; bucket >= oldest; bucket--) sum += this.#buckets[indexOf(ring, bucket)]!
    return sum
  }
}

function indexOf(ring: Ring, bucket: number): number {
  return ring.offset + (bucket % ring.buckets)
}
