/**
 * One life of the engine: a forked process, its calls and its end. A new one is made for the next
 * life. Knows nothing of connections, restarts or suspects.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type {
  EngineControl,
  EngineMessage,
  EngineOrder,
  EngineSettings,
} from '../engine/messages.ts'
import { DittoException } from '../protocol/errors.ts'
import type { EngineExit } from './verdict.ts'

const ENTRY = new URL('../engine/main.ts', import.meta.url)

/**
 * The environment of the engine: what finding programs, hosts and certificates needs. Secrets that
 * configure the gateway are none of it, because foreign scripts run in that process.
 */
const PASSED_ENVIRONMENT = [
  'PATH',
  'HOME',
  'LANG',
  'TZ',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
] as const

/**
 * Threads of libuv in the engine: half of them may wait for the system's resolver, and the default of 4 for
 * all workers together would let a few host names that nobody knows hold up all others.
 */
const LIBUV_THREADS = '32'

/** The call was under way when the engine ended, or came after its end. */
export class EngineGoneError extends Error {
  constructor() {
    super('the engine has ended')
    this.name = 'EngineGoneError'
  }
}

/** A running engine. */
export interface EngineProcess {
  /** Its calls reject with an {@link EngineGoneError} when the engine ends before it answers. */
  readonly control: EngineControl
  /** Resolves when the engine can be called; never, if it ends before. */
  readonly ready: Promise<void>
  readonly exited: Promise<EngineExit>
  /** Ends it at once, for a reason that its exit will tell. */
  kill(reason: 'wedged' | 'silent'): void
}

/** What an engine tells without being asked, apart from being ready. */
export type EngineReport = Extract<
  EngineMessage,
  { readonly kind: 'pulse' | 'status' | 'counters' | 'published-logs' | 'shards-lost' }
>

/** Who wants to hear from an engine. */
export interface EngineListener {
  readonly onReport: (report: EngineReport) => void
  /** A line that the process wrote by itself, which it does only when something is wrong. */
  readonly onOutput: (line: string) => void
}

/** Starts an engine. */
export type StartEngine = (listener: EngineListener) => EngineProcess

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** Starts an engine as a process of its own. */
export function forkEngine(settings: EngineSettings, listener: EngineListener): EngineProcess {
  const child = fork(ENTRY, [], {
    serialization: 'advanced',
    // isolated-vm may crash without this flag (its README).
    execArgv: ['--no-node-snapshot'],
    env: { ...passedEnvironment(), UV_THREADPOOL_SIZE: LIBUV_THREADS },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  for (const stream of [child.stdout, child.stderr]) readLines(stream, listener.onOutput)
  const calls = new Calls(child)
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>()
  let killedFor: EngineExit['killedFor']
  const exited = new Promise<EngineExit>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      calls.abandon()
      resolve(killedFor === undefined ? { code, signal } : { code, signal, killedFor })
    }
    child.once('exit', end)
    // The process could not be started at all; there will be no 'exit'.
    child.once('error', () => end(null, null))
  })
  child.on('message', (message: EngineMessage) => {
    if (message.kind === 'ready') onReady()
    else if (message.kind === 'answer') calls.settle(message.request, message.value)
    else if (message.kind === 'refusal') {
      calls.refuse(message.request, new DittoException(message.error))
    } else listener.onReport(message)
  })
  const order: EngineOrder = { kind: 'start', settings }
  child.send(order)
  return {
    control: calls.control,
    ready,
    exited,
    kill(reason) {
      killedFor ??= reason
      child.kill('SIGKILL')
    },
  }
}

/** The calls under way to one process. */
class Calls {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #nextRequest = 0
  #gone = false

  constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Every method of the engine's control, as a message and its answer. */
  readonly control: EngineControl = {
    open: (shards) => this.#call({ method: 'open', args: [shards] }),
    close: (shards, successor) => this.#call({ method: 'close', args: [shards, successor] }),
    retry: (shards) => this.#call({ method: 'retry', args: [shards] }),
    park: (connectionId) => this.#call({ method: 'park', args: [connectionId] }),
    unpark: (connectionId) => this.#call({ method: 'unpark', args: [connectionId] }),
    setLogs: (shards, active) => this.#call({ method: 'setLogs', args: [shards, active] }),
    resetLogs: (shards) => this.#call({ method: 'resetLogs', args: [shards] }),
    readLogs: (shards) => this.#call({ method: 'readLogs', args: [shards] }),
    readCounters: () => this.#call({ method: 'readCounters', args: [] }),
    stop: () => this.#call({ method: 'stop', args: [] }),
  }

  settle(request: number, value: unknown): void {
    this.#waiting.get(request)?.resolve(value)
    this.#waiting.delete(request)
  }

  refuse(request: number, error: Error): void {
    this.#waiting.get(request)?.reject(error)
    this.#waiting.delete(request)
  }

  /** The process is gone: nothing will be answered any more. */
  abandon(): void {
    this.#gone = true
    for (const { reject } of this.#waiting.values()) reject(new EngineGoneError())
    this.#waiting.clear()
  }

  #call<M extends keyof EngineControl>(call: {
    readonly method: M
    readonly args: Parameters<EngineControl[M]>
  }): ReturnType<EngineControl[M]> {
    const answer = new Promise((resolve, reject) => {
      if (this.#gone || !this.#child.connected) {
        reject(new EngineGoneError())
        return
      }
      const request = this.#nextRequest++
      this.#waiting.set(request, { resolve, reject })
      // A failed send means that the process is ending; its exit answers all calls.
      this.#child.send({ ...call, request }, () => {})
    })
    return answer as ReturnType<EngineControl[M]>
  }
}

/** The environment for processes that run foreign scripts. */
export function passedEnvironment(): NodeJS.ProcessEnv {
  const names = PASSED_ENVIRONMENT.filter((name) => process.env[name] !== undefined)
  return Object.fromEntries(names.map((name) => [name, process.env[name]]))
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', onLine)
}
