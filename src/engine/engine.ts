/**
 * The data plane, seen from its main thread: worker threads, the shards on them, who wants which
 * signals. Carries no message itself and never runs foreign code. Knows nothing of the process it
 * runs in; `main.ts` connects it with the control plane.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import type { Connection } from '../connection/types.ts'
import type { LogReport } from '../monitoring/log-collector.ts'
import type { LogMark, LogNews } from '../monitoring/log-entry.ts'
import type { Subscription } from '../routing/router.ts'
import type { ShardDescription, ShardStatus } from '../shard/description.ts'
import { CounterReader } from './counter-reader.ts'
import { type EngineFigures, processFigures, type ThreadFigures } from './figures.ts'
import type { CounterDeltas, EngineControl, EngineSettings, ShardRefusal } from './messages.ts'
import { placeShard } from './placement.ts'
import { Pool } from './pool.ts'
import { ShardLink } from './shard-link.ts'
import { ThreadLink } from './thread-link.ts'

/** What a shard may need to close beyond the time it has to drain, in milliseconds. */
const CLOSE_MARGIN_MS = 2_000

/** What the engine tells without being asked. */
export interface EngineEvents {
  readonly onStatus: (shard: number, status: ShardStatus) => void
  readonly onCounters: (counters: readonly CounterDeltas[]) => void
  readonly onPublishedLogs: (reports: readonly LogReport[]) => void
  readonly onShardsLost: (thread: number, shards: readonly number[], reason: string) => void
  /** A thread cannot be brought up; the engine is of no use any more. */
  readonly onBroken: (error: Error) => void
}

/** One per process. */
export class Engine implements EngineControl {
  readonly #settings: EngineSettings
  readonly #events: EngineEvents
  readonly #pool: Pool
  readonly #counters = new CounterReader()
  readonly #threads = new Map<number, ThreadLink>()
  readonly #shards = new Map<number, ShardLink>()
  readonly #closing = new Set<number>()
  readonly #subscriptions = new Map<number, Subscription>()
  readonly #parked = new Set<string>()
  readonly #figures = new Map<number, ThreadFigures>()
  #announcement: Promise<void> | undefined
  #lost: ShardLink[] = []
  #stopping = false

