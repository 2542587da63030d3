/** How a gateway is doing, sampled while a benchmark runs: memory, heaps, descriptors. Linux only. */
import { readdirSync } from 'node:fs'
import { usageOfTree } from '../support/processes.ts'
import type { Sluice } from '../support/sluice.ts'

/** One look at it; all processes of the gateway together. */
export interface Sample {
  readonly atMs: number
  readonly rssBytes: number
  /** Of each worker thread. */
  readonly heapsBytes: readonly number[]
  /** The same for all threads. */
  readonly heapLimitBytes: number
  readonly descriptors: number
}

/** Looks at the gateway again and again until stopped. */
export class Sampler {
  readonly samples: Sample[] = []
  readonly #sluice: Sluice
  readonly #timer: NodeJS.Timeout
  #last: Promise<void> = Promise.resolve()

  constructor(sluice: Sluice, everyMs: number) {
    this.#sluice = sluice
    this.#timer = setInterval(() => {
      this.#last = this.#look()
    }, everyMs)
  }

  async stop(): Promise<readonly Sample[]> {
    clearInterval(this.#timer)
    await this.#last
    return this.samples
  }

  async #look(): Promise<void> {
    const processes = usageOfTree(this.#sluice.process.pid!) ?? []
    const { text } = await this.#sluice.request('GET', '/metrics')
    this.samples.push({
      atMs: performance.now(),
      rssBytes: processes.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
      heapsBytes: valuesOf(text, 'sluice_thread_heap_used_bytes'),
      heapLimitBytes: Math.max(0, ...valuesOf(text, 'sluice_thread_heap_limit_bytes')),
      descriptors: processes.reduce((sum, { pid }) => sum + descriptorsOf(pid), 0),
    })
  }
}

function valuesOf(metrics: string, name: string): readonly number[] {
  const values = metrics.matchAll(new RegExp(`^${name}\\{[^}]*\\} (.+)$`, 'gm'))
  return [...values].map(([, value]) => Number(value))
}

/** None of a process that has just ended. */
function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0
  }
}

/** Megabytes, as shown. */
export function mb(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}
