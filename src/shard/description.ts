/** What a shard is made from and what it tells of itself. Plain data: it crosses processes. */
import type { Connection } from '../connection/types.ts'
import type { ScriptLimits } from '../mapping/mapper.ts'
import type { AddressStatus, ConnectFailure } from '../transport/transport.ts'

/** Limits and times of a shard, from config.toml. */
export interface ShardSettings {
  /** Consumed messages that may be unsettled at a time. */
  readonly maxUnsettled: number
  /** How often a message that failed may be delivered again before it is rejected; 0: for ever. */
  readonly maxRedeliveries: number
  /** Messages that may wait for publishing, or for the broker's confirmation. */
  readonly maxOutboundQueue: number
  /** That a connection takes which does not say so itself; 0: as many as come. */
  readonly messagesPerSecond: number
  /** The same for each source. */
  readonly sourceMessagesPerSecond: number
  readonly connectTimeoutMs: number
  readonly publishTimeoutMs: number
  /** Longest wait for acknowledgements when a message names no timeout of its own. */
  readonly ackTimeoutMs: number
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** Longest time a graceful close may spend on what is in flight. */
  readonly drainTimeoutMs: number
  /** Entries kept per category, type, address and level. */
  readonly logCapacity: number
  readonly script: ScriptLimits
}

/** One client of one connection. */
export interface ShardDescription {
  /** Unique in the life of an engine. */
  readonly shard: number
  readonly connection: Connection
  /** 0-based, below `connection.clientCount`. */
  readonly clientIndex: number
  /** Connects and compiles only: consumes nothing, announces nothing, leaves no session behind. */
  readonly dryRun: boolean
  readonly logsActive: boolean
  readonly settings: ShardSettings
}

/** State of a shard's session, as the status resource shows it. */
export interface ClientStatus {
  readonly status: 'open' | 'closed' | 'failed' | 'misconfigured' | 'unknown'
  readonly recovery: 'ongoing' | 'succeeded' | 'unknown'
  /** In the broker's words where there are some. */
  readonly details: string
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Why the last attempt failed. */
  readonly failure?: ConnectFailure
}

/** State of a shard and of each of its addresses. */
export interface ShardStatus {
  readonly client: ClientStatus
  readonly addresses: readonly (AddressStatus & { readonly since: number })[]
}
