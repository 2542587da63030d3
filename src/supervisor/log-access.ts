/**
 * What can be done with the log of a connection: read it, watch it, enable it, reset it. Brings together
 * what the shards wrote and what the control plane has to say.
 */
import type { Config } from '../config.ts'
import type { LogNews } from '../monitoring/log-entry.ts'
import { mergeLogs } from '../monitoring/log-ring.ts'
import type { DataPlane } from './data-plane.ts'
import { type LogMarks, type LogReading, LogTails } from './log-tail.ts'
import type { ConnectionLogs, LogTail } from './service.ts'

/** What it works with. */
export interface LogAccessOptions {
  readonly dataPlane: Pick<DataPlane, 'logs' | 'running' | 'engine'>
  readonly config: Config['monitoring']['logs']
  /** Whether there is such a connection. */
  readonly exists: (id: string) => boolean
}

const NOTHING_READ: LogMarks = new Map()

/** One per control plane. */
export class LogAccess {
  readonly #options: LogAccessOptions
  readonly #tails: LogTails

  constructor(options: LogAccessOptions) {
    const { dataPlane, config, exists } = options
    this.#options = options
    this.#tails = new LogTails({
      maxTails: config.max_tails,
      maxSizeBytes: config.max_size_bytes,
      read: async (id, marks) => (exists(id) ? this.#read(id, marks) : undefined),
    })
    dataPlane.logs.closing.addEventListener('abort', () => this.#tails.close())
  }

  /** Reading prolongs an enabled log. */
  async read(id: string): Promise<ConnectionLogs> {
    const { dataPlane, config } = this.#options
    const { news } = await this.#read(id, NOTHING_READ)
    const span = dataPlane.logs.span(id)
    const lists = news.map(({ entries }) => entries)
    return {
      entries: mergeLogs(lists, config.max_size_bytes),
      enabledSince: span === undefined ? null : new Date(span.since).toISOString(),
      enabledUntil: span === undefined ? null : new Date(span.until).toISOString(),
    }
  }

  tail(id: string, cursor: string | undefined): LogTail {
    return this.#tails.open(id, cursor)
  }

  async enable(id: string): Promise<void> {
    const { logs, running, engine } = this.#options.dataPlane
    logs.enable(id)
    await engine?.setLogs(running.shards(id), true).catch(() => {})
  }

  async reset(id: string): Promise<void> {
    const { logs, running, engine } = this.#options.dataPlane
    await engine?.resetLogs(running.shards(id)).catch(() => {})
    logs.reset(id)
    logs.add(id, 'success', 'Successfully reset the logs.')
  }

  /** While the log is not enabled, only the control plane speaks: of why a connection does not run. */
  async #read(id: string, marks: LogMarks): Promise<LogReading> {
    const { logs, running } = this.#options.dataPlane
    logs.prolong(id)
    const enabled = logs.span(id) !== undefined
    const own = logs.news(id, marks)
    if (!enabled) return { enabled, news: [own] }
    const shards = await this.#readShards(running.shards(id), marks)
    return { enabled, news: [own, ...logs.inherited(id, marks), ...shards] }
  }

  async #readShards(shards: readonly number[], marks: LogMarks): Promise<readonly LogNews[]> {
    const { engine } = this.#options.dataPlane
    if (shards.length === 0 || engine === undefined) return []
    const wanted = shards.map((shard) => ({ shard, after: marks.get(shard) ?? 0 }))
    return engine.readLogs(wanted).catch(() => [])
  }
}
