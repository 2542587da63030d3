/**
 * The routing table of one thread: who wants which kind of signal. Pure bookkeeping; how a batch
 * reaches another thread is the business of the {@link Delivery} it is given.
 */
import type { StreamingType } from '../connection/topics.ts'
import { listHeader } from '../protocol/headers.ts'
import type { Signal } from '../protocol/signal.ts'
import { AwaitedAnswers } from './awaited.ts'
import type {
  AckResult,
  Congestion,
  Delivery,
  ForeignAnswer,
  Relief,
  Router,
  Subscription,
} from './router.ts'
import { streamingTypeOf } from './streaming-type.ts'
import { type Reason, Reliefs, Waits } from './waits.ts'
import { WEAK_ANSWER } from './weak.ts'

/** From this many parked signals of one connection on, their senders are asked to wait. */
export const PARKED_HIGH_WATER = 1_000

/** A router whose subscriptions are maintained from outside. */
export interface RoutingTable extends Router {
  /** Replaces all subscriptions; signals parked for a connection that is now present go to it. */
  update(subscriptions: readonly Subscription[]): void
  /** From now on keeps the signals of a connection until its new shards are announced. */
  park(connectionId: string): void
  /** Gives up on a parked connection; its signals have nobody to go to. */
  unpark(connectionId: string): void
  /** Takes note of what a shard of any thread cannot take more of. */
  setCongestion(shard: number, congestion: Congestion): void
  /** Takes note of a thread that does not keep up with what is sent to it. */
  setBehind(thread: number, behind: boolean): void
  /** Takes an answer if somebody on this thread waits for it; whether that was so. */
  takeAnswer(answer: ForeignAnswer): boolean
}

/** The shards of one connection; `parked` collects signals while the shards are being replaced. */
interface Group {
  readonly connectionId: string
  readonly members: readonly Subscription[]
  readonly types: ReadonlySet<StreamingType>
  /** Undefined: signals of any may pass. */
  readonly namespaces: ReadonlySet<string> | undefined
  /** That its targets issue or its consumers send. */
  readonly labels: ReadonlySet<string>
  readonly takesDiverted: boolean
  parked: Signal[] | undefined
  /** Given out while the group is congested. */
  readonly reliefs: Reliefs
}

/** Makes the routing table of one thread. */
export function createRoutingTable(delivery: Delivery): RoutingTable {
  return new Table(delivery)
}

class Table implements RoutingTable {
  readonly #delivery: Delivery
  readonly #groups = new Map<string, Group>()
  /** The groups by what they want, so that a signal costs nothing where nobody wants it. */
  #byType: ReadonlyMap<StreamingType, readonly Group[]> = new Map()
  #byLabel: ReadonlyMap<string, Group> = new Map()
  readonly #waits = new Waits()
  readonly #awaited = new AwaitedAnswers()

  constructor(delivery: Delivery) {
    this.#delivery = delivery
  }

  route(batch: readonly Signal[]): readonly Relief[] {
    let reliefs = NO_RELIEFS
    let slow = NO_RELIEFS
    let someoneKeepsUp = false
    for (const group of this.#groupsFor(batch)) {
      const wanted = batch.every((signal) => wants(group, signal))
        ? batch
        : batch.filter((signal) => wants(group, signal))
      if (wanted.length === 0) continue
      this.#hand(group, wanted)
      if (!mayLetPass(group, wanted)) continue
      const reason = this.#reasonToWait(group, wanted)
      if (reason === undefined) someoneKeepsUp ||= !this.#isStuck(group, wanted)
      else if (reason.startsWith('slow')) slow = [...slow, group.reliefs.of(reason)]
      else reliefs = [...reliefs, group.reliefs.of(reason)]
    }
    for (const signal of batch) this.#acknowledgeWeakly(signal)
    return someoneKeepsUp || slow.length === 0 ? reliefs : [...reliefs, firstOf(slow)]
  }

  divert(connectionId: string, batch: readonly Signal[]): readonly Relief[] | undefined {
    const group = this.#groups.get(connectionId)
    if (group?.takesDiverted !== true) return undefined
    this.#hand(group, batch)
    const reason = isFull(group) ? 'parked' : this.#waits.reasonForDiverted(group.members)
    return reason === undefined ? NO_RELIEFS : [group.reliefs.of(reason)]
  }

  acknowledge(thread: number, shard: number, batch: readonly AckResult[]): void {
    this.#delivery.acknowledgements(thread, shard, batch)
  }

  awaitAnswers(signal: Signal): void {
    this.#awaited.add(signal)
  }

  forgetAnswers(signal: Signal): void {
    this.#awaited.remove(signal)
  }

  async answer(answer: ForeignAnswer): Promise<boolean> {
    return this.takeAnswer(answer) || this.#delivery.answer(answer)
  }

  takeAnswer({ entityId, correlationId, labels }: ForeignAnswer): boolean {
    const address = this.#awaited.oldest(entityId, correlationId)
    if (address === undefined) return false
    const { thread, shard, ticket } = address
    this.acknowledge(
      thread,
      shard,
      labels.map((label) => ({ ticket, ...label })),
    )
    return true
  }

  congestion(shard: number, congestion: Congestion): void {
    this.#delivery.congestion(shard, congestion)
  }

