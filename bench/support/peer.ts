/** Load generators and relays as child processes: started with an order, heard, and ended. */
import { type ChildProcess, fork } from 'node:child_process'
import type { GeneratorCommand, GeneratorReport } from '../peers/messages.ts'
import type { Peer } from '../scenarios/scenario.ts'

const READY_LIMIT_MS = 90_000
/** More than a generator waits for messages on their way. */
const REPORT_LIMIT_MS = 30_000

type ReportOf<K extends GeneratorReport['kind']> = Extract<GeneratorReport, { readonly kind: K }>

/** A running peer. */
export class PeerProcess {
  readonly #child: ChildProcess
  readonly #onProgress: (sent: number, received: number) => void
  readonly #reports = new Map<string, GeneratorReport>()
  #onReport = (): void => {}
  #failure: Error | undefined

  /** `onProgress` hears the totals of a generator several times a second. */
  constructor(peer: Peer, onProgress: (sent: number, received: number) => void = () => {}) {
    this.#onProgress = onProgress
    this.#child = fork(peer.module, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', (message: GeneratorReport) => this.#take(message))
    this.#child.on('error', (error) => this.#fail(error))
    this.#child.on('exit', (code, signal) => {
      this.#fail(new Error(`${peer.module.pathname} ended early with ${signal ?? code}`))
    })
    this.#child.send(peer.order)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  command(command: GeneratorCommand): void {
    this.#child.send(command)
  }

  async ready(): Promise<void> {
    await this.report('ready', READY_LIMIT_MS)
  }

  /** Waits for a report. Rejects when the peer fails, ends, or takes too long. */
  async report<K extends GeneratorReport['kind']>(
    kind: K,
    limitMs = REPORT_LIMIT_MS,
  ): Promise<ReportOf<K>> {
    const deadline = setTimeout(() => {
      this.#fail(new Error(`the load generator did not report '${kind}' within ${limitMs} ms`))
    }, limitMs)
    try {
      for (;;) {
        const known = this.#reports.get(kind)
        if (known !== undefined) return known as ReportOf<K>
        if (this.#failure !== undefined) throw this.#failure
        await new Promise<void>((resolve) => {
          this.#onReport = resolve
        })
      }
    } finally {
      clearTimeout(deadline)
    }
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await exited
  }

  #take(message: GeneratorReport): void {
    if (message.kind === 'progress') this.#onProgress(message.sent, message.received)
    else if (message.kind === 'failed') this.#fail(new Error(message.message))
    else {
      this.#reports.set(message.kind, message)
      this.#onReport()
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#onReport()
  }
}
