/**
 * The routing table of one thread: who wants which kind of signal. Pure bookkeeping; how a batch
 * reaches another thread is the business of the {@link Delivery} it is given.
 */
import type { StreamingType } from '../connection/topics.ts'
import type { Signal } from '../protocol/signal.ts'
import type { AckResult, Delivery, Router, Subscription } from './router.ts'
import { streamingTypeOf } from './streaming-type.ts'

/** From this many parked signals of one connection on, their senders are asked to wait. */
const PARKED_HIGH_WATER = 1_000

/** A router whose subscriptions are maintained from outside. */
export interface RoutingTable extends Router {
  /** Replaces all subscriptions; signals parked for a connection that is now present go to it. */
  update(subscriptions: readonly Subscription[]): void
  /** From now on keeps the signals of a connection until its new shards are announced. */
  park(connectionId: string): void
  /** Gives up on a parked connection; its signals have nobody to go to. */
  unpark(connectionId: string): void
  /** Takes note of a congested shard of any thread. */
  setCongested(shard: number, congested: boolean): void
  /** Takes note of a thread that does not keep up with what is sent to it. */
  setBehind(thread: number, behind: boolean): void
}

/** The shards of one connection; `parked` collects signals while the shards are being replaced. */
interface Group {
  readonly connectionId: string
  members: readonly Subscription[]
  types: ReadonlySet<StreamingType>
  parked: Signal[] | undefined
}

/** Makes the routing table of one thread. */
export function createRoutingTable(delivery: Delivery): RoutingTable {
  const groups = new Map<string, Group>()
  const congestedShards = new Set<number>()
  const threadsBehind = new Set<number>()
  let waiting: (() => void)[] = []

  const isCongested = (group: Group): boolean =>
    group.parked === undefined
      ? group.members.some(
          ({ shard, thread }) => congestedShards.has(shard) || threadsBehind.has(thread),
        )
      : group.parked.length >= PARKED_HIGH_WATER

  const relieve = (): void => {
    if (waiting.length === 0 || [...groups.values()].some(isCongested)) return
    const callbacks = waiting
    waiting = []
    for (const callback of callbacks) callback()
  }

  const routeToGroup = (group: Group, batch: readonly Signal[]): boolean => {
    const wanted = batch.filter((signal) => wants(group, signal))
    if (wanted.length === 0) return false
    if (group.parked === undefined) deliverToMembers(group.members, wanted, delivery)
    else group.parked.push(...wanted)
    return isCongested(group)
  }

  return {
    route(batch) {
      let congested = false
      for (const group of groups.values()) {
        if (routeToGroup(group, batch)) congested = true
      }
      return congested
    },

    onRelief(callback) {
      waiting.push(callback)
      relieve()
    },

    acknowledge(thread, shard, batch: readonly AckResult[]) {
      delivery.acknowledgements(thread, shard, batch)
    },

    congestion(shard, congested) {
      delivery.congestion(shard, congested)
    },

    update(subscriptions) {
      const present = groupSubscriptions(subscriptions)
      const shards = new Set(subscriptions.map(({ shard }) => shard))
      for (const shard of congestedShards) if (!shards.has(shard)) congestedShards.delete(shard)
      for (const [connectionId, group] of groups) {
        if (present.has(connectionId)) continue
        if (group.parked === undefined) groups.delete(connectionId)
      }
      for (const [connectionId, members] of present) {
        const parked = groups.get(connectionId)?.parked
        const group = newGroup(connectionId, members)
        groups.set(connectionId, group)
        if (parked !== undefined) routeToGroup(group, parked)
      }
      relieve()
    },

    park(connectionId) {
      const group = groups.get(connectionId)
      if (group !== undefined) group.parked ??= []
    },

    unpark(connectionId) {
      const group = groups.get(connectionId)
      if (group?.parked !== undefined) groups.delete(connectionId)
      relieve()
    },

    setCongested(shard, congested) {
      if (congested) congestedShards.add(shard)
      else congestedShards.delete(shard)
      relieve()
    },

    setBehind(thread, behind) {
      if (behind) threadsBehind.add(thread)
      else threadsBehind.delete(thread)
      relieve()
    },
  }
}

/** Ditto never hands a connection the signals that it caused itself. */
function wants(group: Group, signal: Signal): boolean {
  const type = streamingTypeOf(signal)
  return type !== undefined && group.types.has(type) && signal.origin !== group.connectionId
}

function newGroup(connectionId: string, members: readonly Subscription[]): Group {
  return {
    connectionId,
    members: members.toSorted((a, b) => a.clientIndex - b.clientIndex),
    types: new Set(members.flatMap(({ types }) => types)),
    parked: undefined,
  }
}

function groupSubscriptions(
  subscriptions: readonly Subscription[],
): ReadonlyMap<string, readonly Subscription[]> {
  return Map.groupBy(subscriptions, ({ connectionId }) => connectionId)
}

function deliverToMembers(
  members: readonly Subscription[],
  batch: readonly Signal[],
  delivery: Delivery,
): void {
  if (members.length === 1) {
    const [only] = members
    delivery.signals(only!.thread, only!.shard, batch)
    return
  }
  const shares: Signal[][] = members.map(() => [])
  for (const signal of batch) shares[hashOf(signal.entityId) % members.length]!.push(signal)
  members.forEach(({ thread, shard }, index) => {
    const share = shares[index]!
    if (share.length > 0) delivery.signals(thread, shard, share)
  })
}

/** FNV-1a over UTF-16 code units: all signals of an entity go to one client, so their order holds. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}
