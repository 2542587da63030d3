/**
 * Everything that follows the engine: keeps one running, keeps the connections that shall be open
 * running in it, takes in what they count and say, and puts whoever killed an engine in quarantine.
 */
import type { Connection } from '../connection/types.ts'
import type { EngineFigures } from '../engine/figures.ts'
import type { EngineControl } from '../engine/messages.ts'
import { connectionFailed, connectionUnavailable } from '../protocol/connectivity-errors.ts'
import { DittoException } from '../protocol/errors.ts'
import type { ShardSettings } from '../shard/description.ts'
import { type EngineDeath, EngineKeeper, type EngineState } from './engine-keeper.ts'
import type { EngineReport, StartEngine } from './engine-process.ts'
import type { LogPublishing } from './log-publishing.ts'
import { ConnectionLogBook } from './logs.ts'
import { ConnectionMetrics } from './metrics.ts'
import type { NoteWatch } from './note-watch.ts'
import { markFor, type Quarantine, scriptsEndedEngine } from './quarantine.ts'
import { RunningConnections } from './running.ts'
import { describeExit, type EngineExit, type ScriptNote } from './verdict.ts'

/** The gateway's own log. */
export interface SupervisorLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What the data plane's keeper is made from. */
export interface DataPlaneOptions {
  readonly startEngine: StartEngine
  readonly notes: NoteWatch
  readonly quarantine: Quarantine
  readonly settings: ShardSettings
  /** See `EngineKeeper`, in milliseconds. */
  readonly wedgedAfterMs: number
  /** How long a connection's log stays enabled, in milliseconds. */
  readonly logDurationMs: number
  /** Absent when no logs are published. */
  readonly logPublishing?: Pick<LogPublishing, 'report' | 'entry'>
  readonly log: SupervisorLog
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Longest wait of an operation for an engine that is being started, in milliseconds. */
const ENGINE_WAIT_MS = 10_000

/** Why nothing happens for a while. */
function pauseText(pauseMs: number): string {
  return `It ended so often that the next one starts only after ${pauseMs / 1_000} s.`
}

function suspicionText(end: string, count: number): string {
  return (
    `The engine ${end} while scripts of ${count} connections ran, this one among them. They open again one ` +
    'after the other, so that it shows which of them did it.'
  )
}

/** One per control plane. */
export class DataPlane {
  readonly running: RunningConnections
  readonly metrics = new ConnectionMetrics()
  readonly logs: ConnectionLogBook
  readonly #options: DataPlaneOptions
  readonly #keeper: EngineKeeper
  /** How the last engine ended, in words. */
  #end: string | undefined

  constructor(options: DataPlaneOptions) {
    this.#options = options
    const { settings, now } = options
    this.logs = new ConnectionLogBook({
      durationMs: options.logDurationMs,
      maxEntries: settings.logCapacity,
      onExpired: (id) => void this.engine?.setLogs(this.running.shards(id), false).catch(() => {}),
      onEntry: (id, entry) => options.logPublishing?.entry(id, entry),
      now,
      monotonicMs: () => performance.now(),
    })
    this.running = new RunningConnections({
      settings,
      engine: () => this.engine,
      logsActive: (id) => this.logs.span(id) !== undefined,
      onLayout: (connection) => this.metrics.layOut(connection),
      onClosed: (id, logs) => this.logs.inherit(id, logs),
      onLost: (id, reason) => this.logs.add(id, 'failure', `${reason} Opening again.`),
      now,
    })
    this.#keeper = new EngineKeeper({
      startEngine: options.startEngine,
      notes: options.notes,
      wedgedAfterMs: options.wedgedAfterMs,
      onUp: () => this.#up(),
      onDown: (death) => this.#down(death),
      onReport: (report) => this.#take(report),
      onOutput: (line) => {
        if (line.trim() !== '') options.log.warn({ line }, 'The engine wrote a line.')
      },
    })
  }

  /** How the engine is doing, and how many have died. */
  get engineFigures(): { readonly figures: EngineFigures | undefined; readonly deaths: number } {
    const { figures, deaths } = this.#keeper
    return { figures, deaths }
  }

  get state(): EngineState {
    return this.#keeper.state
  }

  /** While there is no engine: how the last one ended, and when the next one starts. */
  get stateDetails(): string | undefined {
    return this.state === 'up' ? undefined : this.#end
  }

  /** The engine while there is one. */
  get engine(): EngineControl | undefined {
    return this.#keeper.engine
  }

  /** The engine as soon as there is one; throws 503 when it takes too long. */
  async engineFor(connectionId: string): Promise<EngineControl> {
    const engine = await this.#keeper.use(ENGINE_WAIT_MS)
    if (engine !== undefined) return engine
    throw new DittoException({
      ...connectionUnavailable(connectionId),
      description: `${this.#end ?? ''} The engine that runs connections is being started.`.trim(),
    })
  }

  /** Starts the first engine, and opens these connections in it. */
  start(connections: readonly Connection[]): void {
    // Without an engine this only takes note of them; see #up.
    void this.running.addAll(connections)
    this.#keeper.start()
  }

  /** Closes all connections gracefully and stops the engine. */
  async stop(): Promise<void> {
    this.logs.close()
    await this.#keeper.stop(this.#options.settings.drainTimeoutMs)
  }

  #up(): void {
    this.#options.log.info({ connections: this.running.ids().length }, 'The engine is up.')
    void this.running.reopen().then(() => this.running.release())
  }

  #down({ exit, verdict, pauseMs }: EngineDeath): void {
    const { accused, suspects } = verdict
    const end = describeExit(exit)
    const fields = { ...exit, accused, suspects, pauseMs }
    this.#options.log.error(fields, `The engine ${end}; another one is started.`)
    if (accused !== undefined && this.running.has(accused.connectionId)) this.#ban(accused, exit)
    this.running.withhold(suspects)
    for (const id of suspects) this.logs.add(id, 'failure', suspicionText(end, suspects.length))
    this.#end = pauseMs === 0 ? `The engine ${end}.` : `The engine ${end}. ${pauseText(pauseMs)}`
    this.running.engineLost(this.#end, (id) =>
      accused?.connectionId === id ? scriptsEndedEngine() : undefined,
    )
  }

  #ban(accused: ScriptNote, exit: EngineExit): void {
    const { log, quarantine, wedgedAfterMs } = this.#options
    const id = accused.connectionId
    const mark = markFor(accused, exit, wedgedAfterMs)
    // The connection has no engine to be closed in.
    void this.running.remove(id, undefined, connectionFailed(id, mark.reason))
    this.logs.add(id, 'failure', mark.reason)
    quarantine.add(id, mark).catch((cause: unknown) => {
      log.error({ connectionId: id, cause }, 'A quarantine was not stored; it holds until exit.')
    })
  }

  #take(report: Exclude<EngineReport, { kind: 'pulse' }>): void {
    if (report.kind === 'status') {
      this.running.report(report.shard, report.status)
    } else if (report.kind === 'counters') {
      for (const deltas of report.counters) {
        const id = this.running.connectionOf(deltas.shard)
        if (id !== undefined) this.metrics.record(id, deltas, this.#options.now())
      }
    } else if (report.kind === 'published-logs') {
      for (const logs of report.reports) this.#options.logPublishing?.report(logs)
    } else {
      const { thread, shards, reason } = report
      this.#options.log.error({ thread, shards: shards.length, reason }, 'A worker thread died.')
      this.running.shardsLost(shards, `Worker thread ${thread} died: ${reason.replace(/\.$/, '')}.`)
    }
  }
}
