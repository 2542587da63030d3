/** Which kind of target topic a signal falls under. */
import type { StreamingType } from '../connection/topics.ts'
import type { Signal, SignalKind } from '../protocol/signal.ts'

const BY_KIND: Readonly<Partial<Record<SignalKind, StreamingType>>> = {
  'twin-event': 'twin-events',
  'live-event': 'live-events',
  'live-command': 'live-commands',
  message: 'live-messages',
}

/** The streaming type of a signal; undefined for signals that no target can subscribe to. */
export function streamingTypeOf({ kind, adaptable }: Signal): StreamingType | undefined {
  if (kind !== 'announcement') return BY_KIND[kind]
  return adaptable.topic.group === 'policies' ? 'policy-announcements' : 'connection-announcements'
}
