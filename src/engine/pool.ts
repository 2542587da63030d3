/**
 * The engine's worker threads: a Piscina pool in which every task names the thread it belongs to.
 * The only importer of piscina. Knows tasks as opaque data and nothing of shards.
 */
import type { Transferable } from 'node:worker_threads'
import { Piscina } from 'piscina'

/** How to make a pool. */
export interface PoolOptions {
  readonly threads: number
  /** Limit of each thread's old generation, in MiB. */
  readonly maxHeapMb: number
  readonly filename: URL
  /** The pool cannot go on: its threads die before they take a task. */
  readonly onBroken: (error: Error) => void
}

/** Long-lived tasks of one thread; far above what one thread can carry, since all run at once. */
const MAX_TASKS_PER_THREAD = 100_000
/**
 * Node.js ends a thread that reaches its heap's limit, and gives it 16 MiB more to end in. A scavenge that
 * moves more than those to the old generation ends the whole process: with V8's own size of the young
 * generation, of up to 96 MiB, most threads that ran out of heap did.
 */
const MAX_YOUNG_GENERATION_MB = 32

/** A pool of numbered threads, 0 to `threads` - 1. */
export class Pool {
  readonly #piscina: Piscina
  /** Which of Piscina's workers plays which of our threads. */
  readonly #workers = new Map<number, number>()

  constructor(options: PoolOptions) {
    this.#piscina = new Piscina({
      filename: options.filename.href,
      minThreads: options.threads,
      maxThreads: options.threads,
      // A thread that carries sessions must never be retired.
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: MAX_TASKS_PER_THREAD,
      // With the default, 'sync', an idle thread would sleep in Atomics.wait and its sockets with it.
      atomics: 'disabled',
      resourceLimits: {
        maxOldGenerationSizeMb: options.maxHeapMb,
        maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB,
      },
      loadBalancer: (task, workers) => this.#choose(threadOf(task), workers),
    })
    // Without a listener Piscina's 'error' would end the process.
    this.#piscina.on('error', options.onBroken)
  }

  /**
   * Runs a task on a thread until its promise settles; rejects when the thread dies.
   * The first task that a thread gets after its death brings a new one up.
   */
  run(thread: number, task: object, transfer: readonly Transferable[]): Promise<void> {
    const addressed = { ...task, [Piscina.queueOptionsSymbol]: { thread } }
    return this.#piscina.run(addressed, { transferList: [...transfer] })
  }

  /** Forgets which worker played a thread, because it has died. */
  release(thread: number): void {
    this.#workers.delete(thread)
  }

  /** Ends all threads, whatever they are doing. */
  async destroy(): Promise<void> {
    await this.#piscina.destroy()
  }

  #choose<W extends { readonly id: number }>(thread: number, workers: readonly W[]): W | null {
    const known = this.#workers.get(thread)
    if (known !== undefined) return workers.find(({ id }) => id === known) ?? null
    const taken = new Set(this.#workers.values())
    const free = workers.find(({ id }) => !taken.has(id))
    if (free === undefined) return null
    this.#workers.set(thread, free.id)
    return free
  }
}

/** Piscina hands the options of a task to the load balancer under this symbol, untyped. */
function threadOf(task: object): number {
  const options: unknown = Reflect.get(task, Piscina.queueOptionsSymbol)
  return (options as { readonly thread: number }).thread
}
