/**
 * Measures comparisons: time and garbage of each evaluation. The two ways take turns, so that whatever
 * happens to the machine happens to both; the time is that of the CPU in this thread, which other
 * programs disturb little, and of which the medians count.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { machineBusyUs } from '../support/processes.ts'
import type { Progress } from '../support/progress.ts'
import type { Comparison, Evaluation, MicroBenchmark } from './micro.ts'
import { SIGNALS } from './signals.ts'

/** The CPU time of a thread is known to about a millisecond: a batch is much longer. */
const BATCH_MS = 50
/** Fewer have no median to speak of: a short `durationMs` is exceeded for them. */
const MIN_ROUNDS = 5
/** Before, code is too cold to tell how many evaluations make a batch. */
const MIN_WARM_UPS = 3
/** Batches after which to look at the heap; short, so that few meet a garbage collection. */
const HEAP_SAMPLES = 25
const HEAP_TURNS = 4

/** How to measure. */
export interface CompareOptions {
  readonly warmUpMs: number
  readonly durationMs: number
  readonly progress: Pick<Progress, 'show' | 'end'>
  readonly signal: AbortSignal
}

/** The middle of what was measured, and the bounds of the half around it. */
export interface Quartiles {
  readonly p25: number
  readonly median: number
  readonly p75: number
}

/** What one evaluation costs. */
export interface Cost {
  readonly ns: Quartiles
  /** Allocated on the heap of JavaScript. */
  readonly bytes: number
}

/** One comparison, measured. */
export interface Compared {
  readonly name: string
  readonly texts: readonly string[]
  readonly compiled: Cost
  readonly parsed: Cost
  /** How many times longer parsing takes: the median of the rounds' ratios. */
  readonly ratio: number
}

/** A benchmark, measured. */
export interface MicroRun {
  readonly scenario: string
  readonly summary: string
  /** How many different ones were evaluated in turn. */
  readonly signals: number
  readonly rounds: number
  /** Cores that were busy with other programs. */
  readonly foreignCores: number
  readonly comparisons: readonly Compared[]
}

/** One of the two ways of a comparison, while it is measured. */
interface Way {
  readonly evaluate: Evaluation
  /** Times that a batch goes through all signals. */
  turns: number
  readonly ns: number[]
}

/** Measures all comparisons. Rejects when the signal comes. */
export async function compare(
  { name, summary, comparisons }: MicroBenchmark,
  { warmUpMs, durationMs, progress, signal }: CompareOptions,
): Promise<MicroRun> {
  const measured = comparisons.map((one) => ({
    one,
    compiled: wayOf(one.compiled),
    parsed: wayOf(one.parsed),
  }))
  // Compiled, parsed, compiled, parsed: in this order in every round.
  const ways = measured.flatMap(({ compiled, parsed }) => [compiled, parsed])
  const begin = performance.now()
  const rounds = Math.max(MIN_ROUNDS, Math.round(durationMs / BATCH_MS / ways.length))
  const pause = async (): Promise<void> => {
    progress.show((performance.now() - begin) / (warmUpMs + durationMs), name)
    await nextTurn(undefined, { signal })
  }
  try {
    for (let pass = 0; pass < MIN_WARM_UPS || performance.now() - begin < warmUpMs; pass++) {
      for (const way of ways) {
        warmUp(way)
        await pause()
      }
    }
    const before = busy()
    for (let round = 0; round < rounds; round++) {
      for (const way of ways) {
        measureTime(way)
        await pause()
      }
    }
    const foreignCores = foreignBetween(before, busy())
    const results = measured.map(({ one, compiled, parsed }) => conclude(one, compiled, parsed))
    return { scenario: name, summary, signals: SIGNALS, rounds, foreignCores, comparisons: results }
  } finally {
    progress.end()
  }
}

/** Quartiles of some numbers, of which there is at least one. */
export function quartilesOf(values: readonly number[]): Quartiles {
  const sorted = values.toSorted((left, right) => left - right)
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!
  return { p25: at(0.25), median: at(0.5), p75: at(0.75) }
}

function wayOf(evaluate: Evaluation): Way {
  return { evaluate, turns: 1, ns: [] }
}

/** Everything that is evaluated is kept here until its signal's next turn, so that it must be made. */
const kept: unknown[] = Array.from({ length: SIGNALS })

function run(evaluate: Evaluation, turns: number): void {
  for (let turn = 0; turn < turns; turn++) {
    for (let signal = 0; signal < SIGNALS; signal++) kept[signal] = evaluate(signal)
  }
}

/** Also finds how many turns make a batch. */
function warmUp(way: Way): void {
  const before = performance.now()
  run(way.evaluate, way.turns)
  const ms = performance.now() - before
  way.turns = Math.max(1, Math.round((way.turns * BATCH_MS) / ms))
}

function measureTime({ evaluate, turns, ns }: Way): void {
  const before = threadUs()
  run(evaluate, turns)
  ns.push(((threadUs() - before) * 1_000) / (turns * SIGNALS))
}

function threadUs(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** A garbage collection spoils a sample, not the median. */
function measureBytes({ evaluate }: Way): number {
  const samples = Array.from({ length: HEAP_SAMPLES }, () => {
    const before = process.memoryUsage().heapUsed
    run(evaluate, HEAP_TURNS)
    return (process.memoryUsage().heapUsed - before) / (HEAP_TURNS * SIGNALS)
  })
  return Math.round(quartilesOf(samples).median)
}

function conclude({ name, texts }: Comparison, compiled: Way, parsed: Way): Compared {
  const ratios = compiled.ns.map((ns, round) => parsed.ns[round]! / ns)
  return {
    name,
    texts,
    compiled: { ns: quartilesOf(compiled.ns), bytes: measureBytes(compiled) },
    parsed: { ns: quartilesOf(parsed.ns), bytes: measureBytes(parsed) },
    ratio: quartilesOf(ratios).median,
  }
}

interface Busy {
  readonly atMs: number
  readonly machineUs: number
  readonly ownUs: number
}

function busy(): Busy {
  const { user, system } = process.cpuUsage()
  return { atMs: performance.now(), machineUs: machineBusyUs(), ownUs: user + system }
}

function foreignBetween(before: Busy, after: Busy): number {
  const foreignUs = after.machineUs - before.machineUs - (after.ownUs - before.ownUs)
  return Math.max(0, foreignUs / 1_000 / (after.atMs - before.atMs))
}
