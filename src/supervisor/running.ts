/**
 * The connections that shall be open, and their shards in the present engine: opens and closes them,
 * opens them again in the next engine or on another thread. Knows neither why a connection shall be
 * open nor where that is stored.
 */
import type { Connection } from '../connection/types.ts'
import type { EngineControl } from '../engine/messages.ts'
import type { LogNews } from '../monitoring/log-entry.ts'
import {
  connectionUnavailable,
  connectivityInternalError,
  signalIllegal,
} from '../protocol/connectivity-errors.ts'
import { type DittoError, toDittoError } from '../protocol/errors.ts'
import type { ShardDescription, ShardSettings, ShardStatus } from '../shard/description.ts'
import { ClientGroup, type ClientSlot } from './client-group.ts'
import { EngineGoneError } from './engine-process.ts'
import { RestartPolicy } from './restart-policy.ts'

/** What is needed of the rest of the supervisor. */
export interface RunningOptions {
  readonly settings: ShardSettings
  /** The engine while there is one. */
  readonly engine: () => EngineControl | undefined
  readonly logsActive: (connectionId: string) => boolean
  /** A connection is about to count by the layout of this definition. */
  readonly onLayout: (connection: Connection) => void
  /** What the shards of a connection that may run again have left in their logs. */
  readonly onClosed: (connectionId: string, logs: readonly LogNews[]) => void
  readonly onLost: (connectionId: string, reason: string) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

interface Place {
  readonly group: ClientGroup
  readonly slot: ClientSlot
}

/** After which a connection has got again what it had not settled, in milliseconds. */
const TURN_MS = 1_500

/** One per control plane. */
export class RunningConnections {
  readonly #options: RunningOptions
  readonly #groups = new Map<string, ClientGroup>()
  readonly #places = new Map<number, Place>()
  readonly #policy = new RestartPolicy()
  /** 0 stands for connections that are only checked. */
  #nextShard = 1
  #reopening: NodeJS.Timeout | undefined
  /** Ids of connections that wait for their turn. */
  #withheld: readonly string[] = []
  #nextTurn: NodeJS.Timeout | undefined

  constructor(options: RunningOptions) {
    this.#options = options
  }

  has(id: string): boolean {
    return this.#groups.has(id)
  }

