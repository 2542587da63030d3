/**
 * The engine's end of one worker thread: its long-lived task, its port, the answers it owes.
 * Knows nothing of shards; a new link is made when the thread has died.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { LogReport } from '../monitoring/log-collector.ts'
import type { ThreadFigures } from './figures.ts'
import type { EngineSettings, ThreadOrder, ThreadReport, ThreadTask } from './messages.ts'
import type { Pool } from './pool.ts'

/** An order that the thread answers, without the number that the link gives it. */
type Question = ThreadOrder extends infer O
  ? O extends { readonly request: number }
    ? Omit<O, 'request'>
    : never
  : never

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Who hears what a thread tells without being asked. */
export interface ThreadListener {
  readonly onPublishedLogs: (reports: readonly LogReport[]) => void
  readonly onFigures: (figures: ThreadFigures) => void
}

/** A running worker thread. */
export class ThreadLink {
  readonly thread: number
  /** Resolves when the thread has its twins and can take shards; rejects when it died before. */
  readonly ready: Promise<void>
  /** Resolves when the thread has ended: undefined when it was told to, else what it died of. */
  readonly ended: Promise<Error | undefined>
  readonly #port: MessagePort
  readonly #waiting = new Map<number, Waiting>()
  #nextRequest = 0
  #dead = false

  constructor(thread: number, pool: Pool, settings: EngineSettings, listener: ThreadListener) {
    this.thread = thread
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const { promise: ready, resolve: onReady, reject: onUnready } = Promise.withResolvers<void>()
    this.ready = ready
    port1.on('message', (report: ThreadReport) => {
      if (report.kind === 'ready') onReady()
      else if (report.kind === 'published-logs') listener.onPublishedLogs(report.reports)
      else if (report.kind === 'figures') listener.onFigures(report.figures)
      else this.#settle(report.request)
    })
    const task: ThreadTask = { kind: 'thread', thread, settings, port: port2 }
    this.ended = pool.run(thread, task, [port2]).then(
      () => undefined,
      (error: Error) => error,
    )
    void this.ended.then((error) => {
      onUnready(error ?? new Error(`worker thread ${thread} has ended`))
      this.#die(error)
    })
  }

  /** Connects the thread with another one. */
  link(other: number, port: MessagePort): void {
    const order: ThreadOrder = { kind: 'link', thread: other, port }
    this.#port.postMessage(order, [port])
  }

  /** Asks and waits for the answer; rejects when the thread dies before. */
  ask(question: Question): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#dead) {
        reject(new Error(`worker thread ${this.thread} has ended`))
        return
      }
      const request = this.#nextRequest++
      this.#waiting.set(request, { resolve, reject })
      this.#port.postMessage({ ...question, request })
    })
  }

  /** Ends the thread once its shards are gone; see {@link ended}. */
  stop(): void {
    const order: ThreadOrder = { kind: 'stop' }
    this.#port.postMessage(order)
  }

  #settle(request: number): void {
    this.#waiting.get(request)?.resolve()
    this.#waiting.delete(request)
  }

  #die(error: Error | undefined): void {
    this.#dead = true
    this.#port.close()
    const reason = error ?? new Error(`worker thread ${this.thread} has ended`)
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }
}
