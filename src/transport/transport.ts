/**
 * The seam of the bindings: one client's session with a broker. A transport consumes, publishes and
 * settles; it never reconnects or counts: the shard does, once for all protocols. Where a protocol lets
 * a single address fail, its transport brings that one back, with pauses within the limits it is given.
 * A transport object lives for one session. After `onLost` it is dead and a new one is made, so that
 * settlements of a lost session have nowhere to go.
 */
import type { Connection } from '../connection/types.ts'
import type { DittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import type { BackoffLimits } from './backoff.ts'

/**
 * What happens to a consumed message: `accept` (done), `retry` (give it back for redelivery),
 * `reject` (do not deliver it again).
 */
export type Settlement = 'accept' | 'retry' | 'reject'

/** A consumed message. `settle` is called exactly once; after the session is lost it does nothing. */
export interface Delivery {
  readonly message: ExternalMessage
  /** Index of the source in the connection. */
  readonly source: number
  /** The concrete address the message arrived on (MQTT: its topic). */
  readonly address: string
  /** The configured source address that matched, the key of its counters. */
  readonly sourceAddress: string
  /** Settles towards the broker; returns the text for the connection log, when the binding has one. */
  settle(outcome: Settlement): string | undefined
}

/** A message to publish, its address and headers resolved. */
export interface OutboundMessage {
  readonly address: string
  /** Configured quality of service; undefined where the protocol has none. */
  readonly qos: number | undefined
  readonly message: ExternalMessage
}

/** The broker's word on a published message. */
export type PublishOutcome =
  | { readonly ok: true; readonly status: number }
  | { readonly ok: false; readonly error: DittoError }

/** Why a session could not be opened or was lost. */
export type ConnectFailure =
  | 'unreachable'
  | 'tls'
  | 'authentication'
  | 'authorization'
  | 'misconfigured'
  | 'protocol'
  | 'lost'
  | 'timeout'

/** A classified failure of a session, in the broker's own words. */
export class ConnectError extends Error {
  readonly failure: ConnectFailure
  /** `misconfigured`: the user has to change something; `failed`: it may heal by itself. */
  readonly status: 'failed' | 'misconfigured'
  /**
   * Set when the binding itself gave the session up and knows when to come back (milliseconds from
   * now; MQTT's `reconnectForRedeliveryDelay`). It then replaces the backoff and is no failed attempt.
   */
  readonly reconnectAfterMs: number | undefined
  /**
   * Set when the broker ended a session that it had accepted: what it means if that happens again and
   * again, and what to do then.
   */
  readonly ifRepeated: string | undefined

  constructor(
    failure: ConnectFailure,
    status: 'failed' | 'misconfigured',
    message: string,
    options: ErrorOptions & { reconnectAfterMs?: number; ifRepeated?: string } = {},
  ) {
    super(message, options)
    this.name = 'ConnectError'
    this.failure = failure
    this.status = status
    this.reconnectAfterMs = options.reconnectAfterMs
    this.ifRepeated = options.ifRepeated
  }
}

/** State of one source or target address, as the status resource shows it. */
export interface AddressStatus {
  readonly kind: 'source' | 'target'
  /** Index of the source or target in the connection. */
  readonly index: number
  readonly address: string
  readonly status: 'open' | 'closed' | 'failed' | 'misconfigured' | 'unknown'
  readonly details: string
}

/** What a transport tells its shard. */
export interface TransportEvents {
  /**
   * What one turn of the event loop delivered, at most {@link MAX_BATCH} messages. Begins in the turn
   * after `open` has resolved.
   */
  onDeliveries(batch: readonly Delivery[]): void
  /** A message that could not be turned into an external message. */
  onUndecodable(source: number, sourceAddress: string, error: DittoError): void
  onAddressStatus(status: AddressStatus): void
  /** The open session ended without being asked to. Called at most once. */
  onLost(error: ConnectError): void
  /** A line for the connection's log, category `connection`. */
  onLog(level: 'success' | 'failure', message: string): void
}

/** The most messages that travel together. */
export const MAX_BATCH = 128

/** What a transport is made from. */
export interface TransportOptions extends BackoffLimits {
  readonly connection: Connection
  /** 0-based index of this client among the connection's `clientCount`. */
  readonly clientIndex: number
  /** A dry run must leave no session behind at the broker and must not disturb a running one. */
  readonly dryRun: boolean
  readonly events: TransportEvents
  /** Most messages the shard will hold unsettled; bindings with credit or prefetch pass it on. */
  readonly maxUnsettled: number
  /** Longest time `open` may take, in milliseconds. */
  readonly connectTimeoutMs: number
  /** Longest time a publish may wait for the broker's confirmation, in milliseconds. */
  readonly publishTimeoutMs: number
}

/** One client's session with a broker. */
export interface Transport {
  /** Connects, then subscribes; resolves when usable, rejects with a {@link ConnectError}. */
  open(signal: AbortSignal): Promise<void>
  /** Publishes in order; one outcome per message, in order; never rejects. */
  publish(batch: readonly OutboundMessage[]): Promise<readonly PublishOutcome[]>
  /**
   * Stops taking messages; the session stays alive (keep-alive is answered). Idempotent; holds for a
   * session that is yet to be opened, too.
   */
  pause(): void
  resume(): void
  /**
   * Stops consuming but keeps the session: what was delivered can still be settled. `successor`: the
   * definition by which this client comes back some day; undefined when nobody will. A broker that keeps
   * messages for a session that is away must keep none that nobody will fetch.
   */
  stopConsuming(successor: Connection | undefined): Promise<void>
  /** Ends the session; unsettled messages go back to the broker. Resolves when the socket is gone. */
  close(): Promise<void>
}

/** A binding: how to make transports of one connection type. */
export type TransportFactory = (options: TransportOptions) => Transport