  ids(): readonly string[] {
    return [...this.#groups.keys()]
  }

  /** What each client said last, by client index; undefined for a connection that is not to run. */
  statuses(id: string): readonly ShardStatus[] | undefined {
    return this.#groups.get(id)?.slots.map(({ status }) => status)
  }

  /** Shards of a connection in the present engine. */
  shards(id: string): readonly number[] {
    return this.#groups.get(id)?.shards ?? []
  }

  /** Id of the connection of a shard, when it is a running one and no dry run. */
  connectionOf(shard: number): string | undefined {
    const group = this.#places.get(shard)?.group
    return group === undefined || group.dryRun ? undefined : group.connection.id
  }

  /** From now on the connection is to run. Resolves when the engine has made its shards, if there is one. */
  async add(connection: Connection): Promise<void> {
    const group = new ClientGroup(connection, false, this.#options.now())
    this.#groups.set(connection.id, group)
    await this.#open([group])
  }

  /** All of them at once: no shard starts before all are made. */
  async addAll(connections: readonly Connection[]): Promise<void> {
    const groups = connections.map((connection) => {
      const group = new ClientGroup(connection, false, this.#options.now())
      this.#groups.set(connection.id, group)
      return group
    })
    await this.#open(groups)
  }

  /**
   * The connection is to run no longer. Resolves when its sessions are closed. `successor`: the
   * definition by which it may run again; undefined when it is deleted. Whoever waits for it to be open
   * is told the reason: 409, unless there is a better one.
   */
  async remove(
    id: string,
    successor: Connection | undefined,
    reason = signalIllegal(id, 'connectivity.commands:openConnection', 'disconnecting'),
  ): Promise<void> {
    const group = this.#groups.get(id)
    if (group === undefined) return
    this.#groups.delete(id)
    group.abandon(reason)
    const shards = group.shards
    if (shards.length > 0) {
      await this.#call(async (engine) => {
        this.#options.onClosed(id, await engine.close(shards, successor))
      })
    }
    for (const shard of shards) this.#places.delete(shard)
  }

  /** Runs a new definition in place of the old one; signals that arrive meanwhile are kept for it. */
  async replace(connection: Connection): Promise<void> {
    const { id } = connection
    await this.#call((engine) => engine.park(id))
    await this.remove(id, connection)
    await this.add(connection)
    if (this.shards(id).length === 0) await this.#call((engine) => engine.unpark(id))
  }

  /** Takes over what of a definition no client cares about: its name and tags. */
  relabel(connection: Connection): void {
    const group = this.#groups.get(connection.id)
    if (group !== undefined) group.connection = connection
  }

  /** Clients that are not connected try again at once. */
  async retry(id: string): Promise<void> {
    const group = this.#groups.get(id)
    if (group === undefined) return
    group.expectNews()
    const shards = group.shards
    if (shards.length > 0) await this.#call((engine) => engine.retry(shards))
    await this.#open([group])
  }

  /**
   * Resolves when all clients of a connection are connected; throws the broker's reason when one
   * fails, 504 when nothing is known in time, 409 when it is closed meanwhile.
   */
  async outcome(id: string, limitMs: number): Promise<void> {
    const group = this.#groups.get(id)
    await group?.outcome(limitMs)
  }

  /** Connects one client for a try, and closes it again. Throws what {@link outcome} throws. */
  async tryOut(engine: EngineControl, connection: Connection, limitMs: number): Promise<void> {
    const group = new ClientGroup(connection, true, this.#options.now())
    const opened = this.#openIn(engine, [group])
    try {
      await group.outcome(limitMs)
    } finally {
      await opened
      const shards = group.shards
      for (const shard of shards) this.#places.delete(shard)
      await engine.close(shards, undefined).catch(ignoreGone)
    }
  }

  /** A shard reported its state. */
  report(shard: number, status: ShardStatus): void {
    const place = this.#places.get(shard)
    if (place !== undefined) place.group.report(place.slot, status)
  }

  /** Shards died with their thread: they open again, at once unless that has happened often. */
  shardsLost(shards: readonly number[], reason: string): void {
    const lost = shards.flatMap((shard) => this.#places.get(shard) ?? [])
    for (const { group, slot } of lost) this.#lose(group, slot, `${reason} Opening again.`)
    for (const group of new Set(lost.map((place) => place.group))) {
      if (!group.dryRun) this.#options.onLost(group.connection.id, reason)
    }
    clearTimeout(this.#reopening)
    const pauseMs = this.#policy.died(performance.now())
    this.#reopening = setTimeout(() => void this.reopen(), pauseMs)
  }

  /** The engine died with everything in it. `blame`: the error for what it was trying out. */
  engineLost(reason: string, blame: (connectionId: string) => DittoError | undefined): void {
    for (const { group, slot } of [...this.#places.values()]) {
      const { id } = group.connection
      this.#lose(group, slot, `${reason} It is being started again.`)
      if (group.dryRun) group.abandon(blame(id) ?? connectionUnavailable(id))
    }
    for (const id of this.#groups.keys()) this.#options.onLost(id, reason)
  }

  /** From now on these open only when they are released. */
  withhold(ids: readonly string[]): void {
    clearTimeout(this.#nextTurn)
    this.#withheld = ids
  }

  /** Opens everything that is to run, has no shard and is not withheld: after a new engine is up. */
  async reopen(): Promise<void> {
    await this.#open([...this.#groups.values()])
  }

  /** Opens what was withheld, each when the one before has had time to show what it does. */
  release(): void {
    const [id, ...later] = this.#withheld
    if (id === undefined) return
    this.#withheld = later
    const group = this.#groups.get(id)
    if (group !== undefined) void this.#open([group])
    this.#nextTurn = setTimeout(() => this.release(), TURN_MS)
  }

  #lose(group: ClientGroup, slot: ClientSlot, details: string): void {
    if (slot.shard !== undefined) this.#places.delete(slot.shard)
    group.lose(slot, details, this.#options.now())
  }

  async #open(groups: readonly ClientGroup[]): Promise<void> {
    await this.#call((engine) => this.#openIn(engine, groups))
  }

  /** Opens the clients of the groups that have no shard yet. */
  async #openIn(engine: EngineControl, groups: readonly ClientGroup[]): Promise<void> {
    const descriptions: ShardDescription[] = []
    for (const group of groups) {
      if (this.#withheld.includes(group.connection.id)) continue
      const missing = group.slots.filter(
        ({ shard, refusal }) => shard === undefined && refusal === undefined,
      )
      if (missing.length > 0 && !group.dryRun) this.#options.onLayout(group.connection)
      for (const slot of missing) descriptions.push(this.#describe(group, slot))
    }
    if (descriptions.length === 0) return
    const refusals = await engine.open(descriptions).catch((thrown: unknown) => {
      if (thrown instanceof EngineGoneError) return []
      const error = toDittoError(thrown, connectivityInternalError())
      return descriptions.map(({ shard }) => ({ shard, error }))
    })
    for (const { shard, error } of refusals) {
      const place = this.#places.get(shard)
      this.#places.delete(shard)
      place?.group.refuse(place.slot, error, this.#options.now())
    }
  }

  #describe(group: ClientGroup, slot: ClientSlot): ShardDescription {
    const { settings, logsActive } = this.#options
    const { connection, dryRun } = group
    const shard = this.#nextShard++
    group.begin(slot, shard, this.#options.now())
    this.#places.set(shard, { group, slot })
    return {
      shard,
      connection,
      clientIndex: slot.clientIndex,
      dryRun,
      logsActive: !dryRun && logsActive(connection.id),
      settings,
    }
  }

  /** Calls the engine if there is one; its end while it works is told by {@link engineLost}. */
  async #call(use: (engine: EngineControl) => Promise<unknown>): Promise<void> {
    const engine = this.#options.engine()
    if (engine !== undefined) await use(engine).catch(ignoreGone)
  }
}

function ignoreGone(thrown: unknown): undefined {
  if (!(thrown instanceof EngineGoneError)) throw thrown
  return undefined
}