  update(subscriptions: readonly Subscription[]): void {
    const present = Map.groupBy(subscriptions, ({ connectionId }) => connectionId)
    this.#waits.retain(new Set(subscriptions.map(({ shard }) => shard)))
    for (const group of this.#groups.values()) {
      if (!present.has(group.connectionId) && group.parked === undefined) this.#forget(group)
    }
    const unparked: (readonly [Group, readonly Signal[]])[] = []
    for (const [connectionId, members] of present) {
      const before = this.#groups.get(connectionId)
      const group = newGroup(connectionId, members, before?.reliefs ?? new Reliefs())
      this.#groups.set(connectionId, group)
      if (before?.parked !== undefined) unparked.push([group, before.parked])
    }
    this.#index()
    for (const [group, parked] of unparked) this.#handParked(group, parked)
    this.#relieve()
  }

  park(connectionId: string): void {
    const group = this.#groups.get(connectionId)
    if (group === undefined) return
    group.parked ??= []
    this.#relieve()
  }

  unpark(connectionId: string): void {
    const group = this.#groups.get(connectionId)
    if (group?.parked === undefined) return
    this.#forget(group)
    this.#index()
  }

  setCongestion(shard: number, congestion: Congestion): void {
    this.#waits.setCongestion(shard, congestion)
    this.#relieve()
  }

  setBehind(thread: number, behind: boolean): void {
    this.#waits.setBehind(thread, behind)
    this.#relieve()
  }

  /** All groups that want some signal of the batch; mostly the signals are all of one type. */
  #groupsFor(batch: readonly Signal[]): Iterable<Group> {
    const types = new Set(batch.map(streamingTypeOf))
    if (types.size !== 1) return this.#groups.values()
    const [type] = types
    return (type !== undefined && this.#byType.get(type)) || NO_GROUPS
  }

  #hand({ members, parked }: Group, wanted: readonly Signal[]): void {
    if (parked !== undefined) parked.push(...wanted)
    else deliverToMembers(members, wanted, this.#delivery)
  }

  /** The new shards may want less than those for whom the signals were kept. */
  #handParked(group: Group, parked: readonly Signal[]): void {
    const wanted = parked.filter((signal) => wants(group, signal) || takes(group, signal))
    if (wanted.length > 0) this.#hand(group, wanted)
    for (const signal of parked) if (!wants(group, signal)) this.#acknowledgeWeakly(signal)
  }

  /** Answers for connections whose label is requested but which do not receive the signal. */
  #acknowledgeWeakly(signal: Signal): void {
    const { ackTo, adaptable } = signal
    if (ackTo === undefined) return
    const results: AckResult[] = []
    for (const label of listHeader(adaptable.headers, 'requested-acks') ?? []) {
      const issuer = this.#byLabel.get(label)
      if (issuer === undefined || wants(issuer, signal)) continue
      results.push({ ticket: ackTo.ticket, label, ...WEAK_ANSWER })
    }
    if (results.length > 0) this.acknowledge(ackTo.thread, ackTo.shard, results)
  }

  #reasonToWait(group: Group, signals: readonly Signal[]): Reason | undefined {
    if (group.parked === undefined) return this.#waits.reason(group.members, signals)
    return isFull(group) ? 'parked' : undefined
  }

  #isStuck({ parked, members }: Group, signals: readonly Signal[]): boolean {
    return parked === undefined && this.#waits.isStuck(members, signals)
  }

  #relieve(): void {
    for (const group of this.#groups.values()) {
      group.reliefs.review((reason) =>
        reason === 'parked'
          ? isFull(group)
          : group.parked === undefined && this.#waits.holds(reason, group.members),
      )
    }
  }

  #forget(group: Group): void {
    this.#groups.delete(group.connectionId)
    group.reliefs.review(() => false)
  }

  #index(): void {
    const byType = new Map<StreamingType, Group[]>()
    const byLabel = new Map<string, Group>()
    for (const group of this.#groups.values()) {
      for (const label of group.labels) byLabel.set(label, group)
      for (const type of group.types) {
        const known = byType.get(type)
        if (known === undefined) byType.set(type, [group])
        else known.push(group)
      }
    }
    this.#byType = byType
    this.#byLabel = byLabel
  }
}

const NO_RELIEFS: readonly Relief[] = Object.freeze([])
const NO_GROUPS: readonly Group[] = Object.freeze([])

/** Too much is parked for it. */
function isFull({ parked }: Group): boolean {
  return parked !== undefined && parked.length >= PARKED_HIGH_WATER
}

/** When one receiver has caught up, it must not wait for the others. */
function firstOf(reliefs: readonly Relief[]): Relief {
  return reliefs.length === 1 ? reliefs[0]! : Promise.race(reliefs)
}

/** Ditto never hands a connection the signals that it caused itself. */
function wants(group: Group, signal: Signal): boolean {
  const type = streamingTypeOf(signal)
  return type !== undefined && group.types.has(type) && signal.origin !== group.connectionId
}

/** What does not pass the namespaces fills no queue. */
function mayLetPass({ namespaces }: Group, signals: readonly Signal[]): boolean {
  if (namespaces === undefined) return true
  return signals.some(({ adaptable }) => namespaces.has(adaptable.topic.namespace))
}

/** Only diverted responses are routed at all. */
function takes({ takesDiverted }: Group, { kind }: Signal): boolean {
  return takesDiverted && kind === 'response'
}

function newGroup(connectionId: string, members: readonly Subscription[], reliefs: Reliefs): Group {
  const namespaces = members.map((member) => member.namespaces)
  const filters = namespaces.every((list) => list !== undefined)
  return {
    connectionId,
    members: members.toSorted((a, b) => a.clientIndex - b.clientIndex),
    types: new Set(members.flatMap(({ types }) => types)),
    namespaces: filters ? new Set(namespaces.flat()) : undefined,
    labels: new Set(members.flatMap(({ labels }) => labels)),
    takesDiverted: members.some((member) => member.takesDiverted),
    parked: undefined,
    reliefs,
  }
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
