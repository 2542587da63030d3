/** What threads tell of themselves once a second. Plain data, measured without any message waiting. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** How one worker thread has been doing since it told last. */
export interface ThreadFigures {
  readonly thread: number
  /** Share of the time in which the event loop was busy, from 0 to 1. */
  readonly utilization: number
  /** By how much timers came late, in seconds. */
  readonly delayP99Seconds: number
  readonly delayMaxSeconds: number
  readonly heapUsedBytes: number
  readonly heapLimitBytes: number
  /** Whether commands wait here because the store of the twins does not work. */
  readonly waitsForStore: boolean
}

/** The engine as a whole. */
export interface EngineFigures {
  readonly residentBytes: number
  /** User and system time since its start, in seconds. */
  readonly cpuSeconds: number
  readonly threads: readonly ThreadFigures[]
}

const DELAY_RESOLUTION_MS = 20
const NS_PER_S = 1e9

/** Measures the thread that it is made on. */
export class ThreadGauge {
  readonly #thread: number
  readonly #delay: ReturnType<typeof monitorEventLoopDelay>
  #utilization = performance.eventLoopUtilization()

  constructor(thread: number) {
    this.#thread = thread
    this.#delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
    this.#delay.enable()
  }

  /** What was measured since the last call, and what the thread knows itself. */
  read(waitsForStore: boolean): ThreadFigures {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization)
    this.#utilization = now
    const { used_heap_size, heap_size_limit } = getHeapStatistics()
    const figures = {
      thread: this.#thread,
      utilization,
      delayP99Seconds: beyondResolution(this.#delay.percentile(99)),
      delayMaxSeconds: beyondResolution(this.#delay.max),
      heapUsedBytes: used_heap_size,
      heapLimitBytes: heap_size_limit,
      waitsForStore,
    }
    this.#delay.reset()
    return figures
  }

  close(): void {
    this.#delay.disable()
  }
}

/** The histogram holds whole intervals: what exceeds the interval is the delay. */
function beyondResolution(ns: number): number {
  return Math.max(0, ns / NS_PER_S - DELAY_RESOLUTION_MS / 1_000)
}

let knownResidentBytes = 0

/** What was known last, when the process has no descriptor left to read it with. */
function residentBytes(): number {
  try {
    knownResidentBytes = process.memoryUsage.rss()
  } catch {
    // Nothing shall end because of a figure.
  }
  return knownResidentBytes
}

/** The process in which this is called. */
export function processFigures(threads: readonly ThreadFigures[]): EngineFigures {
  const { user, system } = process.cpuUsage()
  return {
    residentBytes: residentBytes(),
    cpuSeconds: (user + system) / 1e6,
    threads,
  }
}
