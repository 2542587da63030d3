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

/** Which log an entry stands in, and where: tells it apart from all others of its connection. */
export interface LogPosition {
  /** The shard that wrote it; {@link CONTROL_PLANE_LOG} for what the control plane has to say. */
  readonly shard: number
  /** Counts everything that was ever written to that log, from 1. */
  readonly sequence: number
}

/** Stands for a shard in what the control plane writes; shards count from 1. */
export const CONTROL_PLANE_LOG = 0

/** An entry as a log keeps it. */
export interface KeptEntry extends LogEntry, LogPosition {}

/** How far a log has been read. */
export interface LogMark {
  readonly shard: number
  /** The sequence number that was the newest then; 0: nothing was read yet. */
  readonly after: number
}

/** What a log holds beyond a mark. */
export interface LogNews {
  readonly shard: number
  /** The sequence number that was given last, whether its entry is still kept or not. */
  readonly newest: number
  /** In no particular order. */
  readonly entries: readonly KeptEntry[]
}

/** What the entries of one ring have in common. */
export type LogKind = Pick<LogEntry, 'category' | 'type' | 'level' | 'address'>

/** What is particular to one entry. */
export type LogText = Pick<LogEntry, 'correlationId' | 'message' | 'entityType' | 'entityId'>

/**
 * An entry as it happened. Its text is made when somebody reads the log, so that of the many that are
 * never read nothing is kept but what they were about.
 */
export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly at: number
  /**
   * `kind`: of the ring that keeps the line. `withMessage`: whether headers and payload of the message
   * may be told, as far as they are for the kind and the message.
   */
  describe(kind: LogKind, withMessage: boolean): LogText
}

/** Where entries of one kind go; the newest are kept. */
export interface LogTrack {
  add(line: LogLine): void
}

/**
 * The writing side. Callers ask first whether the level is wanted and make nothing while it is not, so
 * that a muted log costs the hot path one comparison.
 */
export interface ConnectionLog {
  readonly wants: Readonly<Record<LogLevel, boolean>>
  /** The track of a kind; it stays valid as long as the log. */
  track(kind: LogKind): LogTrack
  add(entry: LogEntry): void
}
