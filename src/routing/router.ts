/**
 * The seam of routing: hands signals to the shards whose targets may want them, on whatever thread
 * they live. It matches by kind of signal only; namespaces, filters and authorization are the
 * receiving shard's business, because they are counted there. (Who waits for whom depends on namespaces.)
 */
import type { StreamingType } from '../connection/topics.ts'
import type { JsonObject, JsonValue } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import type { Signal } from '../protocol/signal.ts'

/** One shard that takes part in routing. */
export interface Subscription {
  readonly connectionId: string
  readonly thread: number
  readonly shard: number
  /** Of `clientCount` shards of the connection exactly one gets a signal, by its entity id. */
  readonly clientIndex: number
  readonly clientCount: number
  readonly types: readonly StreamingType[]
  /** The namespaces that its targets filter by; undefined: signals of any may pass. */
  readonly namespaces: readonly string[] | undefined
  /** Acknowledgement labels that this connection's targets issue, or its consumers send. */
  readonly labels: readonly string[]
  /** Whether other connections may divert responses to this one. */
  readonly takesDiverted: boolean
}

/**
 * What a shard cannot take more of at present. Whoever sends it waits, but for what is `slow` only when
 * nobody else who gets the same signals would wait, too.
 */
export interface Congestion {
  /** Of these types every target has a slow broker. */
  readonly slow: readonly StreamingType[]
  /** Of these types every target waits for a broker that takes nothing. */
  readonly stuck: readonly StreamingType[]
  /** Of these types some target drops nothing. */
  readonly blocked: readonly StreamingType[]
  /** Signals that ask for one of these acknowledgements are not dropped. */
  readonly labels: readonly string[]
  /** Of responses that other connections divert to the shard's. */
  readonly diverted: boolean
}

/** The shard takes everything. */
export const NO_CONGESTION: Congestion = Object.freeze({
  slow: Object.freeze([]),
  stuck: Object.freeze([]),
  blocked: Object.freeze([]),
  labels: Object.freeze([]),
  diverted: false,
})

/** What was answered for one acknowledgement label. */
export interface LabelAnswer {
  readonly status: number
  readonly payload?: JsonValue
  readonly headers?: JsonObject
  /** The live response that answered the label `live-response`. */
  readonly response?: Adaptable
}

/** Result of one acknowledgement label for one ticket, on its way back to the shard that waits. */
export interface AckResult extends LabelAnswer {
  readonly ticket: number
  readonly label: string
}

/** Answers that a consumer sent for a signal that it received; it knows no ticket. */
export interface ForeignAnswer {
  readonly entityId: string
  readonly correlationId: string
  readonly labels: readonly (LabelAnswer & { readonly label: string })[]
}

/** What routing needs of the threads' wiring; handing over never throws and never waits. */
export interface Delivery {
  /** Hands signals to a shard of this or another thread. */
  signals(thread: number, shard: number, batch: readonly Signal[]): void
  /** Hands acknowledgements back to the shard that asked for them. */
  acknowledgements(thread: number, shard: number, batch: readonly AckResult[]): void
  /** Tells the routing tables of all threads what a shard cannot take more of. */
  congestion(shard: number, congestion: Congestion): void
  /** Offers an answer to the routing tables of all other threads; whether one of them took it. */
  answer(answer: ForeignAnswer): Promise<boolean>
}

/**
 * Resolves when a congested receiver has caught up, or is gone. Of one receiver it is the same promise as
 * long as that congestion lasts, however often it is given out.
 */
export type Relief = Promise<void>

/** The sending side, one per thread. */
export interface Router {
  /**
   * Routes a batch; order per entity is kept. Never throws, never waits. Returns reliefs of receivers that
   * are congested and may let some signal pass, usually none: the caller stops consuming until all have
   * resolved.
   */
  route(batch: readonly Signal[]): readonly Relief[]
  /**
   * Hands responses to a connection that takes those of others; like {@link route}, but for undefined
   * when there is no such connection.
   */
  divert(connectionId: string, batch: readonly Signal[]): readonly Relief[] | undefined
  acknowledge(thread: number, shard: number, batch: readonly AckResult[]): void
  /** From now on answers for the entity with this correlation id go to the ticket of a local shard. */
  awaitAnswers(signal: Signal): void
  /** The ticket waits no longer. */
  forgetAnswers(signal: Signal): void
  /** Hands an answer to whoever waits for it, on whatever thread; false: nobody does. */
  answer(answer: ForeignAnswer): Promise<boolean>
  /** Tells all threads what a shard of this thread cannot take more of. */
  congestion(shard: number, congestion: Congestion): void
}
