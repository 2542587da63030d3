/**
 * The seam of the benchmarks that run in this process: things that the gateway compiles once, compared
 * with parsing them at each use.
 */

/** Evaluates for the signal of that number, from 0, and gives what came of it. */
export type Evaluation = (signal: number) => unknown

/** One thing that is compiled, done in both ways. */
export interface Comparison {
  readonly name: string
  /** What is compiled, as it stands in a connection. */
  readonly texts: readonly string[]
  /** Compiled once, before. */
  readonly compiled: Evaluation
  /** Compiled again for this signal. */
  readonly parsed: Evaluation
}

/** A benchmark that starts nothing. */
export interface MicroBenchmark {
  readonly name: string
  /** One line for the help text. */
  readonly summary: string
  readonly comparisons: readonly Comparison[]
}

/** Both ways, of how to compile and how to evaluate. */
export function comparison<Program>(
  name: string,
  texts: readonly string[],
  compile: () => Program,
  evaluate: (program: Program, signal: number) => unknown,
): Comparison {
  const program = compile()
  return {
    name,
    texts,
    compiled: (signal) => evaluate(program, signal),
    parsed: (signal) => evaluate(compile(), signal),
  }
}
