/** A signal: a Ditto Protocol message on its way through Sluice, with what only the inside knows. */
import type { Adaptable } from './adaptable.ts'

/** What a signal is, decided once where it enters. */
export type SignalKind =
  | 'twin-command'
  | 'live-command'
  | 'message'
  | 'twin-event'
  | 'live-event'
  | 'response'
  | 'acknowledgement'
  | 'announcement'

/** Where acknowledgements for a signal are collected: a shard, and its ticket for the message. */
export interface AckAddress {
  readonly thread: number
  readonly shard: number
  readonly ticket: number
}

/** Plain data: a signal crosses threads by structured clone. */
export interface Signal {
  readonly kind: SignalKind
  readonly adaptable: Adaptable
  /** `namespace:name`, or the empty string for signals that are about no entity. */
  readonly entityId: string
  /** Id of the connection that caused it; a connection does not receive its own signals. */
  readonly origin: string
  /** Authorization subjects the signal acts with. */
  readonly subjects: readonly string[]
  /** Set when acknowledgements of targets are awaited. */
  readonly ackTo?: AckAddress
}
