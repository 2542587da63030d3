/**
 * A log-linear histogram: every power of two is divided into 64 equal buckets, so that recording costs
 * an addition and a percentile is off by 1.6 % at most, whatever its size. Knows no units and no clock.
 */

/** Buckets of each power of two; values below twice this are exact. */
const BUCKETS = 64
const BUCKET_BITS = 6
const MAX_VALUE = 2 ** 31 - 1
const CELLS = (31 - BUCKET_BITS + 1) * BUCKETS

/** What a histogram tells; all zero when nothing was recorded. */
export interface Summary {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** Records whole numbers from 0 to 2^31 - 1; larger ones count as that. */
export class Histogram {
  readonly #cells = new Float64Array(CELLS)
  #count = 0
  #sum = 0
  #max = 0

  record(value: number): void {
    const bounded = value < MAX_VALUE ? Math.max(0, Math.floor(value)) : MAX_VALUE
    this.#cells[cellOf(bounded)]! += 1
    this.#count += 1
    this.#sum += bounded
    if (bounded > this.#max) this.#max = bounded
  }

  /** The value that `share` (0 to 1) of all recorded ones do not exceed: its bucket's upper end. */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count))
    let seen = 0
    for (let cell = 0; cell < CELLS; cell++) {
      seen += this.#cells[cell]!
      if (seen >= rank) return Math.min(upperEndOf(cell), this.#max)
    }
    return this.#max
  }

  summary(): Summary {
    return {
      count: this.#count,
      mean: this.#count === 0 ? 0 : this.#sum / this.#count,
      p50: this.percentile(0.5),
      p90: this.percentile(0.9),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.#max,
    }
  }

  reset(): void {
    this.#cells.fill(0)
    this.#count = 0
    this.#sum = 0
    this.#max = 0
  }
}

/** Cells of 0..127 have the width 1, those of 128..255 the width 2, of 256..511 the width 4, … */
function cellOf(value: number): number {
  const shift = shiftOf(value)
  return shift * BUCKETS + (value >>> shift)
}

function shiftOf(value: number): number {
  const bits = 32 - Math.clz32(value)
  return Math.max(0, bits - BUCKET_BITS - 1)
}

function upperEndOf(cell: number): number {
  if (cell < 2 * BUCKETS) return cell
  const shift = Math.floor(cell / BUCKETS) - 1
  const position = cell - shift * BUCKETS
  return (position + 1) * 2 ** shift - 1
}
