/**
 * What a DevOps engineer can do with connections, done: the desired state goes to the store, the
 * clients follow. Operations on one connection run one after the other, on different ones side by
 * side; whoever waits for brokers waits outside of that order, so that a close can overtake.
 */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config.ts'
import type { ParseOptions } from '../connection/model.ts'
import type { ConnectionStore, StoredConnection } from '../connection/store.ts'
import type { Connection, ConnectivityStatus } from '../connection/types.ts'
import { isJsonObject, type JsonObject } from '../json/types.ts'
import { readTrial, type TrialResult } from '../mapping/trial-schema.ts'
import { renderNoMetrics } from '../monitoring/metrics-json.ts'
import type { Sample } from '../monitoring/prometheus.ts'
import {
  connectionDamaged,
  connectionFailed,
  connectionNotFound,
} from '../protocol/connectivity-errors.ts'
import { DittoException } from '../protocol/errors.ts'
import type { ShardStatus } from '../shard/description.ts'
import { type CheckOptions, checkedConnection, checkStatically } from './candidate.ts'
import type { DataPlane } from './data-plane.ts'
import { LogAccess } from './log-access.ts'
import { KeyedMutex } from './mutex.ts'
import type { Quarantine } from './quarantine.ts'
import type {
  ConnectionLogs,
  ConnectionService,
  Fleet,
  FleetLine,
  Health,
  LogTail,
} from './service.ts'
import { liveStateOf, renderStatus, type StatusInput } from './status.ts'
import { trialDefinitions } from './trial-definitions.ts'
import type { Trials } from './trials.ts'

