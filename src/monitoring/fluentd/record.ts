/**
 * A log entry as it is published: the fields that Eclipse Ditto gives it (Ditto documentation,
 * "Publishing connection logs"), its tag and its time. Pure; knows no connection to anywhere.
 */
import type { LogEntry } from '../log-entry.ts'
import { NO_CORRELATION_ID } from '../logs-json.ts'

/** Who wrote entries: a client of a connection, or the control plane about it. */
export interface LogOrigin {
  readonly connectionId: string
  /** Name of the gateway, with the number of the client when there are several. */
  readonly instanceId: string
}

/** What goes with every record. */
export interface RecordSettings {
  /** Empty: `connection:<connectionId>`. */
  readonly tag: string
  /** Further fields; they win over those of the entry. */
  readonly additionalContext: Readonly<Record<string, string>>
}

/** One event of the Forward protocol. Plain data: it crosses to a thread. */
export interface LogRecord {
  readonly tag: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly fields: Readonly<Record<string, string>>
}

/** The record of an entry; what is not known of it is left out. */
export function recordOf(
  { connectionId, instanceId }: LogOrigin,
  entry: LogEntry,
  { tag, additionalContext }: RecordSettings,
): LogRecord {
  const { at, level, category, type, correlationId, address, entityType, entityId } = entry
  const hasCorrelationId = correlationId !== '' && correlationId !== NO_CORRELATION_ID
  return {
    tag: tag === '' ? `connection:${connectionId}` : tag,
    at,
    fields: {
      connectionId,
      level,
      category,
      type,
      ...(hasCorrelationId ? { correlationId } : {}),
      ...(address === undefined ? {} : { address }),
      ...(entityType === undefined ? {} : { entityType }),
      ...(entityId === undefined ? {} : { entityId }),
      instanceId,
      message: entry.message,
      ...additionalContext,
    },
  }
}

/** What MessagePack adds to a text, and a time to a record, at most, in bytes. */
const OVERHEAD_BYTES = 5
const TIME_BYTES = 10

/** About how large a record is on the wire, in bytes. */
export function sizeOf({ fields }: LogRecord): number {
  let bytes = TIME_BYTES
  for (const name in fields) {
    bytes += name.length + Buffer.byteLength(fields[name]!) + OVERHEAD_BYTES
  }
  return bytes
}
