/**
 * A way out of a shard: a bounded queue in front of the transport. While the broker is away or slow,
 * messages wait here; what does not fit is dropped with a count and a reason, unless its sender waits for
 * it. How the queue does is told long before it is full; who waits then is decided elsewhere.
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
  /**
   * Senders wait when the queue fills: what they had taken until then finds room, for it is bounded by
   * their windows.
   */
  readonly blocks: boolean
}

/** Who learns what became of a message. */
export interface Receipt {
  published(outcome: PublishOutcome): void
  /** There was no room for it. */
  dropped(error: DittoError): void
}

/** The queue fills from this share of its limit on … */
const HIGH_WATER = 0.1
/** … and has recovered below this share. */
const LOW_WATER = 0.05
/**
 * Messages that a transport holds unconfirmed. What it holds is lost with its session, what still waits
 * here is not; yet so many fill a line of 50 ms with 20000 messages a second.
 */
export const MAX_IN_FLIGHT = 8 * MAX_BATCH

/** While messages are on their way, a broker that takes none for so long stands still. */
export const STANDSTILL_MS = 5_000

/**
 * How a queue does: it is `free`, or it fills because the broker is `slow`, or `stuck` because the broker
 * is away or stands still. `waiting`: it does not fill yet, but what is in it waits for such a broker.
 */
export type QueueState = 'free' | 'waiting' | 'slow' | 'stuck'

/** Who hears of every change. */
export interface PublisherListener {
  onState(state: QueueState): void
  /** The broker stands still, or takes messages again. */
  onStandstill(standsStill: boolean): void
}

/** One per target of a shard, and one for its replies. */
export class Publisher {
  readonly #limit: number
  readonly #listener: PublisherListener
  readonly #standstillMs: number
  #queue: Outgoing[] = []
  #inFlight = 0
  /** Signals that are still being mapped for this queue. */
  #expected = 0
  #transport: Transport | undefined
  #scheduled = false
  #state: QueueState = 'free'
  #standsStill = false
  /** Since the watch last looked, which it does while the broker is slow. */
  #hasTaken = false
  #watch: NodeJS.Timeout | undefined
  readonly #look = (): void => this.#lookForProgress()
  #closed = false
  #onDrained: (() => void) | undefined

  /** `limit`: messages waiting or unconfirmed. */
  constructor(limit: number, listener: PublisherListener, standstillMs = STANDSTILL_MS) {
    this.#limit = limit
    this.#listener = listener
    this.#standstillMs = standstillMs
  }

  /** The session to publish through; undefined while there is none. */
  connect(transport: Transport | undefined): void {
    this.#transport = transport
    this.#setStandsStill(false)
    this.#schedule()
    this.#measure()
  }

  /** Queues a message; order is kept. */
  enqueue(outgoing: Outgoing): void {
    if (this.#closed) {
      outgoing.receipt.dropped(CLOSED)
      return
    }
    if (!outgoing.blocks && this.#queue.length + this.#inFlight >= this.#limit) {
      outgoing.receipt.dropped(this.fullError)
      return
    }
    this.#queue.push(outgoing)
    this.#schedule()
    this.#measure()
  }

  /** So many signals more, or less, are being mapped and will come here: they count, too. */
  expect(count: number): void {
    this.#expected += count
    if (count < 0) this.#hasTaken = true
    this.#measure()
  }

  /** Whether there is no room for signals that are yet to be mapped. */
  get isFull(): boolean {
    return this.#level >= this.#limit
  }

  /** Why a message finds no room. */
  get fullError(): DittoError {
    return queueFull(this.#limit, this.#transport !== undefined)
  }

  /** Resolves when everything queued was published or refused, or when there is no session to do so. */
  async drained(): Promise<void> {
    if (this.#isDrained) return
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve
    })
  }

  /** Gives up on what still waits, and takes nothing any more. */
  close(): void {
    this.#closed = true
    const abandoned = this.#queue
    this.#queue = []
    for (const { receipt } of abandoned) receipt.dropped(CLOSED)
    this.#measure()
  }

  get #level(): number {
    return this.#queue.length + this.#inFlight + this.#expected
  }

  get #isDrained(): boolean {
    return this.#level === 0 || this.#transport === undefined
  }

  #schedule(): void {
    if (this.#scheduled || this.#transport === undefined || this.#queue.length === 0) return
    this.#scheduled = true
    // What one turn of the event loop produced leaves together.
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    while (this.#transport !== undefined && this.#queue.length > 0) {
      const room = Math.min(MAX_BATCH, MAX_IN_FLIGHT - this.#inFlight)
      if (room <= 0) return
      const batch = this.#queue.splice(0, room)
      this.#inFlight += batch.length
      void this.#publish(this.#transport, batch)
    }
  }

  async #publish(transport: Transport, batch: readonly Outgoing[]): Promise<void> {
    const outcomes = await transport.publish(batch.map(({ message }) => message))
    this.#inFlight -= batch.length
    let taken = 0
    for (let index = 0; index < batch.length; index++) {
      const outcome = outcomes[index]!
      if (outcome.ok) taken += 1
      batch[index]!.receipt.published(outcome)
    }
    if (taken > 0) {
      this.#hasTaken = true
      this.#setStandsStill(false)
    }
    this.#schedule()
    this.#measure()
  }

  /** After every change of the level or of the session. */
  #measure(): void {
    if (this.#isDrained) this.#onDrained?.()
    const state = this.#currentState()
    if (state === this.#state) return
    this.#state = state
    this.#hasTaken = false
    clearTimeout(this.#watch)
    if (state === 'slow') this.#watch = setTimeout(this.#look, this.#standstillMs)
    this.#listener.onState(state)
  }

  #currentState(): QueueState {
    const fills = this.#state === 'slow' || this.#state === 'stuck'
    const standsStill = this.#transport === undefined || this.#standsStill
    if (this.#level >= this.#limit * (fills ? LOW_WATER : HIGH_WATER)) {
      return standsStill ? 'stuck' : 'slow'
    }
    return standsStill && this.#level > 0 ? 'waiting' : 'free'
  }

  #lookForProgress(): void {
    if (this.#hasTaken) {
      this.#hasTaken = false
      this.#watch = setTimeout(this.#look, this.#standstillMs)
    } else {
      this.#setStandsStill(true)
      this.#measure()
    }
  }

  #setStandsStill(standsStill: boolean): void {
    if (standsStill === this.#standsStill) return
    this.#standsStill = standsStill
    this.#listener.onStandstill(standsStill)
  }
}

/** 503 `connectivity:message.sending.failed`: what was not sent when the connection closed. */
export const CLOSED = dittoError(
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
    'Check whether the broker is reachable and keeps up, or raise [connections] target_buffer.',
  )
}
