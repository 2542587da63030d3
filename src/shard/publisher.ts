/**
 * The way out of a shard: a bounded queue in front of the transport. While the broker is away,
 * messages wait here; what does not fit is dropped with a count and a reason. While it is there but
 * slow, senders are asked to wait long before the queue is full.
 */
import { type DittoError, dittoError } from '../protocol/errors.ts'
import {
  MAX_BATCH,
  type OutboundMessage,
  type PublishOutcome,
  type Transport,
} from '../transport/transport.ts'

/** A message on its way out, with whoever wants to know what became of it. */
export interface Outgoing {
  readonly message: OutboundMessage
  /** Told exactly once. */
  readonly receipt: Receipt
}

/** Who learns what became of a message. */
export interface Receipt {
  published(outcome: PublishOutcome): void
  /** There was no room for it. */
  dropped(error: DittoError): void
}

/** Senders are asked to wait from this share of the queue's limit on … */
const HIGH_WATER = 0.1
/** … and may go on below this share. */
const LOW_WATER = 0.05

/** So much more than its limit the queue takes while the broker is connected. */
const OVERSHOOT = 10

/** One per shard. */
export class Publisher {
  readonly #limit: number
  readonly #onCongestion: (congested: boolean) => void
  #queue: Outgoing[] = []
  #inFlight = 0
  #transport: Transport | undefined
  #flushing = false
  #congested = false
  #onEmpty: (() => void) | undefined

  /** `limit`: messages waiting or unconfirmed; `onCongestion` hears of every change. */
  constructor(limit: number, onCongestion: (congested: boolean) => void) {
    this.#limit = limit
    this.#onCongestion = onCongestion
  }

  /** The session to publish through; undefined while there is none. */
  connect(transport: Transport | undefined): void {
    this.#transport = transport
    this.#schedule()
    this.#measure()
  }

  /** Queues a message; order is kept. */
  enqueue(outgoing: Outgoing): void {
    if (this.#queue.length + this.#inFlight >= this.#limitNow) {
      outgoing.receipt.dropped(queueFull(this.#limit, this.#transport !== undefined))
      return
    }
    this.#queue.push(outgoing)
    this.#schedule()
    this.#measure()
  }

  /**
   * While the broker is there its senders are slowed down long before; what they had under way by
   * then is let in.
   */
  get #limitNow(): number {
    return this.#transport === undefined ? this.#limit : this.#limit * OVERSHOOT
  }

  /** Resolves when everything queued was published, or refused. */
  async drained(): Promise<void> {
    if (this.#queue.length + this.#inFlight === 0) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  /** Gives up on what still waits. */
  discard(): void {
    const abandoned = this.#queue
    this.#queue = []
    for (const { receipt } of abandoned) receipt.dropped(CLOSED)
    this.#measure()
  }

  #schedule(): void {
    if (this.#flushing || this.#transport === undefined || this.#queue.length === 0) return
    this.#flushing = true
    // What one turn of the event loop produced leaves together.
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    while (this.#transport !== undefined && this.#queue.length > 0) {
      const batch = this.#queue.splice(0, MAX_BATCH)
      this.#inFlight += batch.length
      void this.#publish(this.#transport, batch)
    }
  }

  async #publish(transport: Transport, batch: readonly Outgoing[]): Promise<void> {
    const outcomes = await transport.publish(batch.map(({ message }) => message))
    this.#inFlight -= batch.length
    batch.forEach(({ receipt }, index) => {
      receipt.published(outcomes[index]!)
    })
    this.#measure()
    if (this.#queue.length + this.#inFlight === 0) this.#onEmpty?.()
  }

  #measure(): void {
    const level = this.#queue.length + this.#inFlight
    const congested =
      this.#transport !== undefined &&
      level >= this.#limit * (this.#congested ? LOW_WATER : HIGH_WATER)
    if (congested === this.#congested) return
    this.#congested = congested
    this.#onCongestion(congested)
  }
}

const CLOSED = dittoError(
  503,
  'connectivity:message.sending.failed',
  'Failed to send message: the connection was closed before the message could be published.',
  'Open the connection; messages for targets are not kept while it is closed.',
)

function queueFull(limit: number, connected: boolean): DittoError {
  return dittoError(
    503,
    'connectivity:message.sending.failed',
    `Failed to send message: ${limit} messages are waiting to be published already` +
      (connected ? '.' : ', and there is no session with the broker.'),
    'Check whether the broker is reachable and keeps up, or raise [connections] max_outbound_queue.',
  )
}
