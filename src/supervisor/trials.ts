/**
 * Has scripts tried out in a process of their own, which they may end without harm to connections:
 * when a connection is created or changed, and on sample messages. The process is started when it is
 * needed, serves one order at a time, and ends when nothing was tried for a while.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection } from '../connection/types.ts'
import { type FlightRecord, readFlightRecords } from '../engine/flight-recorder.ts'
import type { TrialAnswer, TrialOrder, TrialProgress } from '../engine/trial-orders.ts'
import type { ResolvedDefinition } from '../mapping/definitions.ts'
import { TRIAL_BUDGET_MS } from '../mapping/trial.ts'
import type { MappingTrial, TrialResult } from '../mapping/trial-schema.ts'
import { connectionConfigurationInvalid } from '../protocol/connectivity-errors.ts'
import { type DittoError, DittoException, dittoError } from '../protocol/errors.ts'
import type { ShardSettings } from '../shard/description.ts'
import { passedEnvironment } from './engine-process.ts'
import { KeyedMutex } from './mutex.ts'
import { TrialReport } from './trial-report.ts'

const ENTRY = new URL('../engine/trial.ts', import.meta.url)

/** A process that was not needed for so long ends, in milliseconds. */
const IDLE_MS = 60_000
/** Longest time until a process can take an order, in milliseconds. */
const START_LIMIT_MS = 30_000
/** How often the note of the process is read, in milliseconds. */
const WATCH_MS = 250
/** What compiling takes beside the scripts' own top levels, in milliseconds. */
const COMPILE_MARGIN_MS = 5_000

/** What trials are made with. */
export interface TrialOptions {
  /** Where the flight recorder of the process is. */
  readonly folder: string
  readonly settings: ShardSettings
  /** A script that takes longer will not come back, in milliseconds. */
  readonly wedgedAfterMs: number
}

/** How a trial ended; `note`: who ran when it did not come back, or died. */
type End = TrialAnswer | Loss
interface Loss {
  readonly kind: 'late' | 'died'
  readonly note?: FlightRecord | undefined
}

