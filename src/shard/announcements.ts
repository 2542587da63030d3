/** Connection announcements (Ditto documentation, "Connection announcements"). */
import type { Signal } from '../protocol/signal.ts'

/** The announcement that a connection was opened, or is about to be closed. */
export function announcement(
  connectionId: string,
  event: 'opened' | 'closed',
  nowMs: number,
): Signal {
  const instant = new Date(nowMs).toISOString()
  return {
    kind: 'announcement',
    entityId: connectionId,
    // No connection caused it, so that the connection itself may receive it.
    origin: '',
    subjects: [],
    adaptable: {
      topic: {
        full: `_/${connectionId}/connections/announcements/${event}`,
        namespace: '_',
        name: connectionId,
        group: 'connections',
        channel: 'none',
        criterion: 'announcements',
        subject: event,
      },
      headers: { 'correlation-id': crypto.randomUUID() },
      path: '/',
      value: event === 'opened' ? { openedAt: instant } : { closedAt: instant },
    },
  }
}
