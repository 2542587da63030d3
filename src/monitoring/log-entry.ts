/**
 * Entries of a connection's log, as `GET /logs` shows them (Ditto documentation, "connection
 * logs").
 */

export const LOG_CATEGORIES = ['source', 'target', 'response', 'connection'] as const
export const LOG_TYPES = [
  'consumed',
  'dispatched',
  'filtered',
  'mapped',
  'dropped',
  'enforced',
  'published',
  'acknowledged',
  'throttled',
  'other',
] as const
export const LOG_LEVELS = ['success', 'failure'] as const

export type LogCategory = (typeof LOG_CATEGORIES)[number]
export type LogType = (typeof LOG_TYPES)[number]
export type LogLevel = (typeof LOG_LEVELS)[number]

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
