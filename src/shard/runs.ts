/** Consumed messages of one source in a row are mapped together, by each mapper of their source. */
import type { MapResult, MapResults } from '../mapping/mapper.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import type { Consumed } from './settlement.ts'
import type { SourceProgram } from './source.ts'

/** Messages of one source, and what each of its mappers makes of them. */
interface Run {
  readonly program: SourceProgram
  readonly consumed: readonly Consumed[]
  readonly results: readonly MapResults<Adaptable>[]
}

/** The same when all mappers are through. */
export interface MappedRun extends Run {
  readonly results: readonly (readonly MapResult<Adaptable>[])[]
}

/** Each mapper sees each message as it came; a promise when one of them takes its time. */
export function mapRuns(
  consumed: readonly Consumed[],
): readonly MappedRun[] | Promise<readonly MappedRun[]> {
  const runs: Run[] = []
  for (let start = 0; start < consumed.length; ) {
    const { program } = consumed[start]!
    let end = start + 1
    while (end < consumed.length && consumed[end]!.program === program) end++
    const isAll = end - start === consumed.length
    runs.push(mapRun(program, isAll ? consumed : consumed.slice(start, end)))
    start = end
  }
  const isLater = runs.some(({ results }) => results.some((each) => each instanceof Promise))
  return isLater ? allMapped(runs) : (runs as MappedRun[])
}

function mapRun(program: SourceProgram, consumed: readonly Consumed[]): Run {
  const messages = program.messagesOf(consumed.map(({ delivery }) => delivery))
  return {
    program,
    consumed,
    results: program.mappers.map(({ mapper }) => mapper.inbound(messages)),
  }
}

async function allMapped(runs: readonly Run[]): Promise<readonly MappedRun[]> {
  const mapped: MappedRun[] = []
  for (const run of runs) mapped.push({ ...run, results: await Promise.all(run.results) })
  return mapped
}
