/**
 * The newest entries of a connection's log, kept in the worker that wrote them: per category, type,
 * level and address a ring of fixed size. Knows nothing of how long a log stays enabled.
 */
import {
  type ConnectionLog,
  LOG_CATEGORIES,
  LOG_LEVELS,
  LOG_TYPES,
  type LogEntry,
  type LogLevel,
} from './log-entry.ts'
import { renderLogEntry } from './logs-json.ts'

/** Entries of one ring. */
export const DEFAULT_LOG_CAPACITY = 10
/** Size of all entries of an answer, as JSON. */
export const DEFAULT_LOGS_SIZE_BYTES_MAX = 250_000
/** A longer text is cut: payloads are logged, and a ring shall not hold megabytes. */
export const LOG_MESSAGE_CHARS_MAX = 10_000
/** Addresses with rings of their own; a bound because targets may resolve theirs from messages. */
export const LOG_ADDRESSES_MAX = 1_000

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
  /** By address, then by {@link ringIndex}. */
  readonly #rings = new Map<string, (Ring | undefined)[]>()

  constructor(options: LogRingsOptions) {
    this.active = options.active
    this.#capacities = { success: options.capacitySuccess, failure: options.capacityFailure }
    this.#redact = options.redact ?? ((text) => text)
  }

  add(entry: LogEntry): void {
    if (!this.active) return
    const rings = this.#ringsOf(entry.address ?? '')
    const index = ringIndex(entry)
    rings[index] ??= new Ring(this.#capacities[entry.level])
    rings[index].add(entry.message.length > LOG_MESSAGE_CHARS_MAX ? this.#shortened(entry) : entry)
  }

  entries(): readonly LogEntry[] {
    return [...this.#rings.values()].flatMap((rings) =>
      rings
        .flatMap((ring) => ring?.entries ?? [])
        .map((entry) => ({ ...entry, message: this.#redact(entry.message) })),
    )
  }

  reset(): void {
    this.#rings.clear()
  }

  #shortened(entry: LogEntry): LogEntry {
    // Redacted before it is cut: half a secret would not be found any more.
    const message = this.#redact(entry.message)
    const left = message.length - LOG_MESSAGE_CHARS_MAX
    if (left <= 0) return { ...entry, message }
    const kept = message.slice(0, LOG_MESSAGE_CHARS_MAX)
    return { ...entry, message: `${kept}… (${left} more characters)` }
  }

  #ringsOf(address: string): (Ring | undefined)[] {
    const known = this.#rings.get(address)
    if (known !== undefined) return known
    if (this.#rings.size >= LOG_ADDRESSES_MAX) {
      const [oldest] = this.#rings.keys()
      this.#rings.delete(oldest!)
    }
    const rings: (Ring | undefined)[] = []
    this.#rings.set(address, rings)
    return rings
  }
}

class Ring {
  readonly entries: LogEntry[] = []
  readonly #capacity: number
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  add(entry: LogEntry): void {
    if (this.#capacity === 0) return
    this.entries[this.#next] = entry
    this.#next = (this.#next + 1) % this.#capacity
  }
}

function ringIndex({ category, type, level }: LogEntry): number {
  const kind = LOG_CATEGORIES.indexOf(category) * LOG_TYPES.length + LOG_TYPES.indexOf(type)
  return kind * LOG_LEVELS.length + LOG_LEVELS.indexOf(level)
}
