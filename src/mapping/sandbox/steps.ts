/**
 * Runs what has to be called inside an isolate, on the thread or beside it. A call that takes long would
 * hold up everything else on the thread: other connections, keep-alives. So scripts run on the thread
 * while they are quick, which is the cheapest, and in a thread of isolated-vm's own pool from when they
 * are not. What is to be called, and what follows from the answers, is written once, as a generator.
 */
import type { Reference, ReferenceApplyOptions } from 'isolated-vm'
import type { ScriptRecorder } from '../mapper.ts'
import { QUICK_CALLS_FORGIVE } from './limits.ts'

/** A function inside the isolate, to be called with these arguments. */
export interface Call {
  readonly fn: Reference
  readonly args: readonly unknown[]
  readonly options: ReferenceApplyOptions
}

/** Yields calls, takes what they return or throw, and answers in the end. */
export type Steps<T> = Generator<Call, T, unknown>

/** One per program. */
export class Stepper {
  readonly #definition: string
  readonly #recorder: ScriptRecorder
  readonly #maxHoldMs: number
  /** Calls that have to be quick before the program may run on the thread again. */
  #distrust = 0

  constructor(definition: string, recorder: ScriptRecorder, maxHoldMs: number) {
    this.#definition = definition
    this.#recorder = recorder
    this.#maxHoldMs = maxHoldMs
  }

  /** The answer; a promise when the thread must not wait for it. Throws or rejects what the steps throw. */
  run<T>(steps: Steps<T>): T | Promise<T> {
    let heldMs = 0
    let step = steps.next()
    while (!step.done) {
      if (this.#distrust > 0 || heldMs > this.#maxHoldMs) return this.#runBeside(steps, step.value)
      const startMs = performance.now()
      step = this.#callHere(steps, step.value)
      const tookMs = performance.now() - startMs
      this.#judge(tookMs)
      heldMs += tookMs
    }
    return step.value
  }

  #callHere<T>(steps: Steps<T>, { fn, args, options }: Call): IteratorResult<Call, T> {
    const place = this.#recorder.enter(this.#definition)
    let value: unknown
    try {
      value = fn.applySync(undefined, args as unknown[], options)
    } catch (thrown) {
      this.#recorder.leave(place)
      return steps.throw(thrown)
    }
    this.#recorder.leave(place)
    return steps.next(value)
  }

  async #runBeside<T>(steps: Steps<T>, first: Call): Promise<T> {
    let call = first
    for (;;) {
      const startMs = performance.now()
      const step = await this.#callBeside(steps, call)
      this.#judge(performance.now() - startMs)
      if (step.done) return step.value
      call = step.value
    }
  }

  async #callBeside<T>(
    steps: Steps<T>,
    { fn, args, options }: Call,
  ): Promise<IteratorResult<Call, T>> {
    const place = this.#recorder.enter(this.#definition, true)
    let value: unknown
    try {
      value = await fn.apply(undefined, args as unknown[], options)
    } catch (thrown) {
      this.#recorder.leave(place)
      return steps.throw(thrown)
    }
    this.#recorder.leave(place)
    return steps.next(value)
  }

  #judge(tookMs: number): void {
    if (tookMs > this.#maxHoldMs) this.#distrust = QUICK_CALLS_FORGIVE
    else if (this.#distrust > 0) this.#distrust -= 1
  }
}
