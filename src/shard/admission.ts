/**
 * Counts what a shard has taken and not yet settled. Neither the clients' defaults nor the brokers
 * bound that, so the shard does: at the limit, or while a receiver of its signals is congested, the
 * transport stops taking; it goes on when half of the limit is free again.
 */
import type { Relief } from '../routing/router.ts'

/** What admission may do to a transport. */
export interface Intake {
  pause(): void
  resume(): void
}

/** One per shard; the intake changes with each session, the count does not. */
export class Admission {
  readonly #limit: number
  readonly #reliefs = new Set<Relief>()
  #unsettled = 0
  #congested = false
  #paused = false
  #intake: Intake | undefined
  #onIdle: (() => void) | undefined

  /** `limit`: unsettled messages at which the intake pauses. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get unsettled(): number {
    return this.#unsettled
  }

  /** Controls this intake from now on; undefined while there is no session. */
  control(intake: Intake | undefined): void {
    this.#intake = intake
    if (this.#paused) intake?.pause()
  }

  take(count: number): void {
    this.#unsettled += count
    this.#decide()
  }

  release(count: number): void {
    this.#unsettled -= count
    this.#decide()
    if (this.#unsettled === 0) this.#onIdle?.()
  }

  /** Pauses the intake while the shard's own way out is congested, as messages cause replies. */
  set congested(congested: boolean) {
    this.#congested = congested
    this.#decide()
  }

  /**
   * Pauses the intake until a congested receiver can take more, however few are unsettled; resolves
   * then.
   */
  async waitFor(relief: Relief): Promise<void> {
    if (this.#reliefs.has(relief)) return relief
    this.#reliefs.add(relief)
    this.#decide()
    await relief
    this.#reliefs.delete(relief)
    this.#decide()
  }

  /** Resolves when nothing is unsettled. */
  async idle(): Promise<void> {
    if (this.#unsettled === 0) return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  #decide(): void {
    const congested = this.#congested || this.#reliefs.size > 0
    const full = this.#unsettled >= this.#limit
    const roomy = this.#unsettled <= this.#limit / 2
    if (!this.#paused && (full || congested)) {
      this.#paused = true
      this.#intake?.pause()
    } else if (this.#paused && roomy && !congested) {
      this.#paused = false
      this.#intake?.resume()
    }
  }
}
