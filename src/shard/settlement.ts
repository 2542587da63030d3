/**
 * When and how a consumed message is settled (Ditto documentation, "Acknowledgements – QoS"): once
 * everything that was asked of it has an answer, by the worst of the answers.
 */
import type { InboundMetric } from '../monitoring/counters.ts'
import { type DittoError, dittoError } from '../protocol/errors.ts'
import type { Signal } from '../protocol/signal.ts'
import type { Delivery, Settlement } from '../transport/transport.ts'
import { requestsAcknowledgements } from './ack-requests.ts'
import type { Monitor } from './monitor.ts'
import type { SourceProgram } from './source.ts'

/** A consumed message on its way to settlement. */
export class Consumed {
  readonly delivery: Delivery
  readonly program: SourceProgram
  readonly monitor: Monitor<InboundMetric>
  #waiting = 0
  #settlement: Settlement = 'accept'
  #worst = 0
  /** What got the worst answer. */
  #failed: Signal | undefined
  #settled = false

  constructor(delivery: Delivery, program: SourceProgram) {
    this.delivery = delivery
    this.program = program
    this.monitor = program.monitor(delivery.sourceAddress)
  }

  /** Notes that acknowledgements of others are awaited; each needs an {@link arrived}. */
  wait(): void {
    this.#waiting += 1
  }

  arrived(): void {
    this.#waiting -= 1
  }

  /** Takes the status of one answer into account; only signals that request acknowledgements count. */
  concluded(signal: Signal, status: number): void {
    if (status < 400 || status === PRECONDITION_FAILED) return
    if (!requestsAcknowledgements(signal.adaptable.headers)) return
    if (status > this.#worst) {
      this.#worst = status
      this.#failed = signal
    }
    if (mayHealByItself(status)) this.#settlement = 'retry'
    else if (this.#settlement === 'accept') this.#settlement = 'reject'
  }

  /** Settles once nothing is awaited any more; true when this call did it. */
  settle(): boolean {
    if (this.#settled || this.#waiting > 0) return false
    this.#settled = true
    const { message, address } = this.delivery
    const { redeliveries } = this.program
    if (this.#settlement === 'accept') {
      redeliveries.forget(address, message)
      this.monitor.success('acknowledged', message, this.delivery.settle('accept'))
    } else if (this.#settlement === 'retry' && !redeliveries.allow(address, message)) {
      this.#settleAs('reject', gaveUp(this.#worst))
    } else {
      this.#settleAs(this.#settlement, negative(this.#worst))
    }
    return true
  }

  #settleAs(outcome: Settlement, error: DittoError): void {
    const { delivery } = this
    const settled = delivery.settle(outcome)
    const text = settled === undefined ? error.message : `${settled} ${error.message}`
    const subject = this.#failed ?? delivery.message
    this.monitor.failure('acknowledged', subject, error, text, delivery.message)
  }
}

const PRECONDITION_FAILED = 412
const TIMED_OUT = 408
const FAILED_DEPENDENCY = 424

function mayHealByItself(status: number): boolean {
  return status === TIMED_OUT || status === FAILED_DEPENDENCY || status >= 500
}

/** Text of the log entry of a message that was delivered too often. */
function gaveUp(status: number): DittoError {
  return dittoError(
    status,
    'acknowledgement:failed',
    `A requested acknowledgement was answered with status ${status}, as often as [connections] ` +
      'max_redeliveries allows: the message is not delivered again.',
    'Look where the broker puts rejected messages, or raise the limit.',
  )
}

function negative(status: number): DittoError {
  return dittoError(
    status,
    'acknowledgement:failed',
    `A requested acknowledgement was answered with status ${status}.`,
    'See the response at the reply target, or the log entries with the same correlation id.',
  )
}
