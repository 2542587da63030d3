/**
 * The seam of routing: hands signals to the shards whose targets may want them, on whatever thread
 * they live. It matches by kind of signal only; namespaces, filters and authorization are the
 * receiving shard's business, because they are counted there.
 */
import type { Signal } from '../protocol/signal.ts'

/** What a target can subscribe to, from its topic strings. */
export type StreamingType =
  | 'twin-events'
  | 'live-events'
  | 'live-commands'
  | 'live-messages'
  | 'policy-announcements'
  | 'connection-announcements'

/** One shard that wants signals. */
export interface Subscription {
  readonly connectionId: string
  readonly thread: number
  readonly shard: number
  /** Of `clientCount` shards of the connection exactly one gets a signal, by its entity id. */
  readonly clientIndex: number
  readonly clientCount: number
  readonly types: readonly StreamingType[]
  /** Labels this connection's targets issue. */
  readonly issuedLabels: readonly string[]
}

/** Result of one acknowledgement label for one ticket, on its way back to the shard that waits. */
export interface AckResult {
  readonly ticket: number
  readonly label: string
  readonly status: number
}

/** What the router needs of the threads' wiring. */
export interface Delivery {
  /** Hands signals to a shard of this or another thread. */
  signals(thread: number, shard: number, batch: readonly Signal[]): void
  /** Hands acknowledgements back to the shard that asked for them. */
  acknowledgements(thread: number, shard: number, batch: readonly AckResult[]): void
}

/** The sending side, one per thread. */
export interface Router {
  /** Routes a batch; order per entity is kept. Never throws, never waits. */
  route(batch: readonly Signal[]): void
  acknowledge(thread: number, shard: number, batch: readonly AckResult[]): void
}
