/**
 * Keeps an engine running: starts it, watches it, ends it when it is wedged or silent, finds out who
 * killed it, starts the next. Knows nothing of connections but the name a note may carry.
 */
import type { EngineFigures } from '../engine/figures.ts'
import type { EngineControl } from '../engine/messages.ts'
import type { EngineProcess, EngineReport, StartEngine } from './engine-process.ts'
import type { NoteWatch } from './note-watch.ts'
import { RestartPolicy } from './restart-policy.ts'
import { type EngineExit, Investigation, type Verdict } from './verdict.ts'

/** How an engine ended, who did it, and how long until the next one starts. */
export interface EngineDeath {
  readonly exit: EngineExit
  readonly verdict: Verdict
  /** Milliseconds. */
  readonly pauseMs: number
}

/** What a keeper is made from. */
export interface KeeperOptions {
  readonly startEngine: StartEngine
  readonly notes: NoteWatch
  /** A thread that sits in a script for longer will not come back, in milliseconds. */
  readonly wedgedAfterMs: number
  readonly onUp: (engine: EngineControl) => void
  readonly onDown: (death: EngineDeath) => void
  readonly onReport: (report: Exclude<EngineReport, { kind: 'pulse' }>) => void
  readonly onOutput: (line: string) => void
}

/** How often notes are read and the pulse is felt, in milliseconds. */
const WATCH_MS = 250
/** An engine whose pulse is missing for so long does not live; it beats once a second if all is well. */
const SILENCE_LIMIT_MS = 20_000
/** Longest time from the start of an engine until it is ready: twins are opened meanwhile. */
const START_LIMIT_MS = 120_000
/** What an engine may need beyond the time that its shards are given to drain. */
const STOP_MARGIN_MS = 3_000

export type EngineState = 'up' | 'starting' | 'down'

/** One per control plane. */
export class EngineKeeper {
  readonly #options: KeeperOptions
  readonly #policy = new RestartPolicy()
  readonly #investigation: Investigation
  #process: EngineProcess | undefined
  #state: EngineState = 'down'
  #stopping = false
  #silentMs = 0
  #figures: EngineFigures | undefined
  #deaths = 0
  #watch: NodeJS.Timeout | undefined
  #restart: NodeJS.Timeout | undefined
  #waiting = new Set<() => void>()

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#investigation = new Investigation(options.wedgedAfterMs)
  }

  /** How the engine is doing, as of its last pulse. */
  get figures(): EngineFigures | undefined {
    return this.#figures
  }

  /** Engines that ended by themselves, or had to be ended. */
  get deaths(): number {
    return this.#deaths
  }

  get state(): EngineState {
    return this.#state
  }

  /** The engine, while there is one that can be called. */
  get engine(): EngineControl | undefined {
    return this.#state === 'up' ? this.#process?.control : undefined
  }

  /** Starts the first engine; the next ones start by themselves. */
  start(): void {
    const { startEngine, notes, onReport, onOutput } = this.#options
    notes.clear()
    const process = startEngine({
      onReport: (report) => {
        if (report.kind === 'pulse') {
          this.#silentMs = 0
          this.#figures = report.figures
        } else onReport(report)
      },
      onOutput,
    })
    this.#process = process
    this.#state = 'starting'
    this.#silentMs = 0
    this.#watch = setInterval(() => this.#look(process), WATCH_MS)
    void process.ready.then(() => this.#up(process))
    void process.exited.then((exit) => this.#down(exit))
  }

  /** The engine as soon as there is one; undefined when there is none within the limit. */
  async use(limitMs: number): Promise<EngineControl | undefined> {
    if (this.engine !== undefined) return this.engine
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, limitMs)
      this.#waiting.add(done)
    })
    return this.engine
  }

  /** Stops the engine gracefully, within the time that its shards are given and a little more. */
  async stop(drainTimeoutMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    const process = this.#process
    if (process === undefined) return
    const limit = setTimeout(() => process.kill('silent'), drainTimeoutMs + STOP_MARGIN_MS)
    // Fails only when the engine ends by itself, which is what is wanted.
    if (this.#state === 'up') process.control.stop().catch(() => {})
    else process.kill('silent')
    await process.exited
    clearTimeout(limit)
  }

  #up(process: EngineProcess): void {
    if (this.#process !== process || this.#stopping) return
    this.#state = 'up'
    this.#silentMs = 0
    this.#options.onUp(process.control)
    for (const done of this.#waiting) done()
  }

  #down(exit: EngineExit): void {
    clearInterval(this.#watch)
    this.#process = undefined
    this.#figures = undefined
    this.#state = 'down'
    if (this.#stopping) return
    this.#deaths += 1
    const nowMs = performance.now()
    const verdict = this.#investigation.judge(exit, this.#options.notes.read(), nowMs)
    // The accused will not run in the next engine, so nothing speaks against starting that at once.
    const pauseMs = verdict.accused === undefined ? this.#policy.died(nowMs) : 0
    this.#options.onDown({ exit, verdict, pauseMs })
    this.#restart = setTimeout(() => this.start(), pauseMs)
  }

  /** Counts its own ticks instead of reading a clock: a pause of this process is none of the engine. */
  #look(process: EngineProcess): void {
    const { notes, wedgedAfterMs } = this.#options
    if (notes.read().some(({ ageMs }) => ageMs > wedgedAfterMs)) process.kill('wedged')
    this.#silentMs += WATCH_MS
    const limitMs = this.#state === 'up' ? SILENCE_LIMIT_MS : START_LIMIT_MS
    if (this.#silentMs > limitMs) process.kill('silent')
  }
}
