/**
 * The compiled scripts of one mapping definition: a context in the shard's isolate with the
 * driver and the scripts in it. Runs one call at a time and tells how it ended; what that means
 * for the messages is decided in batch.ts. Knows no Ditto messages.
 */
import type { Context, Reference } from 'isolated-vm'
import { mapperConfigFailed, mappingFailed } from '../../protocol/connectivity-errors.ts'
import { DittoException } from '../../protocol/errors.ts'
import type { MapperEnvironment } from '../mapper.ts'
import { isolatedVm } from './addon.ts'
import { DRIVER_CODE } from './inside/bundle.ts'
import type { Driver } from './inside/driver.ts'
import { DRIVER_LIMITS, HOLD_MS } from './limits.ts'
import { readModules } from './modules.ts'
import type { Sandbox } from './sandbox.ts'
import { compileErrorText, type Scripts, scriptOf } from './script-error.ts'
import { runScripts } from './scripts.ts'
import { Stepper, type Steps } from './steps.ts'

/** What a program needs of its shard. */
export type ProgramEnvironment = Pick<MapperEnvironment, 'limits' | 'recorder' | 'maxHoldMs'>

export type Direction = 'inbound' | 'outbound'

/** What the driver reports of a call; the members are explained in inside/driver.ts. */
export interface Report {
  readonly r: readonly unknown[]
  readonly c: readonly (readonly ['info' | 'warn' | 'error', string])[]
  readonly b: number
  readonly a: 0 | 1
  readonly n: 0 | 1
}

/** How a call ended. */
export type Outcome =
  | {
      readonly kind: 'report'
      readonly report: Report
      readonly bytes: Uint8Array
      /**
       * Why the call ended early: {@link TIMEOUT}, or the text of an error outside of the script.
       */
      readonly interruption?: string
    }
  /** The isolate is gone. `completed` messages of the call had been mapped before. */
  | { readonly kind: 'died'; readonly completed: number; readonly wasFresh: boolean }

interface Installed {
  readonly generation: number
  readonly context: Context
  readonly inbound: Reference<Driver['inbound']>
  readonly outbound: Reference<Driver['outbound']>
  readonly report: Reference<Driver['report']>
  readonly takeBytes: Reference<Driver['takeBytes']>
}

/** What isolated-vm says of a call that took longer than its timeout. */
export const TIMEOUT = 'Script execution timed out.'

const CLOSED = mappingFailed(undefined, 'The connection was closed before the message was mapped.')
const NO_BYTES = new Uint8Array(0)
const COPY_RESULT = { result: { copy: true } } as const

export class Program {
  readonly #id: string
  readonly #scripts: Scripts
  readonly #sandbox: Sandbox
  readonly #environment: ProgramEnvironment
  readonly #memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  readonly #progress = new Int32Array(this.#memory)
  readonly #stepper: Stepper
  #installed: Installed | undefined
  #closed = false

