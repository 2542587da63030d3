/**
 * The body of the logs resource (Ditto documentation, "Connection logs"). Knows no ring and no
 * clock.
 */
import type { JsonObject } from '../json/types.ts'
import type { LogEntry } from './log-entry.ts'

/** Stands in an entry for the correlation id that a message did not bring. */
export const NO_CORRELATION_ID = '<not-provided>'

/** One entry as JSON; members that are not known are left out. */
export function renderLogEntry(entry: LogEntry): JsonObject {
  const { correlationId, at, category, type, level, message, address, entityType, entityId } = entry
  return {
    correlationId: correlationId === '' ? NO_CORRELATION_ID : correlationId,
    timestamp: new Date(at).toISOString(),
    category,
    type,
    level,
    message,
    ...(address === undefined ? {} : { address }),
    ...(entityType === undefined ? {} : { entityType }),
    ...(entityId === undefined ? {} : { entityId }),
  }
}

/** The whole body; the instants are ISO-8601, null while logging is off. */
export function renderLogs(
  connectionId: string,
  logs: {
    readonly entries: readonly LogEntry[]
    readonly enabledSince: string | null
    readonly enabledUntil: string | null
  },
): JsonObject {
  return {
    connectionId,
    connectionLogs: logs.entries.map(renderLogEntry),
    enabledSince: logs.enabledSince,
    enabledUntil: logs.enabledUntil,
  }
}
