/**
 * Runs what has to be called inside an isolate, on the thread or beside it. A call that takes long would
 * hold up everything else on the thread: other connections, keep-alives. So scripts run in a thread of
 * isolated-vm's own pool until they have proved to be quick, then on the thread, which is the cheapest,
 * and beside it again from when they are not quick any more. What is to be called, and what follows from
 * the answers, is written once, as a generator.
 */
import type { Reference, ReferenceApplyOptions } from 'isolated-vm'
import type { ScriptRecorder } from '../mapper.ts'
import { QUICK_CALLS } from './limits.ts'

/** A function inside the isolate, to be called with these arguments. */
export interface Call {
  readonly fn: Reference
  readonly args: readonly unknown[]
  readonly options: ReferenceApplyOptions
}

/** Yields calls, takes what they return or throw, and answers in the end. */
export type Steps<T> = Generator<Call, T, unknown>

/** What runs steps is made from. */
export interface StepperOptions {
  /** Id of the mapping definition, for the recorder. */
  readonly definition: string
  readonly recorder: ScriptRecorder
  readonly maxHoldMs: number
  /** The time that the isolate has worked so far, in milliseconds; none when it is gone. */
  readonly workedMs: () => number | undefined
}

/** One per program. */
export class Stepper {
  readonly #options: StepperOptions
  /** Calls that have to be quick before the program may run on the thread. */
  #distrust: number

  constructor(options: StepperOptions) {
    this.#options = options
    this.#distrust = options.maxHoldMs === Number.POSITIVE_INFINITY ? 0 : QUICK_CALLS
  }

  /** The answer; a promise when the thread must not wait for it. Throws or rejects what the steps throw. */
  run<T>(steps: Steps<T>): T | Promise<T> {
    let heldMs = 0
    let step = steps.next()
    while (!step.done) {
      if (this.#distrust > 0 || heldMs > this.#options.maxHoldMs) {
        return this.#runBeside(steps, step.value)
      }
      const before = this.#options.workedMs()
      step = this.#callHere(steps, step.value)
      heldMs += this.#judge(before)
    }
    return step.value
  }

  #callHere<T>(steps: Steps<T>, { fn, args, options }: Call): IteratorResult<Call, T> {
    const { recorder, definition } = this.#options
    const place = recorder.enter(definition)
    let value: unknown
    try {
      value = fn.applySync(undefined, args as unknown[], options)
    } catch (thrown) {
      recorder.leave(place)
      return steps.throw(thrown)
    }
    recorder.leave(place)
    return steps.next(value)
  }

  async #runBeside<T>(steps: Steps<T>, first: Call): Promise<T> {
    let call = first
    for (;;) {
      const before = this.#options.workedMs()
      const step = await this.#callBeside(steps, call)
      this.#judge(before)
      if (step.done) return step.value
      call = step.value
    }
  }

  async #callBeside<T>(
    steps: Steps<T>,
    { fn, args, options }: Call,
  ): Promise<IteratorResult<Call, T>> {
    const { recorder, definition } = this.#options
    const place = recorder.enter(definition)
    let value: unknown
    try {
      value = await fn.apply(undefined, args as unknown[], options)
    } catch (thrown) {
      recorder.leave(place)
      return steps.throw(thrown)
    }
    recorder.leave(place)
    return steps.next(value)
  }

  /** What a call that began at `before` has cost, in milliseconds; without an isolate it was too much. */
  #judge(before: number | undefined): number {
    const now = this.#options.workedMs()
    const tookMs =
      before === undefined || now === undefined ? Number.POSITIVE_INFINITY : now - before
    if (tookMs > this.#options.maxHoldMs) this.#distrust = QUICK_CALLS
    else if (this.#distrust > 0) this.#distrust -= 1
    return tookMs
  }
}
