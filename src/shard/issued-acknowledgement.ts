/**
 * The acknowledgement that a target issues for one signal. Mappers may make several messages of the
 * signal: it is given once, when the last of them is done, and by the worst of them.
 */
import type { OutboundMetric } from '../monitoring/counters.ts'
import type { DittoError } from '../protocol/errors.ts'
import type { Signal } from '../protocol/signal.ts'
import type { Router } from '../routing/router.ts'
import type { Monitor } from './monitor.ts'

/** The answer for a signal that a target does not publish (Ditto: "weak" acknowledgement). */
export const WEAK_ACK_STATUS = 200

/** Answers a requested label for a signal; whoever collects it may live on another thread. */
export function acknowledge(router: Router, signal: Signal, label: string, status: number): void {
  const { thread, shard, ticket } = signal.ackTo!
  router.acknowledge(thread, shard, [{ ticket, label, status }])
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
    const status = this.#error?.status ?? this.#status ?? WEAK_ACK_STATUS
    acknowledge(this.#router, this.#signal, this.#label, status)
  }
}
