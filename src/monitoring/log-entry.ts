/** Entries of a connection's log, as `GET /logs` shows them (Ditto documentation, "connection logs"). */

export type LogCategory = 'source' | 'target' | 'response' | 'connection'
export type LogType =
  | 'consumed'
  | 'dispatched'
  | 'filtered'
  | 'mapped'
  | 'dropped'
  | 'enforced'
  | 'published'
  | 'acknowledged'
  | 'throttled'
  | 'other'
export type LogLevel = 'success' | 'failure'

/** One line of a connection's log. */
export interface LogEntry {
  /** `<not-provided>` when the message carried none. */
  readonly correlationId: string
  /** Milliseconds since the epoch; rendered as ISO-8601 at the edge. */
  readonly at: number
  readonly category: LogCategory
  readonly type: LogType
  readonly level: LogLevel
  readonly message: string
  readonly address?: string
  readonly entityType?: 'thing' | 'policy'
  readonly entityId?: string
}

/**
 * The writing side. Callers ask `active` first and build no text while it is false, so that a muted
 * log costs the hot path one comparison.
 */
export interface ConnectionLog {
  readonly active: boolean
  add(entry: LogEntry): void
}