/** What the supervisor is made from. */
export interface SupervisorOptions {
  readonly store: ConnectionStore
  readonly dataPlane: DataPlane
  readonly quarantine: Quarantine
  readonly check: CheckOptions
  readonly trials: Pick<Trials, 'map'>
  /** Makes sure that what was reset stays so. */
  readonly onMetricsReset?: (id: string) => Promise<void>
  readonly config: Pick<Config, 'connections' | 'monitoring'>
  /** Name of this gateway, as the `client` in status entries. */
  readonly instance: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Added to the time that a connection attempt may take: its way to the engine and back. */
const OUTCOME_MARGIN_MS = 5_000

/** The connections resource as operations; see {@link ConnectionService}. */
export class Supervisor implements ConnectionService {
  readonly #options: SupervisorOptions
  readonly #store: ConnectionStore
  readonly #dataPlane: DataPlane
  readonly #logs: LogAccess
  readonly #mutex = new KeyedMutex()
  /** When connections were closed in the life of this process, in milliseconds since the epoch. */
  readonly #closedAt = new Map<string, number>()

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#store = options.store
    this.#dataPlane = options.dataPlane
    this.#logs = new LogAccess({
      dataPlane: options.dataPlane,
      config: options.config.monitoring.logs,
      exists: (id) => this.#store.get(id) !== undefined,
    })
  }

  /** Starts the data plane with every connection that shall be open and is not in quarantine. */
  start(): void {
    const wanted = this.#store
      .list()
      .map(({ connection }) => connection)
      .filter(shallRun)
    const running = wanted.filter(({ id }) => {
      this.#dataPlane.logs.enable(id)
      const mark = this.#options.quarantine.get(id)
      if (mark !== undefined) this.#dataPlane.logs.add(id, 'failure', mark.reason)
      return mark === undefined
    })
    this.#dataPlane.start(running)
  }

  async create(body: unknown): Promise<StoredConnection> {
    const id = randomUUID()
    const connection = await this.#checked(body, { mode: 'create', id }, undefined)
    return this.#mutex.run(id, async () => {
      const instant = this.#instant()
      const stored = { connection, revision: 1, created: instant, modified: instant }
      await this.#store.put(stored)
      // The creation is answered whether its broker can be reached or not.
      if (shallRun(connection)) void this.#run(connection)
      return stored
    })
  }

  async dryRun(body: unknown): Promise<void> {
    const id = `${randomUUID()}-dry-run`
    const given = isJsonObject(body) && typeof body.id === 'string' ? body.id : undefined
    const stored = given === undefined ? undefined : this.#store.get(given)?.connection
    const connection = await this.#checked(body, { mode: 'dry-run', id }, stored)
    const engine = await this.#dataPlane.engineFor(id)
    const limitMs = this.#options.config.connections.test_timeout_ms
    await this.#dataPlane.running.tryOut(engine, connection, limitMs)
  }

  async modify(id: string, body: unknown): Promise<StoredConnection> {
    const modified = await this.#mutex.run(id, async () => {
      const before = this.retrieve(id)
      const next = await this.#checked(body, { mode: 'modify', id }, before.connection)
      const stored = await this.#put(before, next)
      const wasInQuarantine = this.#options.quarantine.get(id) !== undefined
      await this.#options.quarantine.release(id)
      const reconnects = wasInQuarantine || !sameClients(before.connection, next)
      await this.#apply(next, reconnects)
      return { stored, reconnects }
    })
    if (modified.reconnects) await this.#outcome(id)
    return modified.stored
  }

  async remove(id: string): Promise<void> {
    await this.#mutex.run(id, async () => {
      if (!this.#store.unreadable.has(id)) this.retrieve(id)
      await this.#store.remove(id)
      this.#options.quarantine.forget(id)
      await this.#dataPlane.running.remove(id, undefined)
      this.#dataPlane.logs.remove(id)
      this.#dataPlane.metrics.remove(id)
      this.#closedAt.delete(id)
    })
  }

  async testMapping(id: string | undefined, body: unknown): Promise<TrialResult> {
    const { trials } = this.#options
    const stored = id === undefined ? undefined : this.retrieve(id).connection
    const trial = readTrial(body)
    const definitions = trialDefinitions(trial, stored, this.#options.check.settings.script)
    return trials.map(id ?? 'mapping-test', definitions, trial)
  }

  retrieve(id: string): StoredConnection {
    const stored = this.#store.get(id)
    if (stored !== undefined) return stored
    const damage = this.#store.unreadable.get(id)
    throw new DittoException(
      damage === undefined ? connectionNotFound(id) : connectionDamaged(id, damage),
    )
  }

  list(): readonly StoredConnection[] {
    return this.#store.list()
  }

  async open(id: string): Promise<void> {
    await this.#mutex.run(id, async () => {
      const { connection } = this.retrieve(id)
      checkStatically(connection, this.#options.check)
      await this.#desire(id, 'open')
      await this.#options.quarantine.release(id)
      const { running } = this.#dataPlane
      if (running.has(id)) {
        this.#dataPlane.logs.enable(id)
        await running.retry(id)
      } else await this.#run({ ...connection, connectionStatus: 'open' })
    })
    await this.#outcome(id)
  }

  async close(id: string): Promise<void> {
    await this.#mutex.run(id, async () => {
      await this.#desire(id, 'closed')
      await this.#stop(this.retrieve(id).connection)
    })
  }

  status(id: string): JsonObject {
    return renderStatus(this.#statusInput(this.retrieve(id)))
  }

  liveStatus(id: string): string {
    return liveStateOf(this.#statusInput(this.retrieve(id))).status
  }

  fleet(): Fleet {
    const states: Record<string, number> = {}
    const connections = this.list().map((stored) => {
      const line = this.#fleetLine(stored)
      states[line.liveStatus] = (states[line.liveStatus] ?? 0) + 1
      return line
    })
    return { total: connections.length, states, connections }
  }

  /** What Prometheus gets of the connections and the engine. */
  sample(version: string): Sample {
    const { engineFigures, state, metrics } = this.#dataPlane
    const { figures, deaths } = engineFigures
    return {
      version,
      engineUp: state === 'up',
      engineDeaths: deaths,
      engineCpuSeconds: figures?.cpuSeconds,
      engineResidentBytes: figures?.residentBytes,
      threads: figures?.threads ?? [],
      connections: this.list().map((stored) => ({
        id: stored.connection.id,
        type: stored.connection.connectionType,
        liveStatus: liveStateOf(this.#statusInput(stored)).status,
        totals: metrics.totals(stored.connection.id),
      })),
    }
  }

  #fleetLine(stored: StoredConnection): FleetLine {
    const { id, name, connectionType, connectionStatus } = stored.connection
    const { status, since } = liveStateOf(this.#statusInput(stored))
    const traffic = this.#dataPlane.metrics.summary(id, this.#options.now())
    return {
      id,
      name,
      connectionType,
      connectionStatus,
      liveStatus: status,
      since: new Date(since).toISOString(),
      failures: { PT1M: traffic.failuresPT1M, PT1H: traffic.failuresPT1H },
      rates: {
        inbound: perSecond(traffic.consumedPT1M),
        outbound: perSecond(traffic.publishedPT1M),
      },
    }
  }

  #statusInput({ connection, modified }: StoredConnection): StatusInput {
    const { id } = connection
    return {
      connection,
      instance: this.#options.instance,
      clients: this.#dataPlane.running.statuses(id) ?? this.#inQuarantine(connection),
      closedAt: this.#closedAt.get(id) ?? Date.parse(modified),
    }
  }

  async metrics(id: string): Promise<JsonObject> {
    this.retrieve(id)
    if (!this.#dataPlane.running.has(id)) return renderNoMetrics()
    // While there is no engine, what was counted until its end is the truth.
    await this.#dataPlane.engine?.readCounters().catch(() => {})
    return this.#dataPlane.metrics.render(id, this.#options.now())
  }

  async resetMetrics(id: string): Promise<void> {
    this.retrieve(id)
    await this.#dataPlane.engine?.readCounters().catch(() => {})
    this.#dataPlane.metrics.reset(id)
    await this.#options.onMetricsReset?.(id)
  }

  async logs(id: string): Promise<ConnectionLogs> {
    this.retrieve(id)
    return this.#logs.read(id)
  }

  tailLogs(id: string, cursor: string | undefined): LogTail {
    this.retrieve(id)
    return this.#logs.tail(id, cursor)
  }

  async enableLogs(id: string): Promise<void> {
    this.retrieve(id)
    await this.#logs.enable(id)
  }

  async resetLogs(id: string): Promise<void> {
    this.retrieve(id)
    await this.#logs.reset(id)
  }

  health(): Health {
    const engine = this.#dataPlane.state
    const { writable } = this.#store
    const engineDetails = this.#dataPlane.stateDetails
    const twins = this.#twinsHealth()
    return {
      ready: engine === 'up' && writable && twins.twins !== 'read-only',
      engine,
      ...(engineDetails === undefined ? {} : { engineDetails }),
      store: writable ? 'writable' : 'read-only',
      ...twins,
    }
  }

  /** As of the engine's last pulse. */
  #twinsHealth(): Pick<Health, 'twins' | 'twinsDetails'> {
    const { figures } = this.#dataPlane.engineFigures
    if (figures === undefined) return {}
    const waits = figures.threads.some(({ waitsForStore }) => waitsForStore)
    return waits ? { twins: 'read-only', twinsDetails: TWINS_WAIT } : { twins: 'writable' }
  }

  #checked(body: unknown, parse: ParseOptions, stored: Connection | undefined) {
    return checkedConnection(body, parse, stored, this.#options.check)
  }

  /** Brings the clients to a definition that was just stored. */
  async #apply(next: Connection, reconnects: boolean): Promise<void> {
    const { running } = this.#dataPlane
    if (!shallRun(next)) await this.#stop(next)
    else if (!running.has(next.id)) await this.#run(next)
    else if (reconnects) await running.replace(next)
    else running.relabel(next)
  }

  async #run(connection: Connection): Promise<void> {
    this.#dataPlane.logs.enable(connection.id)
    this.#closedAt.delete(connection.id)
    await this.#dataPlane.running.add(connection)
  }

  async #stop(successor: Connection): Promise<void> {
    const { id } = successor
    if (!this.#dataPlane.running.has(id)) return
    await this.#dataPlane.running.remove(id, successor)
    this.#closedAt.set(id, this.#options.now())
  }

  async #outcome(id: string): Promise<void> {
    const limitMs = this.#options.config.connections.connect_timeout_ms + OUTCOME_MARGIN_MS
    await this.#dataPlane.running.outcome(id, limitMs)
    const mark = this.#options.quarantine.get(id)
    if (mark !== undefined) throw new DittoException(connectionFailed(id, mark.reason))
  }

  async #desire(id: string, status: ConnectivityStatus): Promise<void> {
    const stored = this.retrieve(id)
    if (stored.connection.connectionStatus === status) return
    await this.#put(stored, { ...stored.connection, connectionStatus: status })
  }

  async #put(before: StoredConnection, connection: Connection): Promise<StoredConnection> {
    const { created, revision } = before
    const stored = { connection, revision: revision + 1, created, modified: this.#instant() }
    await this.#store.put(stored)
    return stored
  }

  /** What status shows for the clients of a connection in quarantine; nothing for a closed one. */
  #inQuarantine(connection: Connection): readonly ShardStatus[] {
    const mark = this.#options.quarantine.get(connection.id)
    if (mark === undefined || !shallRun(connection)) return []
    const since = Date.parse(mark.since)
    const client = {
      status: 'misconfigured',
      recovery: 'unknown',
      details: mark.reason,
      since,
    } as const
    return Array.from({ length: connection.clientCount }, () => ({ client, addresses: [] }))
  }

  #instant(): string {
    return new Date(this.#options.now()).toISOString()
  }
}

const TWINS_WAIT =
  'The store of the twins does not work: commands wait, and their messages stay unsettled. If its disk ' +
  'is full, make room. The logs of the connections tell which file it is, and why.'

const SECONDS_PER_MINUTE = 60

function perSecond(inLastMinute: number): number {
  return Math.round((inLastMinute / SECONDS_PER_MINUTE) * 100) / 100
}

function shallRun({ connectionStatus }: Connection): boolean {
  return connectionStatus === 'open'
}

/** Whether clients of the one can go on as clients of the other: names and tags mean nothing to them. */
function sameClients(a: Connection, b: Connection): boolean {
  return isDeepStrictEqual({ ...a, name: null, tags: [] }, { ...b, name: null, tags: [] })
}
