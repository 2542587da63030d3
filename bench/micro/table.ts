/** The table of a benchmark that compares compiling once with parsing at each use. */
import { aligned, machineLine } from '../support/lines.ts'
import type { Compared, Cost, MicroRun, Quartiles } from './compare.ts'

/** How many times faster than parsing at each use everything compiled shall be. */
const GOAL = 10

/** Other programs that take more than this make times longer, of both ways. */
const DISTURBING_CORES = 0.15

const HEAD = ['', 'compiled', 'parsed', 'ratio', 'compiled allocates', 'parsed allocates']

/** One run as a table. */
export function microTable({
  scenario,
  summary,
  signals,
  rounds,
  foreignCores,
  comparisons,
}: MicroRun): string {
  const disturbed =
    foreignCores < DISTURBING_CORES
      ? []
      : [
          `Other programs kept ${foreignCores.toFixed(1)} cores busy: trust the ratios, not the times.`,
        ]
  return [
    `${scenario}: ${summary}`,
    `${signals} signals in turn, ${rounds} rounds, CPU time of one thread\n`,
    ...aligned([HEAD, ...comparisons.map(cells)]),
    '',
    '± is half of the range that the middle half of the rounds lies in.',
    goalLine(comparisons),
    ...disturbed,
    machineLine(),
  ].join('\n')
}

function goalLine(comparisons: readonly Compared[]): string {
  const missed = comparisons.filter(({ ratio }) => ratio < GOAL)
  const goal = `Compiled shall be ${GOAL} times faster than parsed`
  if (missed.length === 0) return `${goal}: all are.`
  return `${goal}; not so: ${missed.map(({ name }) => name).join('; ')}.`
}

function cells({ name, compiled, parsed, ratio }: Compared): readonly string[] {
  return [
    name,
    time(compiled.ns),
    time(parsed.ns),
    ratio.toFixed(1),
    bytes(compiled),
    bytes(parsed),
  ]
}

function time({ p25, median, p75 }: Quartiles): string {
  const spreadPercent = ((p75 - p25) / 2 / median) * 100
  return `${Math.round(median)} ns ± ${Math.round(spreadPercent)} %`
}

function bytes(cost: Cost): string {
  return `${cost.bytes} bytes`
}
