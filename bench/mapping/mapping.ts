/** What a mapping costs: isolated as in production, in plain V8, and in Rhino. */
import type { FigureBenchmark, Figures } from '../support/figures.ts'
import { isolated, type Mapping, plain } from './here.ts'
import { hasRhino, INSTALL, rhinoNs } from './rhino.ts'
import { MAPPING_CASES, type MappingCase } from './scripts.ts'

/** Messages that a shard maps at once under load. */
const BATCH = 128
/** CPU time of a thread is known to about a millisecond: a round is much longer. */
const ROUND_MS = 40

export const mapping: FigureBenchmark = {
  name: 'mapping',
  summary:
    'scripts: isolated as in production, in plain V8, and in Rhino as Eclipse Ditto runs them',
  run: ({ durationMs, progress }) => {
    const withRhino = hasRhino()
    const share = durationMs / MAPPING_CASES.length / 4
    const rows = MAPPING_CASES.map((one, at) => {
      progress.show(at / MAPPING_CASES.length, one.name)
      const batched = nsOf(isolated(one, BATCH), share)
      const single = nsOf(isolated(one, 1), share)
      const bare = nsOf(plain(one), share)
      const rhino = withRhino ? rhinoNs(one, share) : undefined
      return { one, batched, single, bare, rhino }
    })
    progress.end()
    const figures: Figures = {
      head: ['', `in batches of ${BATCH}`, 'one at a time', 'plain V8', 'Rhino', 'Rhino / Sluice'],
      rows: rows.map(({ one, batched, single, bare, rhino }) => [
        one.name,
        figure(batched),
        figure(single),
        figure(bare),
        rhino === undefined ? '–' : figure(rhino),
        rhino === undefined ? '–' : verdict(one, rhino / batched),
      ]),
      notes: [
        'CPU time of one mapping, and mappings per second of one core: from the external message to the',
        'signal; in Rhino to the JSON of the signal. The fastest of many rounds: others on the machine make',
        'rounds slower, nothing makes them faster.',
        ...(withRhino ? [] : [`Rhino is not here: ${INSTALL}`]),
      ],
      values: rows.map(({ one, ...ns }) => ({ name: one.name, ...ns })),
    }
    return Promise.resolve(figures)
  },
}

function verdict({ goal }: MappingCase, ratio: number): string {
  return `${ratio.toFixed(1)} (goal ${goal}: ${ratio >= goal ? 'met' : 'missed'})`
}

function figure(ns: number): string {
  return `${(ns / 1_000).toFixed(2)} µs, ${Math.round(1e9 / ns / 1_000)}k/s`
}

/** CPU time of one mapping in nanoseconds: that of the round which was disturbed least. */
function nsOf(run: Mapping, durationMs: number): number {
  const warmUntil = performance.now() + durationMs / 3
  while (performance.now() < warmUntil) run()
  const rounds: number[] = []
  const end = performance.now() + durationMs
  while (performance.now() < end || rounds.length < 5) rounds.push(round(run))
  return Math.min(...rounds)
}

function round(run: Mapping): number {
  const before = threadUs()
  const end = performance.now() + ROUND_MS
  let mapped = 0
  while (performance.now() < end) mapped += run()
  return ((threadUs() - before) * 1_000) / mapped
}

function threadUs(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}
