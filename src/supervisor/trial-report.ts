/**
 * What came of a trial, put together from what its process tells, also when a script ended it halfway.
 * Knows no process and runs nothing.
 */
import type { TrialProgress } from '../engine/trial-orders.ts'
import { failed } from '../mapping/trial.ts'
import type { MappingTrial, TrialMapping, TrialResult } from '../mapping/trial-schema.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import type { DittoError } from '../protocol/errors.ts'

/** One per trial. */
export class TrialReport {
  readonly #trial: MappingTrial
  readonly #mappers: readonly string[]
  readonly #mappings: TrialMapping[] = []
  #isCompiled = false
  #toldAtMs = 0

  /** `mappers`: their ids, in the order in which they get a message. */
  constructor(trial: MappingTrial, mappers: readonly string[]) {
    this.#trial = trial
    this.#mappers = mappers
  }

  /** Whether the mappers could be made, so that what happens now is due to a message. */
  get isCompiled(): boolean {
    return this.#isCompiled
  }

  take(progress: TrialProgress): void {
    this.#toldAtMs = performance.now()
    if (progress.kind === 'compiled') this.#isCompiled = true
    else this.#mappings.push(progress.mapping)
  }

  /**
   * The mapper that comes next took the process with it: its message is told so, the others as not
   * tried. `how`: what it did, such as `ended its process`.
   */
  breakOff(how: string): void {
    const count = this.#trial.messages.length * this.#mappers.length
    const last = this.#mappings.length
    if (last === count) return
    const mapper = this.#mapperAt(last)
    const place = `</messages/${Math.floor(last / this.#mappers.length)}>`
    const durationMs = Math.round(performance.now() - this.#toldAtMs)
    this.#mappings.push(failedMapping(mapper, deadly(mapper, place, how), durationMs))
    const untried = notTried(mapper, place, how)
    for (let at = last + 1; at < count; at++) {
      this.#mappings.push(failedMapping(this.#mapperAt(at), untried, 0))
    }
  }

  /** What there is of each message. */
  result(): TrialResult {
    const { direction, messages } = this.#trial
    const { length } = this.#mappers
    const results = messages.map((_, at) => ({
      mappings: this.#mappings.slice(at * length, (at + 1) * length),
    }))
    return { direction, results }
  }

  #mapperAt(at: number): string {
    return this.#mappers[at % this.#mappers.length]!
  }
}

function failedMapping(mapper: string, error: DittoError, durationMs: number): TrialMapping {
  return { mapper, ...failed(error), durationMs, console: [] }
}

function deadly(mapper: string, place: string, how: string): DittoError {
  return {
    ...mappingFailed(undefined),
    message: `The script of mapping definition <${mapper}> ${how} when it was tried out.`,
    description:
      `Check what it does with the message at ${place}: it must come to an end and must not exhaust ` +
      'the memory.',
  }
}

function notTried(mapper: string, place: string, how: string): DittoError {
  return {
    ...mappingFailed(undefined),
    description:
      `The message was not tried: mapping definition <${mapper}> ${how} with the message at ${place}. ` +
      'Try again without that message.',
  }
}
