/**
 * The logs of connections as they grow, for whoever watches. Somebody who watches asks for the next
 * news again and again; nothing is read, and nothing is kept, for anybody who does not ask. Knows no
 * HTTP and no engine.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { KeptEntry, LogNews } from '../monitoring/log-entry.ts'
import { mergeLogs } from '../monitoring/log-ring.ts'
import { type DittoError, DittoException, dittoError } from '../protocol/errors.ts'
import type { LogBatch, LogTail } from './service.ts'

/** What tails are made from. */
export interface LogTailsOptions {
  /** Tails that may be open at a time, of all connections together. */
  readonly maxTails: number
  /** Size of what one reading gives, as JSON; the newest win. */
  readonly maxSizeBytes: number
  /** Pause between two readings, in milliseconds. */
  readonly intervalMs?: number
  /** What the logs of a connection hold beyond these marks; undefined when there is no such connection. */
  readonly read: (id: string, marks: LogMarks) => Promise<LogReading | undefined>
}

/** The newest sequence number that was read of each log; none: nothing was read. */
export type LogMarks = ReadonlyMap<number, number>

/** One reading of all logs of a connection. */
export interface LogReading {
  readonly news: readonly LogNews[]
  readonly enabled: boolean
}

/** Fast enough to watch, and slow enough to cost nothing. */
const DEFAULT_INTERVAL_MS = 250
/** A longer cursor is none of ours: a connection has at most some dozens of clients. */
const CURSOR_CHARS_MAX = 4_096
const CURSOR = /^[0-9a-f]+(?:\.\d+-\d+)*$/

/** One per control plane. */
export class LogTails {
  readonly #options: LogTailsOptions
  readonly #open = new Set<Tail>()
  /** Shards are numbered anew in each life of the service. */
  readonly #life = randomBytes(4).toString('hex')
  #closed = false

  constructor(options: LogTailsOptions) {
    this.#options = options
  }

  /**
   * Begins to watch: behind `cursor`, or with everything that is kept when there is none or it is of
   * another life of the service. Throws 503 when too many watch already.
   */
  open(id: string, cursor: string | undefined): LogTail {
    const { maxTails } = this.#options
    if (this.#closed || this.#open.size >= maxTails) throw new DittoException(tooMany(maxTails))
    const marks = cursor === undefined ? undefined : this.#parse(cursor)
    const tail = new Tail(id, this.#options, this.#life, marks, () => this.#open.delete(tail))
    this.#open.add(tail)
    return tail
  }

  /** Ends all tails; no more can be opened. */
  close(): void {
    this.#closed = true
    for (const tail of this.#open) tail.close()
  }

  #parse(cursor: string): Map<number, number> | undefined {
    if (cursor.length > CURSOR_CHARS_MAX || !CURSOR.test(cursor)) return undefined
    const [life, ...marks] = cursor.split('.')
    if (life !== this.#life) return undefined
    return new Map(
      marks.map((mark) => {
        const [shard, sequence] = mark.split('-')
        return [Number(shard), Number(sequence)]
      }),
    )
  }
}

class Tail implements LogTail {
  readonly #id: string
  readonly #options: LogTailsOptions
  readonly #life: string
  readonly #onClosed: () => void
  readonly #closing = new AbortController()
  #marks: Map<number, number>
  /** Whether what was written before the first reading is news, too. */
  #resumed: boolean
  #hasRead = false

  constructor(
    id: string,
    options: LogTailsOptions,
    life: string,
    marks: Map<number, number> | undefined,
    onClosed: () => void,
  ) {
    this.#id = id
    this.#options = options
    this.#life = life
    this.#onClosed = onClosed
    this.#marks = marks ?? new Map()
    this.#resumed = marks !== undefined
  }

  async next(): Promise<LogBatch | undefined> {
    const { intervalMs = DEFAULT_INTERVAL_MS, read } = this.#options
    const { signal } = this.#closing
    // It rejects when the tail is closed meanwhile.
    if (this.#hasRead) await delay(intervalMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return undefined
    const reading = await read(this.#id, this.#marks)
    if (reading === undefined) this.close()
    if (signal.aborted || reading === undefined) return undefined
    const batch = this.#batchOf(reading)
    this.#hasRead = true
    return batch
  }

  close(): void {
    this.#closing.abort()
    this.#onClosed()
  }

  #batchOf({ news, enabled }: LogReading): LogBatch {
    const kept = news.map(({ entries }) => entries)
    const entries = mergeLogs(kept, this.#options.maxSizeBytes)
    const missed = this.#written(news) - entries.length
    const shown = entries.map((entry) => ({ entry, cursor: this.#pass(entry) }))
    // What no entry is left of has been passed as well; logs that are gone are forgotten.
    this.#marks = new Map(news.map(({ shard, newest }) => [shard, newest]))
    return { entries: shown, missed: Math.max(0, missed), enabled }
  }

  /** How many entries were written since the last reading, kept or not. */
  #written(news: readonly LogNews[]): number {
    let written = 0
    for (const { shard, newest, entries } of news) {
      const after = this.#marks.get(shard)
      const counts = this.#hasRead || (this.#resumed && after !== undefined)
      written += counts ? newest - (after ?? 0) : entries.length
    }
    return written
  }

  #pass({ shard, sequence }: KeptEntry): string {
    this.#marks.set(shard, Math.max(this.#marks.get(shard) ?? 0, sequence))
    const marks = [...this.#marks].map((mark) => mark.join('-'))
    return [this.#life, ...marks].join('.')
  }
}

function tooMany(max: number): DittoError {
  return dittoError(
    503,
    'connectivity:logs.tails.exceeded',
    `${max} logs are being watched already.`,
    'Close another one, or raise [monitoring.logs] max_tails.',
  )
}
