/**
 * Twice as much as it can take. The peak is first looked for in a closed loop; as long as more than that
 * arrives when twice that is offered, that is the peak, and twice that is offered. The gateway has a core to
 * itself, where there are two, so that it competes with nobody for what is measured.
 */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { installMissingTools } from '../../test/support/tools.ts'
import type { Load } from '../scenarios/scenario.ts'
import { prepareTwin } from '../scenarios/twin.ts'
import type { FigureBenchmark, FigureOptions } from '../support/figures.ts'
import { type Measurement, measure } from '../support/measure.ts'
import { usageOfTree } from '../support/processes.ts'
import { startGateway } from '../support/subject.ts'
import { mb, type Sample, Sampler } from './samples.ts'

const OFFERED = 2
const ATTEMPTS = 4
const GOODPUT_GOAL = 0.95
const SAMPLE_MS = 500
/** Without it the broker, and not the gateway, would be what cannot take twice as much. */
const WORK = 'for (let i = 1, sum = 0; i < 20000; i++) sum += Math.sqrt(i);'
const BENCH_CORE = 0
const GATEWAY_CORE = 1
/** Read before anything is pinned: what is pinned sees its own cores only. */
const CORES = availableParallelism()

export const overload: FigureBenchmark = {
  name: 'overload',
  summary: 'twin at QoS 1 with twice the messages that it can take: what arrives, and memory',
  run: async (options) => {
    await installMissingTools()
    pin(process.pid, BENCH_CORE)
    let peak = await run('peak', { kind: 'closed', window: 1_000 }, options)
    let above = await offerTwice(peak, options)
    for (let attempt = 1; attempt < ATTEMPTS && rateOf(above) > rateOf(peak); attempt++) {
      peak = above
      above = await offerTwice(peak, options)
    }
    options.progress.end()
    const goodput = rateOf(above) / rateOf(peak)
    const heap = Math.max(...above.samples.flatMap(({ heapsBytes }) => heapsBytes))
    const limit = above.samples.at(-1)!.heapLimitBytes
    return {
      head: ['', 'at its peak', 'twice that offered', 'goal'],
      rows: [
        [
          'arrives',
          `${Math.round(rateOf(peak))} msg/s`,
          `${Math.round(rateOf(above))} msg/s`,
          `${GOODPUT_GOAL * 100} % of the peak: ${(goodput * 100).toFixed(1)} %`,
        ],
        ['memory, at most', rss(peak.samples), rss(above.samples), ''],
        ['heap of a thread, at most', '', mb(heap), `below ${mb(limit)}`],
      ],
      notes: [
        'One worker thread, and a script that computes, so that the gateway is what has too little of its',
        'core. Broker and load generator share the other one. What the broker keeps is not waited for.',
      ],
      values: { peak, above, goodput },
    }
  },
}

interface Run {
  readonly measured: Measurement
  readonly samples: readonly Sample[]
}

function offerTwice(peak: Run, options: FigureOptions): Promise<Run> {
  const rate = Math.round(rateOf(peak) * OFFERED)
  return run(`${rate} msg/s`, { kind: 'open', rate }, options)
}

async function run(name: string, load: Load, options: FigureOptions): Promise<Run> {
  const stage = await prepareTwin({ devices: 50, payloadBytes: 70, qos: 1, load }, WORK)
  try {
    const subject = await startGateway(stage, { workers: { threads: 1 } })
    for (const { pid } of usageOfTree(subject.pid) ?? []) pin(pid, GATEWAY_CORE)
    const sampler = new Sampler(subject.sluice, SAMPLE_MS)
    try {
      const { generator } = stage
      const measured = await measure({ ...options, name, generator, subject })
      return { measured, samples: await sampler.stop() }
    } finally {
      await sampler.stop()
      await subject.stop()
    }
  } finally {
    await stage.stop()
  }
}

/** Where there is a core for each, and util-linux. */
function pin(pid: number, core: number): void {
  if (CORES < 2) return
  try {
    execFileSync('taskset', ['-apc', String(core), String(pid)], { stdio: 'ignore' })
  } catch {
    // Everything shares all cores then.
  }
}

function rateOf({ measured }: Run): number {
  return measured.messagesPerSecond
}

function rss(samples: readonly Sample[]): string {
  return mb(Math.max(...samples.map(({ rssBytes }) => rssBytes)))
}