  constructor(id: string, scripts: Scripts, sandbox: Sandbox, environment: ProgramEnvironment) {
    this.#stepper = new Stepper({
      definition: id,
      recorder: environment.recorder,
      maxHoldMs: environment.maxHoldMs ?? HOLD_MS,
      workedMs: () => sandbox.workedMs,
    })
    this.#id = id
    this.#scripts = scripts
    this.#sandbox = sandbox
    this.#environment = environment
    sandbox.hold()
  }

  /**
   * Compiles the scripts and runs their top level, unless the isolate has them already.
   * Throws a DittoException (`connectivity:message.mapper.config.failed`).
   */
  compile(): void {
    this.#install()
  }

  /** Makes the next call run in an isolate that has mapped nothing yet. */
  startAfresh(): void {
    if (this.#sandbox.used) this.#sandbox.discard()
  }

  /**
   * Maps the messages of one call, at most `limitMs` each. Throws a DittoException when the scripts
   * have to be compiled anew and fail to, and when the program was closed meanwhile.
   */
  *call(
    direction: Direction,
    input: string,
    bytes: Uint8Array | undefined,
    limitMs: number,
  ): Steps<Outcome> {
    if (this.#closed) throw new DittoException(CLOSED)
    const installed = this.#install()
    const wasFresh = !this.#sandbox.used
    // The last message of a slice may start just before its end and then has its full time.
    const options = { timeout: limitMs + DRIVER_LIMITS.sliceMs }
    const text = copyText(input)
    const args = direction === 'inbound' ? [text, limitMs, copyIn(bytes)] : [text, limitMs]
    this.#progress[0] = 0
    let report: unknown
    try {
      report = yield { fn: installed[direction], args, options }
    } catch (thrown) {
      return yield* this.#interrupted(installed, wasFresh, thrown)
    }
    return yield* this.#reported(installed, report as string)
  }

  /** Runs steps of this program after those of all others in the same isolate. */
  run<T>(steps: () => Steps<T>): T | Promise<T> {
    return this.#sandbox.lane.run(() => this.#stepper.run(steps()))
  }

  /** Frees the context, and the isolate when this was the last program in it. */
  close(): void {
    this.#closed = true
    if (this.#installed?.generation === this.#sandbox.generation && this.#sandbox.isAlive) {
      this.#installed.context.release()
    }
    this.#installed = undefined
    this.#sandbox.release()
  }

  *#reported(installed: Installed, text: string): Steps<Outcome & { kind: 'report' }> {
    const report: Report = JSON.parse(text)
    this.#sandbox.used ||= report.r.length > 0
    if (report.b === 0) return { kind: 'report', report, bytes: NO_BYTES }
    const bytes = (yield { fn: installed.takeBytes, args: [], options: COPY_RESULT }) as Uint8Array
    return { kind: 'report', report, bytes }
  }

  /** After a timeout the isolate lives on and still has what was finished; else it is given up. */
  *#interrupted(installed: Installed, wasFresh: boolean, thrown: unknown): Steps<Outcome> {
    if (this.#sandbox.isAlive) {
      try {
        const options = { timeout: this.#environment.limits.maxExecutionMs }
        const text = (yield { fn: installed.report, args: [], options }) as string
        this.#sandbox.used = true
        const interruption = thrown instanceof Error ? thrown.message : String(thrown)
        return { ...(yield* this.#reported(installed, text)), interruption }
      } catch {
        // It does not even answer this much, and is treated like one that ran out of memory.
      }
    }
    this.#sandbox.discard()
    return { kind: 'died', completed: this.#progress[0]!, wasFresh }
  }

  #install(): Installed {
    const isolate = this.#sandbox.isolate()
    if (this.#installed?.generation === this.#sandbox.generation) return this.#installed
    const { limits, recorder } = this.#environment
    const { ExternalCopy } = isolatedVm()
    const timeout = limits.maxExecutionMs
    const modules = JSON.stringify(readModules(limits.commonJsPath))
    const place = recorder.enter(this.#id)
    try {
      const context = isolate.createContextSync()
      const memory = new ExternalCopy(this.#memory).copyInto()
      const given = [memory, JSON.stringify(DRIVER_LIMITS), modules]
      const driver = context.evalClosureSync(DRIVER_CODE, given, {
        timeout,
        filename: 'driver',
        result: { reference: true },
      }) as Reference<Driver>
      const named = (name: keyof Driver) => driver.getSync(name, { reference: true })
      runScripts(isolate, context, this.#scripts, timeout)
      this.#installed = {
        generation: this.#sandbox.generation,
        context,
        inbound: named('inbound') as Installed['inbound'],
        outbound: named('outbound') as Installed['outbound'],
        report: named('report') as Installed['report'],
        takeBytes: named('takeBytes') as Installed['takeBytes'],
      }
      return this.#installed
    } catch (thrown) {
      const where = scriptOf(thrown) ?? 'a script'
      const advice = `Check <${where}> of the mapping definition <${this.#id}>.`
      const error = mapperConfigFailed(this.#compileText(thrown), advice)
      throw new DittoException(error, { cause: thrown })
    } finally {
      recorder.leave(place)
    }
  }

  #compileText(thrown: unknown): string {
    const { memoryMb, maxExecutionMs } = this.#environment.limits
    if (!this.#sandbox.isAlive) return memoryText(memoryMb)
    const text = compileErrorText(thrown, this.#scripts)
    return text.includes(TIMEOUT) ? timeText(maxExecutionMs) : text
  }
}

/** Ditto's words for a script that took too long. */
export function timeText(limitMs: number): string {
  return `Maximum execution time of <${limitMs}>ms was exceeded.`
}

export function memoryText(memoryMb: number): string {
  return `Maximum memory of <${memoryMb}>MB was exceeded.`
}

/**
 * A text as the only element of an array, which is copied into the heap of the isolate. As an argument of
 * its own isolated-vm would keep a longer one outside of that heap, where nothing makes the isolate
 * collect what it has forgotten: it grew by megabytes per minute.
 */
function copyText(text: string) {
  const { ExternalCopy } = isolatedVm()
  return new ExternalCopy([text]).copyInto({ release: true })
}

function copyIn(bytes: Uint8Array | undefined) {
  if (bytes === undefined) return undefined
  const { ExternalCopy } = isolatedVm()
  const copy = new ExternalCopy(bytes, { transferList: [bytes.buffer] })
  return copy.copyInto({ release: true, transferIn: true })
}
