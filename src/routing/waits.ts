/**
 * Who waits for whom. A receiver that does not keep up gives out a relief for the reason why; the relief
 * resolves when the reason is gone. Pure bookkeeping for the routing table.
 */
import type { StreamingType } from '../connection/topics.ts'
import { listHeader } from '../protocol/headers.ts'
import type { Signal } from '../protocol/signal.ts'
import type { Congestion, Relief, Subscription } from './router.ts'
import { streamingTypeOf } from './streaming-type.ts'

/** Why a sender waits for a receiver; `slow` only when nobody else waits with it. */
export type Reason = 'behind' | 'parked' | 'diverted' | `label ${string}` | `${Kind} ${Type}`
type Kind = 'slow' | 'blocked'
type Type = StreamingType

/** What shards and threads cannot take, as far as this thread was told. */
export class Waits {
  readonly #congestions = new Map<number, Congestion>()
  readonly #threadsBehind = new Set<number>()

  /** Takes note of what a shard cannot take more of; see {@link Congestion}. */
  setCongestion(shard: number, congestion: Congestion): void {
    const { slow, stuck, blocked, labels, diverted } = congestion
    const listed = slow.length + stuck.length + blocked.length + labels.length
    const isFree = listed === 0 && !diverted
    if (isFree) this.#congestions.delete(shard)
    else this.#congestions.set(shard, congestion)
  }

  setBehind(thread: number, behind: boolean): void {
    if (behind) this.#threadsBehind.add(thread)
    else this.#threadsBehind.delete(thread)
  }

  /** Forgets all shards that are no more. */
  retain(shards: ReadonlySet<number>): void {
    for (const shard of this.#congestions.keys()) {
      if (!shards.has(shard)) this.#congestions.delete(shard)
    }
  }

  /** Why senders of these signals wait for these shards; undefined: they need not. */
  reason(members: readonly Subscription[], signals: readonly Signal[]): Reason | undefined {
    if (this.#congestions.size === 0 && this.#threadsBehind.size === 0) return undefined
    for (const { thread } of members) if (this.#threadsBehind.has(thread)) return 'behind'
    for (const { shard } of members) {
      const congestion = this.#congestions.get(shard)
      const reason = congestion && reasonIn(congestion, signals)
      if (reason !== undefined) return reason
    }
    return undefined
  }

  /** Whether these shards have no target that could take one of these signals now. */
  isStuck(members: readonly Subscription[], signals: readonly Signal[]): boolean {
    if (this.#congestions.size === 0) return false
    return members.every(({ shard }) => {
      const stuck = this.#congestions.get(shard)?.stuck ?? []
      return stuck.length > 0 && signals.every((signal) => isOneOf(stuck, streamingTypeOf(signal)))
    })
  }

  /** Why senders of diverted responses wait for these shards. */
  reasonForDiverted(members: readonly Subscription[]): Reason | undefined {
    for (const { thread, shard } of members) {
      if (this.#threadsBehind.has(thread)) return 'behind'
      if (this.#congestions.get(shard)?.diverted) return 'diverted'
    }
    return undefined
  }

  /** Whether a reason still holds. */
  holds(reason: Reason, members: readonly Subscription[]): boolean {
    if (reason === 'behind') return members.some(({ thread }) => this.#threadsBehind.has(thread))
    return members.some(({ shard }) => {
      const congestion = this.#congestions.get(shard)
      return congestion !== undefined && isIn(congestion, reason)
    })
  }
}

/** The reliefs that one receiver has given out. */
export class Reliefs {
  readonly #given = new Map<Reason, PromiseWithResolvers<void>>()

  /** The same for one reason as long as that holds. */
  of(reason: Reason): Relief {
    let given = this.#given.get(reason)
    if (given === undefined) {
      given = Promise.withResolvers<void>()
      this.#given.set(reason, given)
    }
    return given.promise
  }

  /** Resolves those whose reason does not hold any more. */
  review(holds: (reason: Reason) => boolean): void {
    for (const [reason, { resolve }] of this.#given) {
      if (holds(reason)) continue
      this.#given.delete(reason)
      resolve()
    }
  }
}

function isOneOf(types: readonly StreamingType[], type: StreamingType | undefined): boolean {
  return type !== undefined && types.includes(type)
}

function reasonIn(congestion: Congestion, signals: readonly Signal[]): Reason | undefined {
  const { slow, blocked, labels } = congestion
  if (labels.length > 0) {
    for (const { ackTo, adaptable } of signals) {
      if (ackTo === undefined) continue
      const requested = listHeader(adaptable.headers, 'requested-acks') ?? []
      const label = requested.find((one) => labels.includes(one))
      if (label !== undefined) return `label ${label}`
    }
  }
  if (slow.length + blocked.length === 0) return undefined
  const types = new Set(signals.map(streamingTypeOf)) as ReadonlySet<Type>
  for (const type of types) if (blocked.includes(type)) return `blocked ${type}`
  // Signals that somebody takes are reason enough to go on.
  for (const type of types) if (!slow.includes(type)) return undefined
  const [type] = types
  return type && `slow ${type}`
}

function isIn({ slow, blocked, labels, diverted }: Congestion, reason: Reason): boolean {
  if (reason === 'diverted') return diverted
  const at = reason.indexOf(' ')
  const of = reason.slice(at + 1)
  switch (reason.slice(0, at)) {
    case 'label':
      return labels.includes(of)
    case 'blocked':
      return blocked.includes(of as Type)
    case 'slow':
      return slow.includes(of as Type)
    default:
      return false
  }
}
