/**
 * The twin as the way in sees it: when its store fails (a full disk, for instance), commands wait until it
 * works again, in their order, instead of failing. So does their source, by its window. Knows nothing of
 * where commands come from.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Signal } from '../protocol/signal.ts'
import type { Outcome, Twin } from '../twin/twin.ts'

/** Between two attempts, in milliseconds. */
export const STORE_RETRY_MS = 1_000

/** One per shard. */
export class PatientTwin {
  readonly #twin: Twin
  readonly #onFailure: (thrown: unknown) => void
  readonly #retryMs: number
  readonly #abandon = new AbortController()
  /** Of everything that waits for the store; undefined while it works. */
  #waiting: Promise<unknown> | undefined
  #isFailing = false

  /** `onFailure` hears of every attempt that failed. */
  constructor(twin: Twin, onFailure: (thrown: unknown) => void, retryMs: number = STORE_RETRY_MS) {
    this.#twin = twin
    this.#onFailure = onFailure
    this.#retryMs = retryMs
  }

  /** Whether commands wait because the store failed, and has not worked since. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  /** Outcomes when the store has worked; undefined when it had not until {@link giveUp}. Never rejects. */
  async execute(commands: readonly Signal[]): Promise<readonly Outcome[] | undefined> {
    if (commands.length === 0) return NO_OUTCOMES
    if (this.#waiting === undefined) {
      try {
        return await this.#twin.execute(commands)
      } catch (thrown) {
        this.#failed(thrown)
      }
    }
    return this.#executeLater(commands)
  }

  /** What waits for the store waits no longer. */
  giveUp(): void {
    this.#abandon.abort()
  }

  async #executeLater(commands: readonly Signal[]): Promise<readonly Outcome[] | undefined> {
    const attempts = this.#retry(this.#waiting, commands)
    this.#waiting = attempts
    const outcomes = await attempts
    if (this.#waiting === attempts) this.#waiting = undefined
    return outcomes
  }

  async #retry(
    previous: Promise<unknown> | undefined,
    commands: readonly Signal[],
  ): Promise<readonly Outcome[] | undefined> {
    const { signal } = this.#abandon
    // Whoever waits behind others has nothing to wait for once those are through.
    if (previous === undefined) await pause(this.#retryMs, signal)
    else await previous
    while (!signal.aborted) {
      try {
        const outcomes = await this.#twin.execute(commands)
        // Others may wait in line for long; from here on it is not the store that they wait for.
        this.#isFailing = false
        return outcomes
      } catch (thrown) {
        this.#failed(thrown)
        await pause(this.#retryMs, signal)
      }
    }
    this.#isFailing = false
    return undefined
  }

  #failed(thrown: unknown): void {
    this.#isFailing = true
    this.#onFailure(thrown)
  }
}

const NO_OUTCOMES: readonly Outcome[] = Object.freeze([])

/** Ends early, and quietly, when it is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {})
}
