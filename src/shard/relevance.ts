/**
 * Whether a signal reaches the consumers of a connection, who shall acknowledge it. If no target publishes
 * it, nobody can, and it is answered in their place (Ditto documentation, "Weak acknowledgements").
 */
import type { Signal } from '../protocol/signal.ts'
import type { Router } from '../routing/router.ts'
import { WEAK_ANSWER } from '../routing/weak.ts'
import { acknowledge } from './issued-acknowledgement.ts'

/** One per signal of which consumers of the connection are asked for acknowledgements. */
export class Relevance {
  readonly #router: Router
  readonly #signal: Signal
  readonly #labels: readonly string[]
  #undecided: number
  #isRelevant = false

  /** `targets`: how many of them will decide. */
  constructor(router: Router, signal: Signal, labels: readonly string[], targets: number) {
    this.#router = router
    this.#signal = signal
    this.#labels = labels
    this.#undecided = targets
    if (targets === 0) this.#conclude()
  }

  /** One target has decided: it publishes the signal, or it does not. */
  decide(isPublished: boolean): void {
    this.#isRelevant ||= isPublished
    this.#undecided -= 1
    if (this.#undecided === 0) this.#conclude()
  }

  #conclude(): void {
    if (this.#isRelevant) return
    for (const label of this.#labels) {
      acknowledge(this.#router, this.#signal, label, WEAK_ANSWER)
    }
  }
}