  /** `worker`: the module that runs the pool's tasks. */
  constructor(settings: EngineSettings, worker: URL, events: EngineEvents) {
    this.#settings = settings
    this.#events = events
    this.#pool = new Pool({
      threads: settings.threads,
      maxHeapMb: settings.maxHeapMb,
      filename: worker,
      onBroken: events.onBroken,
    })
  }

  /** Brings all threads up; rejects when one cannot be. */
  async start(): Promise<void> {
    for (let thread = 0; thread < this.#settings.threads; thread++) this.#startThread(thread)
    await Promise.all([...this.#threads.values()].map(({ ready }) => ready))
  }

  async open(descriptions: readonly ShardDescription[]): Promise<readonly ShardRefusal[]> {
    const links = descriptions.map((description) => this.#makeShard(description))
    const refusals: ShardRefusal[] = []
    const made: ShardLink[] = []
    await Promise.all(
      links.map(async (link) => {
        const making = await link.making
        const { shard, dryRun } = link.description
        if (making.outcome === 'refused') refusals.push({ shard, error: making.error })
        // It may have been told to close while it was being made.
        if (making.outcome !== 'made' || this.#closing.has(shard)) return
        made.push(link)
        if (!dryRun) this.#subscriptions.set(shard, making.subscription)
      }),
    )
    for (const { description } of made) this.#parked.delete(description.connection.id)
    await this.#announce()
    for (const link of made) {
      if (!this.#closing.has(link.description.shard)) link.order({ kind: 'start' })
    }
    return refusals
  }

  async close(
    shards: readonly number[],
    successor: Connection | undefined,
  ): Promise<readonly LogNews[]> {
    const links = this.#links(shards)
    await this.#close(shards, () => successor, successor !== undefined)
    if (successor === undefined) return []
    const logs = await Promise.all(links.map((link) => this.#within(link, link.farewell)))
    return logs.filter((news) => news !== undefined)
  }

  async retry(shards: readonly number[]): Promise<void> {
    for (const link of this.#links(shards)) link.order({ kind: 'retry' })
  }

  async park(connectionId: string): Promise<void> {
    this.#parked.add(connectionId)
    // An announcement that still named the connection would end the parking.
    for (const [shard, subscription] of this.#subscriptions) {
      if (subscription.connectionId === connectionId) this.#subscriptions.delete(shard)
    }
    await this.#askAll({ kind: 'park', connectionId })
    // By the second answer what a thread had sent before the first has left it too.
    await this.#askAll({ kind: 'park', connectionId })
  }

  async unpark(connectionId: string): Promise<void> {
    this.#parked.delete(connectionId)
    await this.#askAll({ kind: 'unpark', connectionId })
  }

  async setLogs(shards: readonly number[], active: boolean): Promise<void> {
    for (const link of this.#links(shards)) link.order({ kind: 'set-logs', active })
  }

  async resetLogs(shards: readonly number[]): Promise<void> {
    for (const link of this.#links(shards)) link.order({ kind: 'reset-logs' })
  }

  async readLogs(marks: readonly LogMark[]): Promise<readonly LogNews[]> {
    const logs = await Promise.all(
      marks.map(({ shard, after }) => this.#shards.get(shard)?.readLogs(after)),
    )
    return logs.filter((news) => news !== undefined)
  }

  /** How the process and its threads are doing, as far as they have told. */
  get figures(): EngineFigures {
    return processFigures([...this.#figures.values()])
  }

  /** Resolves when every thread has answered; a dead one counts as having done so. */
  async ping(): Promise<void> {
    await this.#askAll({ kind: 'ping' })
  }

  /** Also called by the engine's own clock; the differences leave as an event. */
  async readCounters(): Promise<void> {
    this.#events.onCounters(this.#counters.read())
  }

  async stop(): Promise<void> {
    await this.#drain()
    await this.#close([...this.#shards.keys()], ({ connection }) => connection, false)
    // What shards wrote last comes with the answers.
    await this.ping()
    this.#stopping = true
    const threads = [...this.#threads.values()]
    for (const link of threads) link.stop()
    await Promise.all(threads.map(({ ended }) => ended))
    await this.#pool.destroy()
  }

  async #close(
    shards: readonly number[],
    successorOf: (description: ShardDescription) => Connection | undefined,
    keepsLog: boolean,
  ): Promise<void> {
    for (const shard of shards) {
      this.#closing.add(shard)
      this.#subscriptions.delete(shard)
    }
    await this.#announce()
    const links = this.#links(shards)
    for (const link of links) {
      link.order({ kind: 'close', successor: successorOf(link.description), keepsLog })
    }
    await Promise.all(links.map((link) => this.#within(link, link.ended)))
  }

  /** Nobody leaves the routing tables before nobody has anything left to send. */
  async #drain(): Promise<void> {
    const links = [...this.#shards.values()]
    for (const link of links) link.order({ kind: 'drain' })
    await Promise.all(links.map((link) => this.#within(link, link.drained)))
    // By the second answer what a thread had sent before the first has left it too.
    await this.ping()
    await this.ping()
  }

  #startThread(thread: number): void {
    const link = new ThreadLink(thread, this.#pool, this.#settings, {
      onPublishedLogs: this.#events.onPublishedLogs,
      onFigures: (figures) => this.#figures.set(thread, figures),
    })
    this.#threads.set(thread, link)
    for (const other of this.#threads.values()) {
      if (other === link) continue
      const { port1, port2 } = new MessageChannel()
      link.link(other.thread, port1)
      other.link(thread, port2)
    }
    let isReady = false
    link.ready.then(
      () => {
        isReady = true
      },
      () => {},
    )
    void link.ended.then((error) => {
      if (this.#stopping || error === undefined) return
      if (!isReady) {
        this.#events.onBroken(error)
        return
      }
      this.#pool.release(thread)
      this.#startThread(thread)
      void this.#bringUpToDate(thread)
    })
  }

  /** Tells a thread that took the place of a dead one what the others know. */
  async #bringUpToDate(thread: number): Promise<void> {
    const link = this.#threads.get(thread)!
    const subscriptions = [...this.#subscriptions.values()]
    await Promise.allSettled([
      link.ask({ kind: 'subscriptions', subscriptions }),
      ...[...this.#parked].map((connectionId) => link.ask({ kind: 'park', connectionId })),
    ])
  }

  #makeShard(description: ShardDescription): ShardLink {
    const thread = placeShard(description.connection.id, this.#loads())
    const link = new ShardLink({
      description,
      thread,
      counters: this.#counters.add(description),
      pool: this.#pool,
      onStatus: this.#events.onStatus,
    })
    this.#shards.set(description.shard, link)
    void link.ended.then((error) => this.#shardEnded(link, error))
    return link
  }

  #shardEnded(link: ShardLink, error: Error | undefined): void {
    const { shard } = link.description
    this.#shards.delete(shard)
    this.#subscriptions.delete(shard)
    const rest = this.#counters.remove(shard)
    if (rest.length > 0) this.#events.onCounters(rest)
    const wasClosing = this.#closing.delete(shard)
    if (error === undefined || wasClosing) return
    if (this.#lost.length === 0) setImmediate(() => this.#reportLost(error.message))
    this.#lost.push(link)
  }

  /** All shards of a thread end in the same turn: one report for each thread. */
  #reportLost(reason: string): void {
    const lost = Map.groupBy(this.#lost, ({ thread }) => thread)
    this.#lost = []
    void this.#announce()
    for (const [thread, links] of lost) {
      const shards = links.map(({ description }) => description.shard)
      this.#events.onShardsLost(thread, shards, reason)
    }
  }

  /** Tells all threads the present subscriptions; changes of one turn go in one announcement. */
  #announce(): Promise<void> {
    this.#announcement ??= this.#announceNow()
    return this.#announcement
  }

  async #announceNow(): Promise<void> {
    await nextTurn()
    this.#announcement = undefined
    await this.#askAll({
      kind: 'subscriptions',
      subscriptions: [...this.#subscriptions.values()],
    })
  }

  /** A thread that dies meanwhile learns the same when it is replaced. */
  async #askAll(question: Parameters<ThreadLink['ask']>[0]): Promise<void> {
    await Promise.allSettled([...this.#threads.values()].map((link) => link.ask(question)))
  }

  /** A shard that cannot close must not keep its connection from being opened or removed. */
  async #within<T>({ description }: ShardLink, work: Promise<T>): Promise<T | undefined> {
    const limitMs = description.settings.drainTimeoutMs + CLOSE_MARGIN_MS
    const { promise: late, resolve } = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => resolve(undefined), limitMs)
    const first = await Promise.race([work, late])
    clearTimeout(timer)
    return first
  }

  #links(shards: readonly number[]): ShardLink[] {
    return shards.flatMap((shard) => this.#shards.get(shard) ?? [])
  }

  #loads(): { thread: number; connections: string[] }[] {
    const loads = [...this.#threads.keys()].map((thread) => ({
      thread,
      connections: [] as string[],
    }))
    for (const { thread, description } of this.#shards.values()) {
      loads[thread]!.connections.push(description.connection.id)
    }
    return loads
  }
}
