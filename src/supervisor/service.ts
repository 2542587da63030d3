/**
 * The seam between the HTTP control plane and everything behind it: what a DevOps engineer can do with
 * connections. The API knows this interface and no supervisor behind it.
 *
 * Every method throws a {@link DittoException} (through its promise where it has one) with the error
 * that the caller shall see; nothing has changed then, unless the method says otherwise.
 */
import type { StoredConnection } from '../connection/store.ts'
import type { JsonObject } from '../json/types.ts'
import type { TrialResult } from '../mapping/trial-schema.ts'
import type { LogEntry } from '../monitoring/log-entry.ts'

export type { StoredConnection } from '../connection/store.ts'

/** The log of one connection. */
export interface ConnectionLogs {
  /** In time order, cut to the size limit, newest kept. */
  readonly entries: readonly LogEntry[]
  /** ISO-8601 instants; null while logging is off. */
  readonly enabledSince: string | null
  readonly enabledUntil: string | null
}

/** What was written to a connection's log since somebody looked last. */
export interface LogBatch {
  /** In time order, each with the cursor by which a tail goes on behind it. */
  readonly entries: readonly { readonly entry: LogEntry; readonly cursor: string }[]
  /** Entries that were written and are not kept any more. */
  readonly missed: number
  readonly enabled: boolean
}

/** A connection's log as it grows; to be closed by whoever opened it. */
export interface LogTail {
  /**
   * What is new: at once for the first time, after a short pause from then on, with or without
   * entries. Undefined when the connection is gone, the service stops or the tail was closed.
   */
  next(): Promise<LogBatch | undefined>
  close(): void
}

/** Liveness and readiness, for `/health`. */
export interface Health {
  /** The engine answers and both stores are writable. Unreachable brokers do not count. */
  readonly ready: boolean
  readonly engine: 'up' | 'starting' | 'down'
  /** How the last engine ended and when the next one starts, while there is none. */
  readonly engineDetails?: string
  /** Of the connections. */
  readonly store: 'writable' | 'read-only'
  /** Not writable while commands wait for them. Absent until an engine has told. */
  readonly twins?: 'writable' | 'read-only'
  /** What is wrong with the twins and what to do, while they are not writable. */
  readonly twinsDetails?: string
}

/** One connection in the fleet view. */
export interface FleetLine {
  readonly id: string
  readonly name: string | null
  readonly connectionType: string
  readonly connectionStatus: string
  readonly liveStatus: string
  /** ISO-8601 instant since which the live status is what it is. */
  readonly since: string
  readonly failures: { readonly PT1M: number; readonly PT1H: number }
  /** Messages per second, over the last minute. */
  readonly rates: { readonly inbound: number; readonly outbound: number }
}

/** All connections at a glance. */
export interface Fleet {
  readonly total: number
  /** How many are in which live status. */
  readonly states: Readonly<Record<string, number>>
  /** Ordered by id. */
  readonly connections: readonly FleetLine[]
}

/** The connections resource as operations. Bodies are parsed JSON, not yet validated. */
export interface ConnectionService {
  /** Validates, compiles, stores; starts clients in the background when desired `open`. */
  create(body: unknown): Promise<StoredConnection>
  /** Really connects, then leaves nothing behind; throws the broker's reason. */
  dryRun(body: unknown): Promise<void>
  /**
   * Stores the new definition and applies it; the id must exist. The change stays stored if opening
   * fails.
   */
  modify(id: string, body: unknown): Promise<StoredConnection>
  remove(id: string): Promise<void>
  /**
   * Has mappers tried on sample messages, of a stored connection or, without an id, only those that
   * the body defines. Nothing is dispatched.
   */
  testMapping(id: string | undefined, body: unknown): Promise<TrialResult>
  retrieve(id: string): StoredConnection
  /** All, ordered by id. */
  list(): readonly StoredConnection[]
  /** Resolves when all clients are connected; throws when one fails. The desired status stays `open`. */
  open(id: string): Promise<void>
  close(id: string): Promise<void>
  /** The live status alone, as the status resource tells it. */
  liveStatus(id: string): string
  /** All connections at a glance, at little cost. */
  fleet(): Fleet
  /** Body of the status resource (without the `type`/`status`/`connectionId` envelope). */
  status(id: string): JsonObject
  /** Body of the metrics resource (without the envelope). */
  metrics(id: string): Promise<JsonObject>
  resetMetrics(id: string): Promise<void>
  /** Reading prolongs an enabled log. */
  logs(id: string): Promise<ConnectionLogs>
  /**
   * Watches the log, behind the cursor if there is one; that prolongs it like reading. Throws 503 when
   * too many watch already.
   */
  tailLogs(id: string, cursor: string | undefined): LogTail
  enableLogs(id: string): Promise<void>
  resetLogs(id: string): Promise<void>
  health(): Health
}
