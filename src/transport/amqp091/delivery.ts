/**
 * Received messages and how they are settled. Delivery tags count up within a channel, and one frame
 * can settle everything up to a tag: what was settled in one turn leaves in as few frames as the order
 * allows.
 */
import type { ExternalMessage } from '../../protocol/external-message.ts'
import { HeldBack } from '../held-back.ts'
import type { Delivery, Settlement } from '../transport.ts'

/** The settling side of a channel. `multiple`: everything unsettled up to this tag. */
export interface Settling {
  ack(tag: number, multiple: boolean): void
  nack(tag: number, multiple: boolean, requeue: boolean): void
}

/** What a delivery belongs to. */
export interface Consumed {
  readonly source: number
  /** The queue. */
  readonly address: string
}

/** One received message. */
export class QueueDelivery implements Delivery {
  readonly message: ExternalMessage
  readonly tag: number
  readonly ledger: Ledger
  readonly #consumed: Consumed
  /** Undefined until it is settled. */
  outcome: Settlement | undefined
  /** The broker may know the outcome … */
  isDue = false
  /** … and does. */
  sent = false
  /** The one that arrived after this one. */
  next: QueueDelivery | undefined

  constructor(message: ExternalMessage, tag: number, consumed: Consumed, ledger: Ledger) {
    this.message = message
    this.tag = tag
    this.#consumed = consumed
    this.ledger = ledger
  }

  get source(): number {
    return this.#consumed.source
  }

  get address(): string {
    return this.#consumed.address
  }

  get sourceAddress(): string {
    return this.#consumed.address
  }

  settle(outcome: Settlement): string | undefined {
    return this.ledger.settle(this, outcome)
  }

  /** Nobody looked at it: the broker gets it back at once. */
  giveBack(): void {
    this.ledger.giveBack(this)
  }
}

const TEXTS: Readonly<Record<Settlement, string>> = {
  accept: 'Sending success acknowledgement: basic.ack.',
  retry: 'Sending negative acknowledgement: basic.nack, requeue=true.',
  reject: 'Sending negative acknowledgement: basic.nack, requeue=false.',
}

/** The unsettled deliveries of one channel, in order of arrival. Ends with its channel. */
export class Ledger {
  readonly #channel: Settling
  #head: QueueDelivery | undefined
  #tail: QueueDelivery | undefined
  /** Settled since the last flush. */
  #settled: QueueDelivery[] = []
  #scheduled = false
  #over = false
  readonly #flushTurn = (): void => this.#flush()
  readonly #failed = new HeldBack<QueueDelivery>((rested) => {
    for (const delivery of rested) this.#due(delivery)
  })

  constructor(channel: Settling) {
    this.#channel = channel
  }

  /** Its channel is gone: the broker delivers again whatever was not settled. */
  get isOver(): boolean {
    return this.#over
  }

  add(delivery: QueueDelivery): void {
    if (this.#tail === undefined) this.#head = delivery
    else this.#tail.next = delivery
    this.#tail = delivery
  }

  /**
   * Notes the outcome, which leaves at the end of the turn, or after a pause when the message shall come
   * again. A second outcome, or a late one, is ignored.
   */
  settle(delivery: QueueDelivery, outcome: Settlement): string | undefined {
    if (this.#over || delivery.outcome !== undefined) return undefined
    delivery.outcome = outcome
    if (outcome === 'retry') this.#failed.hold(delivery)
    else this.#due(delivery)
    return TEXTS[outcome]
  }

  giveBack(delivery: QueueDelivery): void {
    if (this.#over || delivery.outcome !== undefined) return
    delivery.outcome = 'retry'
    this.#due(delivery)
  }

  /** Tells the broker what was settled so far, all of it. */
  flush(): void {
    this.#failed.releaseAll()
    this.#flush()
  }

  #due(delivery: QueueDelivery): void {
    delivery.isDue = true
    this.#settled.push(delivery)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#flushTurn)
  }

  #flush(): void {
    this.#scheduled = false
    if (this.#over || this.#settled.length === 0) return
    try {
      this.#flushFront()
      for (const delivery of this.#settled) {
        if (!delivery.sent) this.#send(delivery, false)
      }
      this.#settled = []
    } catch {
      // The channel is about to go; the broker delivers again what it was not told of.
      this.end()
    }
  }

  /** The channel is gone; settlements have nowhere to go. */
  end(): void {
    this.#over = true
    this.#failed.clear()
    this.#head = undefined
    this.#tail = undefined
    this.#settled = []
  }

  /** Up to the first unsettled delivery, one frame for each run of equal outcomes. */
  #flushFront(): void {
    /** The last delivery of the run that the broker does not know of, and how many there are. */
    let last: QueueDelivery | undefined
    let count = 0
    while (this.#head?.isDue) {
      const delivery = this.#head
      this.#head = delivery.next
      if (delivery.sent) continue
      if (last !== undefined && last.outcome !== delivery.outcome) {
        this.#send(last, count > 1)
        count = 0
      }
      delivery.sent = true
      last = delivery
      count += 1
    }
    if (last !== undefined) this.#send(last, count > 1)
    if (this.#head === undefined) this.#tail = undefined
  }

  #send(delivery: QueueDelivery, multiple: boolean): void {
    delivery.sent = true
    if (delivery.outcome === 'accept') this.#channel.ack(delivery.tag, multiple)
    else this.#channel.nack(delivery.tag, multiple, delivery.outcome === 'retry')
  }
}
