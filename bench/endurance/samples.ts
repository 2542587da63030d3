/** How a gateway is doing, sampled while a benchmark runs: memory, heaps, descriptors. Linux only. */
import { readdirSync } from 'node:fs'
import { usageOfTree } from '../support/processes.ts'
import type { Sluice } from '../support/sluice.ts'

/** One look at it; all processes of the gateway together. */
export interface Sample {
  readonly atMs: number
  readonly rssBytes: number
  /** Of the thread that uses most. */
  readonly heapBytes: number
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
      heapBytes: highest(text, 'sluice_thread_heap_used_bytes'),
      heapLimitBytes: highest(text, 'sluice_thread_heap_limit_bytes'),
      descriptors: processes.reduce((sum, { pid }) => sum + descriptorsOf(pid), 0),
    })
  }
}

function highest(metrics: string, name: string): number {
  const values = metrics.matchAll(new RegExp(`^${name}\\{[^}]*\\} (.+)$`, 'gm'))
  return Math.max(0, ...[...values].map(([, value]) => Number(value)))
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
