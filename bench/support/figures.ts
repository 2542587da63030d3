/** Benchmarks whose result is a table of their own. */
import { aligned, machineLine } from './lines.ts'
import type { Progress } from './progress.ts'

/** What was measured, ready to be shown. */
export interface Figures {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  readonly notes: readonly string[]
  /** The same for machines. */
  readonly values: unknown
}

/** How to measure. */
export interface FigureOptions {
  readonly durationMs: number
  readonly warmUpMs: number
  readonly progress: Progress
  readonly signal: AbortSignal
}

/** A benchmark that prints a table. */
export interface FigureBenchmark {
  readonly name: string
  /** One line for the help text. */
  readonly summary: string
  run(options: FigureOptions): Promise<Figures>
}

/** One such run. */
export interface FigureRun extends Figures {
  readonly scenario: string
  readonly summary: string
}

/** The run as a table. */
export function figureTable({ scenario, summary, head, rows, notes }: FigureRun): string {
  return [
    `${scenario}: ${summary}\n`,
    ...aligned([head, ...rows]),
    '',
    ...notes,
    machineLine(),
  ].join('\n')
}
