/**
 * The engine's end of one shard: its task on a worker thread and its port. Knows no thread but its
 * number.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { LogNews } from '../monitoring/log-entry.ts'
import type { DittoError } from '../protocol/errors.ts'
import type { Subscription } from '../routing/router.ts'
import type { ShardDescription, ShardStatus } from '../shard/description.ts'
import type { ShardOrder, ShardReport, ShardTask } from './messages.ts'
import type { Pool } from './pool.ts'

/** What a link is made from. */
export interface ShardLinkOptions {
  readonly description: ShardDescription
  readonly thread: number
  readonly counters: SharedArrayBuffer
  readonly pool: Pool
  readonly onStatus: (shard: number, status: ShardStatus) => void
}

/** What became of the attempt to make a shard. */
export type Making =
  | { readonly outcome: 'made'; readonly subscription: Subscription }
  | { readonly outcome: 'refused'; readonly error: DittoError }
  | { readonly outcome: 'lost' }

/** A shard that lives, or is about to. */
export class ShardLink {
  readonly description: ShardDescription
  readonly thread: number
  readonly making: Promise<Making>
  /** Resolves when the task is over: undefined after a close or a refusal, else what ended it. */
  readonly ended: Promise<Error | undefined>
  readonly #port: MessagePort
  /** Resolves when the shard has drained, or has ended. */
  readonly drained: Promise<void>
  /** The log that the shard left when it was closed; undefined when it ended otherwise. */
  readonly farewell: Promise<LogNews | undefined>
  readonly #reads = new Map<number, (news: LogNews | undefined) => void>()
  #nextRequest = 0
  #over = false

  constructor({ description, thread, counters, pool, onStatus }: ShardLinkOptions) {
    this.description = description
    this.thread = thread
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const { promise, resolve } = Promise.withResolvers<Making>()
    this.making = promise
    const { promise: drained, resolve: onDrained } = Promise.withResolvers<void>()
    this.drained = drained
    const { promise: farewell, resolve: onFarewell } = Promise.withResolvers<LogNews | undefined>()
    this.farewell = farewell
    port1.on('message', (report: ShardReport) => {
      if (report.kind === 'made') resolve({ outcome: 'made', subscription: report.subscription })
      else if (report.kind === 'refused') resolve({ outcome: 'refused', error: report.error })
      else if (report.kind === 'drained') onDrained()
      else if (report.kind === 'farewell') onFarewell(report.news)
      else if (report.kind === 'status') onStatus(description.shard, report.status)
      else this.#settleRead(report.request, report.news)
    })
    const task: ShardTask = { kind: 'shard', description, counters, port: port2 }
    this.ended = pool.run(thread, task, [port2]).then(
      () => undefined,
      (error: Error) => error,
    )
    void this.ended.then((error) => {
      onDrained()
      // What the shard said last may still be on its way: the port is read before it is closed.
      setImmediate(() => {
        if (error !== undefined) resolve({ outcome: 'lost' })
        onFarewell(undefined)
        this.#end()
      })
    })
  }

  order(order: ShardOrder): void {
    this.#port.postMessage(order)
  }

  /** The shard's log beyond `after`; undefined when the shard is gone. */
  readLogs(after: number): Promise<LogNews | undefined> {
    return new Promise((resolve) => {
      if (this.#over) {
        resolve(undefined)
        return
      }
      const request = this.#nextRequest++
      this.#reads.set(request, resolve)
      this.order({ kind: 'read-logs', request, after })
    })
  }

  #settleRead(request: number, news: LogNews): void {
    this.#reads.get(request)?.(news)
    this.#reads.delete(request)
  }

  #end(): void {
    this.#over = true
    this.#port.close()
    for (const settle of this.#reads.values()) settle(undefined)
    this.#reads.clear()
  }
}
