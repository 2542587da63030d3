/**
 * The newest entries of a connection's log, kept in the worker that wrote them: per category, type,
 * level and address a ring of fixed size. Knows nothing of how long a log stays enabled.
 */
import type {
  ConnectionLog,
  KeptEntry,
  LogEntry,
  LogKind,
  LogLevel,
  LogLine,
  LogTrack,
} from './log-entry.ts'
import { renderLogEntry } from './logs-json.ts'

/** Entries of one ring. */
export const DEFAULT_LOG_CAPACITY = 10
/** Size of all entries of an answer, as JSON. */
export const DEFAULT_LOGS_SIZE_BYTES_MAX = 250_000
/** A longer text is cut: payloads are logged, and a ring shall not hold megabytes. */
export const LOG_MESSAGE_CHARS_MAX = 10_000

/** How to keep a log. */
export interface LogRingsOptions {
  /** See {@link LogPosition}. */
  readonly shard: number
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
  /** The sequence number that was given last; 0 before the first. */
  readonly newest: number
  /** All that is kept and is newer than `after`, in no particular order. */
  entries(after?: number): readonly KeptEntry[]
  /** Forgets all entries. */
  reset(): void
}

/** An empty log. */
export function createLogRings(options: LogRingsOptions): LogRings {
  return new Rings(options)
}

/** All entries of several logs in time order; cut to `maxSizeBytes` of JSON, newest kept. */
export function mergeLogs(
  lists: readonly (readonly KeptEntry[])[],
  maxSizeBytes = DEFAULT_LOGS_SIZE_BYTES_MAX,
): readonly KeptEntry[] {
  const entries = lists.flat().sort(byTime)
  let first = entries.length
  let sizeBytes = 0
  while (first > 0) {
    sizeBytes += Buffer.byteLength(JSON.stringify(renderLogEntry(entries[first - 1]!)))
    if (sizeBytes > maxSizeBytes) break
    first--
  }
  return entries.slice(first)
}

/** A text that a log may hold. Take secrets out before: half of one would not be found any more. */
export function cutLogMessage(text: string): string {
  if (text.length <= LOG_MESSAGE_CHARS_MAX) return text
  return `${text.slice(0, LOG_MESSAGE_CHARS_MAX)}… (cut)`
}

/** Much happens within one millisecond; the order that one log wrote in is known. */
function byTime(a: KeptEntry, b: KeptEntry): number {
  return a.at - b.at || a.shard - b.shard || a.sequence - b.sequence
}

/** Counts what was written to all rings of a log. */
interface Sequence {
  last: number
}

class Rings implements LogRings {
  readonly wants = { success: false, failure: false }
  readonly #shard: number
  readonly #sequence: Sequence = { last: 0 }
  readonly #capacities: Readonly<Record<LogLevel, number>>
  readonly #redact: (text: string) => string
  readonly #rings = new Map<string, Ring>()

  constructor(options: LogRingsOptions) {
    this.active = options.active
    this.#shard = options.shard
    this.#capacities = { success: options.capacitySuccess, failure: options.capacityFailure }
    this.#redact = options.redact ?? ((text) => text)
  }

  get active(): boolean {
    return this.wants.success
  }

  set active(active: boolean) {
    this.wants.success = active
    this.wants.failure = active
  }

  track(kind: LogKind): LogTrack {
    const { category, type, level, address = '' } = kind
    const key = `${category} ${type} ${level} ${address}`
    let ring = this.#rings.get(key)
    if (ring === undefined) {
      ring = new Ring(kind, this.#capacities[level], this.#sequence)
      this.#rings.set(key, ring)
    }
    return ring
  }

  add(entry: LogEntry): void {
    if (this.active) this.track(entry).add({ at: entry.at, describe: () => entry })
  }

  get newest(): number {
    return this.#sequence.last
  }

  entries(after = 0): readonly KeptEntry[] {
    const entries: KeptEntry[] = []
    for (const { kind, lines, sequences } of this.#rings.values()) {
      for (let index = 0; index < lines.length; index++) {
        const sequence = sequences[index]!
        if (sequence > after) entries.push(this.#entryOf(kind, lines[index]!, sequence))
      }
    }
    return entries
  }

  reset(): void {
    for (const ring of this.#rings.values()) ring.clear()
  }

  #entryOf(kind: LogKind, line: LogLine, sequence: number): KeptEntry {
    const { category, type, level, address } = kind
    const { message, ...rest } = line.describe(kind, true)
    const text = cutLogMessage(this.#redact(message))
    const position = { shard: this.#shard, sequence }
    const entry = { ...rest, at: line.at, category, type, level, message: text, ...position }
    return address === undefined ? entry : { ...entry, address }
  }
}

class Ring implements LogTrack {
  readonly kind: LogKind
  lines: LogLine[] = []
  /** Of the lines, place by place. */
  sequences: number[] = []
  readonly #capacity: number
  readonly #sequence: Sequence
  #next = 0

  constructor(kind: LogKind, capacity: number, sequence: Sequence) {
    this.kind = kind
    this.#capacity = capacity
    this.#sequence = sequence
  }

  add(line: LogLine): void {
    if (this.#capacity === 0) return
    this.lines[this.#next] = line
    this.sequences[this.#next] = ++this.#sequence.last
    this.#next = (this.#next + 1) % this.#capacity
  }

  clear(): void {
    this.lines = []
    this.sequences = []
    this.#next = 0
  }
}
