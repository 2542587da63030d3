/**
 * Which connections keep a log at present, and what the control plane itself has to say in it. The
 * entries of the data plane stay with their shards.
 */
import {
  CONTROL_PLANE_LOG,
  type LogEntry,
  type LogLevel,
  type LogNews,
} from '../monitoring/log-entry.ts'
import { createLogRings, type LogRings } from '../monitoring/log-ring.ts'

/** What the logs are made from. */
export interface LogsOptions {
  /** How long a log stays enabled after it was enabled or read, in milliseconds; 0: it never is. */
  readonly durationMs: number
  /** Entries kept per kind of entry. */
  readonly maxEntries: number
  /** A log has run out; its connection's shards may forget about it. */
  readonly onExpired: (connectionId: string) => void
  /** The control plane added an entry. */
  readonly onEntry: (connectionId: string, entry: LogEntry) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds that never jump. */
  readonly monotonicMs: () => number
}

/** Since when and until when a log is enabled, in milliseconds since the epoch. */
export interface LogSpan {
  readonly since: number
  readonly until: number
}

/** When a log was enabled by the clock on the wall, and when it ends by one that never jumps. */
interface Enabled {
  readonly since: number
  readonly endsAtMs: number
}

const EXPIRY_CHECK_MS = 10_000

/** The logs of all connections, as far as the control plane knows them. */
export class ConnectionLogBook {
  readonly #options: LogsOptions
  readonly #enabled = new Map<string, Enabled>()
  readonly #own = new Map<string, LogRings>()
  readonly #inherited = new Map<string, readonly LogNews[]>()
  readonly #timer: NodeJS.Timeout
  readonly #closing = new AbortController()

  constructor(options: LogsOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#expire(), EXPIRY_CHECK_MS)
    this.#timer.unref()
  }

  /** Undefined while the log is not enabled. */
  span(id: string): LogSpan | undefined {
    const enabled = this.#enabled.get(id)
    if (enabled === undefined) return undefined
    const { now, monotonicMs } = this.#options
    const until = now() + Math.round(enabled.endsAtMs - monotonicMs())
    return { since: Math.min(enabled.since, now()), until }
  }

  /** Enables a log, or begins its time anew. */
  enable(id: string): void {
    const { durationMs, now, monotonicMs } = this.#options
    if (durationMs === 0) return
    const since = this.#enabled.get(id)?.since ?? now()
    this.#enabled.set(id, { since, endsAtMs: monotonicMs() + durationMs })
  }

  /** Reading an enabled log prolongs it; one that is not enabled stays so. */
  prolong(id: string): void {
    if (this.#enabled.has(id)) this.enable(id)
  }

  /**
   * Adds an entry of the control plane, whether the log is enabled or not: it tells why a connection
   * does not run, and is rare.
   */
  add(id: string, level: LogLevel, message: string): void {
    let rings = this.#own.get(id)
    if (rings === undefined) {
      const { maxEntries } = this.#options
      rings = createLogRings({
        shard: CONTROL_PLANE_LOG,
        capacitySuccess: maxEntries,
        capacityFailure: maxEntries,
        active: true,
      })
      this.#own.set(id, rings)
    }
    const at = this.#options.now()
    const correlationId = '<not-provided>'
    const kind = { category: 'connection', type: 'other', level } as const
    const entry = { ...kind, at, correlationId, message }
    rings.add(entry)
    this.#options.onEntry(id, entry)
  }

  /** What the control plane added beyond the mark of its log. */
  news(id: string, marks: ReadonlyMap<number, number>): LogNews {
    const rings = this.#own.get(id)
    const entries = rings?.entries(marks.get(CONTROL_PLANE_LOG)) ?? []
    return { shard: CONTROL_PLANE_LOG, newest: rings?.newest ?? 0, entries }
  }

  /** Keeps what shards have left that were closed, in place of what was left before. */
  inherit(id: string, logs: readonly LogNews[]): void {
    if (logs.length > 0) this.#inherited.set(id, logs)
  }

  /** What shards have left that were closed, beyond the marks of their logs. */
  inherited(id: string, marks: ReadonlyMap<number, number>): readonly LogNews[] {
    const logs = this.#inherited.get(id) ?? []
    return logs.map(({ shard, newest, entries }) => {
      const after = marks.get(shard) ?? 0
      return { shard, newest, entries: entries.filter(({ sequence }) => sequence > after) }
    })
  }

  /** Forgets the entries; the log stays as enabled as it is. */
  reset(id: string): void {
    this.#own.get(id)?.reset()
    this.#inherited.delete(id)
  }

  /** Forgets a connection. */
  remove(id: string): void {
    this.#own.delete(id)
    this.#inherited.delete(id)
    this.#enabled.delete(id)
  }

  /** Aborts when the control plane stops. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  close(): void {
    this.#closing.abort()
    clearInterval(this.#timer)
  }

  #expire(): void {
    const nowMs = this.#options.monotonicMs()
    for (const [id, { endsAtMs }] of this.#enabled) {
      if (endsAtMs > nowMs) continue
      this.#enabled.delete(id)
      this.#options.onExpired(id)
    }
  }
}
