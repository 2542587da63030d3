/**
 * Keeps the windows of all connections over a restart: snapshots of them in files beside the store.
 * Connections are dealt out to files by hash of their id, and one file after the other is written when
 * something in it has changed, so that neither thousands of connections nor a damaged file cost much.
 *
 * ```
 * <folder>/07.json = { "format": 1, "connections": { "<id>": SavedWindows } }
 * ```
 */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Connection } from '../connection/types.ts'
import type { SavedWindows } from '../monitoring/windows.ts'
import { fnv1a } from '../twin/hash.ts'
import type { SupervisorLog } from './data-plane.ts'
import type { ConnectionMetrics } from './metrics.ts'

/** What snapshots are made from. */
export interface MetricSnapshotsOptions {
  readonly folder: string
  readonly metrics: ConnectionMetrics
  readonly log: Pick<SupervisorLog, 'warn'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** In which each file is written once, if it has changed, in milliseconds. */
  readonly roundMs?: number
}

const FILES = 16
/** No change waits longer than this for its file's turn. */
const DEFAULT_ROUND_MS = 8_000
/** A count from the future, by a clock that was wrong, would stay for ever; so much is tolerated. */
const CLOCK_TOLERANCE_MS = 60_000
const FORMAT = 1
const FILE_NAME = /^\d+\.json$/

const count = z.int().min(0).max(0xffff_ffff)
/** Pairs of bucket and count; the longest ring has 145 buckets. */
const pairs = z
  .array(count)
  .max(2 * 145)
  .refine((numbers) => numbers.length % 2 === 0)
const cell = z.tuple([z.int().min(0), pairs, pairs, pairs])
const schema = z.object({
  format: z.literal(FORMAT),
  connections: z.record(z.string(), z.record(z.string(), cell)),
})

/** One per control plane. */
export class MetricSnapshots {
  readonly #options: MetricSnapshotsOptions
  readonly #changed = new Set<number>()
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #next = 0
  #hasFailed = false

  constructor(options: MetricSnapshotsOptions) {
    this.#options = options
  }

  /** Restores what was counted of these connections, and begins to take snapshots. */
  async start(connections: readonly Connection[]): Promise<void> {
    const { folder, metrics, roundMs = DEFAULT_ROUND_MS } = this.#options
    await mkdir(folder, { recursive: true }).catch((error: unknown) => this.#failed(error))
    const saved = await this.#readAll()
    for (const connection of connections) {
      const windows = saved.get(connection.id)
      if (windows !== undefined) metrics.restore(connection, windows)
    }
    this.#timer = setInterval(() => this.#takeTurn(), roundMs / FILES)
    this.#timer.unref()
  }

  /** Resolves when what is counted of a connection now is in its file. */
  async flush(id: string): Promise<void> {
    this.#noteChanges()
    await this.#write(fileOf(id))
  }

  /** Writes what has changed, and ends. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#noteChanges()
    await Promise.all([...this.#changed].map((file) => this.#write(file)))
  }

  #takeTurn(): void {
    this.#noteChanges()
    const file = this.#next
    this.#next = (file + 1) % FILES
    if (this.#changed.has(file)) void this.#write(file)
  }

  #noteChanges(): void {
    for (const id of this.#options.metrics.takeChanged()) this.#changed.add(fileOf(id))
  }

  /** One file at a time: a later snapshot is never overtaken by an earlier one. */
  #write(file: number): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeNow(file))
    return this.#writing
  }

  async #writeNow(file: number): Promise<void> {
    const { folder, metrics } = this.#options
    this.#changed.delete(file)
    const ids = metrics.ids().filter((id) => fileOf(id) === file)
    const connections = Object.fromEntries(ids.map((id) => [id, metrics.save(id)]))
    const path = join(folder, nameOf(file))
    try {
      await writeFile(`${path}.new`, JSON.stringify({ format: FORMAT, connections }))
      // Whoever reads finds the one or the other, never half of one.
      await rename(`${path}.new`, path)
      this.#hasFailed = false
    } catch (error) {
      this.#changed.add(file)
      this.#failed(error)
    }
  }

  async #readAll(): Promise<ReadonlyMap<string, SavedWindows>> {
    const { folder } = this.#options
    const names = await readdir(folder).catch(() => [])
    const files = names.filter((name) => FILE_NAME.test(name))
    const read = await Promise.all(files.map((name) => this.#read(join(folder, name))))
    return new Map(read.flatMap((connections) => Object.entries(connections)))
  }

  async #read(path: string): Promise<Readonly<Record<string, SavedWindows>>> {
    try {
      const { connections } = schema.parse(JSON.parse(await readFile(path, 'utf8')))
      const latest = this.#options.now() + CLOCK_TOLERANCE_MS
      for (const cells of Object.values(connections)) {
        for (const [key, [newestMs]] of Object.entries(cells)) {
          if (newestMs > latest) delete cells[key]
        }
      }
      return connections
    } catch (error) {
      const reason = error instanceof z.ZodError ? 'it has another form' : String(error)
      const text = 'A snapshot of metrics is damaged: its connections count from zero.'
      this.#options.log.warn({ path, reason }, text)
      return {}
    }
  }

  /** Told once, until it works again. */
  #failed(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    const { folder, log } = this.#options
    const reason = error instanceof Error ? error.message : String(error)
    log.warn({ folder, reason }, 'Metrics cannot be saved: a restart would lose them.')
  }
}

function fileOf(id: string): number {
  return fnv1a(id) % FILES
}

function nameOf(file: number): string {
  return `${String(file).padStart(2, '0')}.json`
}
