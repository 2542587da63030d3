/**
 * The acknowledgement that a target issues for one signal. Mappers may make several messages of the
 * signal: it is given once, when the last of them is done, and by the worst of them.
 */
import type { OutboundMetric } from '../monitoring/counters.ts'
import type { DittoError } from '../protocol/errors.ts'
import { errorJson } from '../protocol/responses.ts'
import type { Signal } from '../protocol/signal.ts'
import type { LabelAnswer, Router } from '../routing/router.ts'
import { WEAK_ANSWER } from '../routing/weak.ts'
import type { Monitor } from './monitor.ts'

/** Answers a requested label for a signal; whoever collects it may live on another thread. */
export function acknowledge(
  router: Router,
  signal: Signal,
  label: string,
  answer: LabelAnswer,
): void {
  const { thread, shard, ticket } = signal.ackTo!
  router.acknowledge(thread, shard, [{ ticket, label, ...answer }])
}

/** The answer of a target that could not publish a signal. */
export function negative(error: DittoError): LabelAnswer {
  return { status: error.status, payload: errorJson(error) }
}

/** One per signal whose acknowledgement by the target was requested. */
export class IssuedAcknowledgement {
  readonly #router: Router
  readonly #monitor: Monitor<OutboundMetric>
  readonly #signal: Signal
  readonly #label: string
  /** Whoever maps the signal, and each of its messages. */
  #awaited = 1
  #status: number | undefined
  #error: DittoError | undefined

  constructor(router: Router, monitor: Monitor<OutboundMetric>, signal: Signal, label: string) {
    this.#router = router
    this.#monitor = monitor
    this.#signal = signal
    this.#label = label
  }

  /** One more message is on its way; it will have {@link succeeded} or {@link failed}. */
  expect(): void {
    this.#awaited += 1
  }

  /** All messages are on their way. */
  mapped(): void {
    this.#arrive()
  }

  /** A message that should have been cannot be sent at all. */
  refused(error: DittoError): void {
    this.expect()
    this.failed(error)
  }

  succeeded(status: number): void {
    this.#status = Math.max(this.#status ?? 0, status)
    this.#arrive()
  }

  failed(error: DittoError): void {
    if (this.#error === undefined || error.status > this.#error.status) this.#error = error
    this.#arrive()
  }

  #arrive(): void {
    this.#awaited -= 1
    if (this.#awaited > 0) return
    if (this.#error !== undefined) {
      this.#monitor.failure('acknowledged', this.#signal, this.#error)
    } else if (this.#status !== undefined) {
      this.#monitor.success('acknowledged', this.#signal)
    }
    acknowledge(this.#router, this.#signal, this.#label, this.#answer())
  }

  /** Without any message the signal does not concern the target. */
  #answer(): LabelAnswer {
    if (this.#error !== undefined) return negative(this.#error)
    return this.#status === undefined ? WEAK_ANSWER : { status: this.#status }
  }
}
