/**
 * The newest entries of a connection's log, kept in the worker that wrote them: per category, type,
 * level and address a ring of fixed size. Knows nothing of how long a log stays enabled.
 */
import type { ConnectionLog, LogEntry, LogKind, LogLevel, LogLine, LogTrack } from './log-entry.ts'
import { renderLogEntry } from './logs-json.ts'

/** Entries of one ring. */
export const DEFAULT_LOG_CAPACITY = 10
/** Size of all entries of an answer, as JSON. */
export const DEFAULT_LOGS_SIZE_BYTES_MAX = 250_000
/** A longer text is cut: payloads are logged, and a ring shall not hold megabytes. */
export const LOG_MESSAGE_CHARS_MAX = 10_000

/** How to keep a log. */
export interface LogRingsOptions {
  /** Success entries per ring. */
  readonly capacitySuccess: number
  /** Failure entries per ring. */
  readonly capacityFailure: number
  readonly active: boolean
  /** Takes secrets out of the texts; asked only when entries are read. */
  readonly redact?: (text: string) => string
}

/** The log of one shard. */
export interface LogRings extends ConnectionLog {
  /** Whether entries are kept; switching off forgets nothing. */
  active: boolean
  /** All that is kept, in no particular order. */
  entries(): readonly LogEntry[]
  /** Forgets all entries. */
  reset(): void
}

/** An empty log. */
export function createLogRings(options: LogRingsOptions): LogRings {
  return new Rings(options)
}

/** All entries of several logs in time order; cut to `maxSizeBytes` of JSON, newest kept. */
export function mergeLogs(
  lists: readonly (readonly LogEntry[])[],
  maxSizeBytes = DEFAULT_LOGS_SIZE_BYTES_MAX,
): readonly LogEntry[] {
  const entries = lists.flat().sort((a, b) => a.at - b.at)
  let first = entries.length
  let sizeBytes = 0
  while (first > 0) {
    sizeBytes += Buffer.byteLength(JSON.stringify(renderLogEntry(entries[first - 1]!)))
    if (sizeBytes > maxSizeBytes) break
    first--
  }
  return entries.slice(first)
}

class Rings implements LogRings {
  active: boolean
  readonly #capacities: Readonly<Record<LogLevel, number>>
  readonly #redact: (text: string) => string
  readonly #rings = new Map<string, Ring>()

  constructor(options: LogRingsOptions) {
    this.active = options.active
    this.#capacities = { success: options.capacitySuccess, failure: options.capacityFailure }
    this.#redact = options.redact ?? ((text) => text)
  }

  track(kind: LogKind): LogTrack {
    const { category, type, level, address = '' } = kind
    const key = `${category} ${type} ${level} ${address}`
    let ring = this.#rings.get(key)
    if (ring === undefined) {
      ring = new Ring(kind, this.#capacities[level])
      this.#rings.set(key, ring)
    }
    return ring
  }

  add(entry: LogEntry): void {
    if (this.active) this.track(entry).add({ at: entry.at, describe: () => entry })
  }

  entries(): readonly LogEntry[] {
    return [...this.#rings.values()].flatMap(({ kind, lines }) =>
      lines.map((line) => this.#entryOf(kind, line)),
    )
  }

  reset(): void {
    for (const ring of this.#rings.values()) ring.clear()
  }

  #entryOf({ category, type, level, address }: LogKind, line: LogLine): LogEntry {
    const { message, ...rest } = line.describe()
    const entry = { ...rest, at: line.at, category, type, level, message: this.#cut(message) }
    return address === undefined ? entry : { ...entry, address }
  }

  #cut(text: string): string {
    // Redacted before it is cut: half a secret would not be found any more.
    const redacted = this.#redact(text)
    const left = redacted.length - LOG_MESSAGE_CHARS_MAX
    if (left <= 0) return redacted
    return `${redacted.slice(0, LOG_MESSAGE_CHARS_MAX)}… (${left} more characters)`
  }
}

class Ring implements LogTrack {
  readonly kind: LogKind
  lines: LogLine[] = []
  readonly #capacity: number
  #next = 0

  constructor(kind: LogKind, capacity: number) {
    this.kind = kind
    this.#capacity = capacity
  }

  add(line: LogLine): void {
    if (this.#capacity === 0) return
    this.lines[this.#next] = line
    this.#next = (this.#next + 1) % this.#capacity
  }

  clear(): void {
    this.lines = []
    this.#next = 0
  }
}