/** One per control plane. */
export class Trials {
  readonly #options: TrialOptions
  readonly #mutex = new KeyedMutex()
  readonly #recorderFile: string
  #process: ChildProcess | undefined
  #idle: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: TrialOptions) {
    this.#options = options
    this.#recorderFile = join(options.folder, 'trial')
  }

  /**
   * Compiles everything that a connection needs, its scripts first of all. The error that makes it
   * unusable, or null. Throws 503 when it cannot be tried.
   */
  async check(connection: Connection): Promise<DittoError | null> {
    const { settings, wedgedAfterMs } = this.#options
    const definitions = Object.keys(connection.mappingDefinitions).length
    const limitMs = COMPILE_MARGIN_MS + definitions * wedgedAfterMs
    const error = errorOf(await this.#order({ kind: 'check', connection, settings }, limitMs))
    if (error === undefined) return null
    if (error.status < 500) return error
    throw new DittoException(error)
  }

  /**
   * Maps sample messages; one that ends the process is told so, and what came of those before it.
   * Throws 400 for scripts that cannot be used, 503 when it cannot be tried.
   */
  async map(
    connectionId: string,
    definitions: readonly ResolvedDefinition[],
    trial: MappingTrial,
  ): Promise<TrialResult> {
    const { settings, wedgedAfterMs } = this.#options
    const limitMs = COMPILE_MARGIN_MS + TRIAL_BUDGET_MS + definitions.length * wedgedAfterMs
    const order = {
      kind: 'map',
      connectionId,
      definitions,
      trial,
      limits: settings.script,
    } as const
    const report = new TrialReport(
      trial,
      definitions.map(({ id }) => id),
    )
    const end = await this.#order(order, limitMs, (progress) => report.take(progress))
    if (isLoss(end) && end.note !== undefined && report.isCompiled) report.breakOff(HOW[end.kind])
    else {
      const error = errorOf(end)
      if (error !== undefined) throw new DittoException(error)
    }
    return report.result()
  }

  /** Ends the process at once. */
  stop(): void {
    this.#stopped = true
    this.#end()
  }

  #order(
    order: OrderWithoutFile,
    limitMs: number,
    onProgress: (progress: TrialProgress) => void = () => {},
  ): Promise<End> {
    return this.#mutex.run('', async () => {
      clearTimeout(this.#idle)
      const end = await this.#carryOut(order, limitMs, onProgress)
      this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref()
      return end
    })
  }

  async #carryOut(
    order: OrderWithoutFile,
    limitMs: number,
    onProgress: (progress: TrialProgress) => void,
  ): Promise<End> {
    if (this.#stopped) return { kind: 'died' }
    if (this.#process === undefined) {
      const started = await this.#start()
      if (started.kind !== 'ready') return started
    }
    const process = this.#process!
    const end = nextAnswer(process, limitMs, { isWedged: this.#wedged(), onProgress })
    process.send({ ...order, recorderFile: this.#recorderFile } as TrialOrder, () => {})
    const known = await end
    if (!isLoss(known)) return known
    this.#end()
    return { ...known, note: readFlightRecords(this.#recorderFile)[0] }
  }

  /** Answers whether the process has been in the same call of a script for too long. */
  #wedged(): () => boolean {
    let seen: { readonly since: number; readonly atMs: number } | undefined
    return () => {
      const [note] = readFlightRecords(this.#recorderFile)
      if (note === undefined) seen = undefined
      else if (note.since !== seen?.since) seen = { since: note.since, atMs: performance.now() }
      return seen !== undefined && performance.now() - seen.atMs > this.#options.wedgedAfterMs
    }
  }

  async #start(): Promise<End> {
    mkdirSync(this.#options.folder, { recursive: true })
    const process = fork(ENTRY, [], {
      serialization: 'advanced',
      // isolated-vm may crash without this flag (its README).
      execArgv: ['--no-node-snapshot'],
      env: passedEnvironment(),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#process = process
    process.once('exit', () => {
      if (this.#process === process) this.#process = undefined
    })
    const started = await nextAnswer(process, START_LIMIT_MS)
    if (started.kind !== 'ready') this.#end()
    return started
  }

  #end(): void {
    clearTimeout(this.#idle)
    this.#process?.kill('SIGKILL')
    this.#process = undefined
  }
}

type OrderWithoutFile = TrialOrder extends infer Order
  ? Order extends TrialOrder
    ? Omit<Order, 'recorderFile'>
    : never
  : never

const NOT_TRIED = dittoError(
  503,
  'connectivity:connection.unavailable',
  'The scripts could not be tried out: the process for it ended.',
  'Try again. If that fails, too, look at the memory that the machine has left.',
)

const HOW = { late: 'did not come back', died: 'ended its process' } as const

function isLoss(end: End): end is Loss {
  return end.kind === 'late' || end.kind === 'died'
}

/** What an order failed with. Whoever was noted ended the process; without a note somebody else did. */
function errorOf(end: End): DittoError | undefined {
  if (end.kind === 'refused') return end.error
  if (!isLoss(end)) return undefined
  if (end.note === undefined) return NOT_TRIED
  return connectionConfigurationInvalid(
    `The script of mapping definition <${end.note.definition}> ${HOW[end.kind]} when it was tried out.`,
    'Check what it does at its top level: it must come to an end and must not exhaust the memory.',
  )
}

/** The next answer of the process, or how it failed to send one. */
async function nextAnswer(
  process: ChildProcess,
  limitMs: number,
  { isWedged = () => false, onProgress = () => {} }: Watch = {},
): Promise<End> {
  const { promise, resolve } = Promise.withResolvers<End>()
  const onMessage = (message: unknown): void => {
    const told = message as TrialAnswer | TrialProgress
    if (told.kind === 'compiled' || told.kind === 'mapped') onProgress(told)
    else resolve(told)
  }
  const onGone = (): void => resolve({ kind: 'died' })
  const timer = setTimeout(() => resolve({ kind: 'late' }), limitMs)
  const watch = setInterval(() => {
    if (isWedged()) resolve({ kind: 'late' })
  }, WATCH_MS)
  // Not 'exit': what the process told before may still be on its way.
  process.on('message', onMessage).once('close', onGone).once('error', onGone)
  const end = await promise
  clearTimeout(timer)
  clearInterval(watch)
  process.off('message', onMessage).off('close', onGone).off('error', onGone)
  return end
}

interface Watch {
  readonly isWedged?: () => boolean
  readonly onProgress?: (progress: TrialProgress) => void
}
