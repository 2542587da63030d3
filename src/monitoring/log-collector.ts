/**
 * Collects the entries that the shards of one thread want published, until they are fetched: built at
 * once, because nobody shall keep messages for them, and only as many as a report may hold. Knows no
 * endpoint.
 */
import type { ConnectionLog, LogEntry, LogKind, LogLevel, LogLine, LogTrack } from './log-entry.ts'
import { cutLogMessage, type LogRings } from './log-ring.ts'
import type { Redactor } from './redaction.ts'

/** What is collected. Plain data: it crosses to the threads. */
export interface CollectorSettings {
  readonly levels: readonly LogLevel[]
  /** Whether messages tell headers and payloads of what they are about. */
  readonly withMessage: boolean
  /** Entries of one shard in a report. */
  readonly maxEntries: number
  /** Size of all entries in a report, in bytes, about. */
  readonly maxBytes: number
}

/** One client of a connection. */
export interface LogAuthor {
  readonly connectionId: string
  readonly clientIndex: number
  readonly clientCount: number
}

/** What one author wants published. */
export interface LogReport extends LogAuthor {
  readonly entries: readonly LogEntry[]
  /** How many more there would have been. */
  readonly dropped: number
}

/** What an entry takes beside its message, about. */
const ENTRY_BYTES = 500

/** Of the entries of an author: the rest is for failures, which nobody wants to miss. */
const SHARE_OF_SUCCESSES = 0.8

/** One per thread. */
export class LogCollector {
  readonly settings: CollectorSettings
  readonly #unfetched = new Set<Outbox>()
  #leftBytes: number

  constructor(settings: CollectorSettings) {
    this.settings = settings
    this.#leftBytes = settings.maxBytes
  }

  /** A log that writes to the rings, while those are active, and to the collector always. */
  logFor(author: LogAuthor, rings: LogRings, redact: Redactor): ConnectionLog {
    return new CollectedLog(rings, new Outbox(author, redact, this), this.settings.levels)
  }

  /** All that was written since the last time. */
  fetch(): readonly LogReport[] {
    const reports = [...this.#unfetched].map((outbox) => outbox.fetch())
    this.#unfetched.clear()
    this.#leftBytes = this.settings.maxBytes
    return reports
  }

  /** An outbox is no longer empty. */
  expect(outbox: Outbox): void {
    this.#unfetched.add(outbox)
  }

  get isFull(): boolean {
    return this.#leftBytes <= 0
  }

  spend(bytes: number): void {
    this.#leftBytes -= bytes
  }
}

/** What one author wrote since the last report. */
class Outbox {
  readonly #author: LogAuthor
  readonly #redact: Redactor
  readonly #collector: LogCollector
  #entries: LogEntry[] = []
  #dropped = 0

  constructor(author: LogAuthor, redact: Redactor, collector: LogCollector) {
    this.#author = author
    this.#redact = redact
    this.#collector = collector
  }

  add(kind: LogKind, line: LogLine): void {
    const { settings, isFull } = this.#collector
    if (this.#entries.length === 0 && this.#dropped === 0) this.#collector.expect(this)
    const share = kind.level === 'success' ? SHARE_OF_SUCCESSES : 1
    if (isFull || this.#entries.length >= Math.ceil(settings.maxEntries * share)) {
      this.#dropped++
      return
    }
    const text = line.describe(kind, settings.withMessage)
    const message = cutLogMessage(this.#redact(text.message))
    this.#entries.push({ ...kind, ...text, at: line.at, message })
    this.#collector.spend(ENTRY_BYTES + message.length)
  }

  fetch(): LogReport {
    const report = { ...this.#author, entries: this.#entries, dropped: this.#dropped }
    this.#entries = []
    this.#dropped = 0
    return report
  }
}

class CollectedLog implements ConnectionLog {
  readonly wants: Readonly<Record<LogLevel, boolean>>
  readonly #collected: Readonly<Record<LogLevel, boolean>>
  readonly #rings: LogRings
  readonly #outbox: Outbox

  constructor(rings: LogRings, outbox: Outbox, levels: readonly LogLevel[]) {
    this.#rings = rings
    this.#outbox = outbox
    const success = levels.includes('success')
    const failure = levels.includes('failure')
    this.#collected = { success, failure }
    this.wants = {
      get success() {
        return success || rings.active
      },
      get failure() {
        return failure || rings.active
      },
    }
  }

  track(kind: LogKind): LogTrack {
    const ring = this.#rings.track(kind)
    if (!this.#collected[kind.level]) return ring
    return {
      add: (line) => {
        if (this.#rings.active) ring.add(line)
        this.#outbox.add(kind, line)
      },
    }
  }

  add(entry: LogEntry): void {
    if (this.wants[entry.level]) this.track(entry).add({ at: entry.at, describe: () => entry })
  }
}
