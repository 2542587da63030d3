/**
 * The sending side of a session: spreads batches over the senders of their exchanges and bounds what
 * has no outcome yet. Knows neither sockets nor connecting.
 */
import type { BackoffLimits } from '../backoff.ts'
import { failure, PendingBatch } from '../pending-batch.ts'
import type { OutboundMessage, PublishOutcome } from '../transport.ts'
import type { AmqpLink } from './link.ts'
import { toPublishing } from './outgoing.ts'
import { ExchangeSender, type Unconfirmed } from './sender.ts'

/** Most messages without an outcome. */
const MAX_UNCONFIRMED = 32_768
/** Most bytes of them: waiting for a channel, for the socket, or for the broker's confirmation. */
const MAX_UNCONFIRMED_BYTES = 16 * 1024 * 1024
/** Most exchanges that are published to at the same time; each has a channel. */
const MAX_EXCHANGES = 256

/** What a publisher needs of its session. */
export interface PublisherOptions extends BackoffLimits {
  readonly link: AmqpLink
  readonly timeoutMs: number
  /** An exchange can be published to; or not, for this reason. */
  onExchange(exchange: string, failure: unknown): void
}

/** One per session. */
export class AmqpPublisher {
  readonly #options: PublisherOptions
  /** The one that was used least recently comes first. */
  readonly #senders = new Map<string, ExchangeSender>()
  readonly #batches = new Set<PendingBatch>()
  #constant: ReadonlySet<string> = new Set()
  #unconfirmed = 0
  #unconfirmedBytes = 0
  #isBlocked = false
  #ended: string | undefined = 'There is no session with the broker.'

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** The session is there; resolves when it is known of these exchanges whether they are, too. */
  async begin(exchanges: ReadonlySet<string>): Promise<void> {
    this.#ended = undefined
    this.#constant = exchanges
    await Promise.all([...exchanges].map((exchange) => this.#create(exchange).open()))
  }

  /** The session is gone: whatever is not confirmed fails for this reason. */
  end(reason: string): void {
    this.#ended ??= reason
    for (const batch of this.#batches) batch.fail(reason)
    for (const sender of this.#senders.values()) sender.end()
    this.#senders.clear()
  }

  /** The broker takes nothing for now, or does so again. */
  setBlocked(isBlocked: boolean): void {
    this.#isBlocked = isBlocked
    if (isBlocked) return
    for (const sender of this.#senders.values()) sender.flush()
  }

  /** One outcome per message, in order; never rejects. */
  publish(messages: readonly OutboundMessage[]): Promise<readonly PublishOutcome[]> {
    const batch = new PendingBatch(messages.length)
    const impossible = this.#ended ?? this.#congestion()
    if (impossible !== undefined) {
      batch.fail(impossible)
      return batch.outcomes
    }
    const touched = new Set<ExchangeSender>()
    const { frameBytes } = this.#options.link
    for (let index = 0; index < messages.length; index++) {
      const publishing = toPublishing(messages[index]!, frameBytes)
      if (typeof publishing === 'string') {
        batch.settle(index, failure(400, publishing))
        continue
      }
      const sender = this.#senderOf(publishing.exchange)
      if (sender === undefined) {
        batch.settle(index, TOO_MANY_EXCHANGES)
        continue
      }
      this.#unconfirmed += 1
      this.#unconfirmedBytes += publishing.content.length
      sender.add({ publishing, batch, index })
      touched.add(sender)
    }
    for (const sender of touched) sender.flush()
    if (batch.isOpen) {
      this.#batches.add(batch)
      batch.onFinished(this.#options.timeoutMs, () => this.#batches.delete(batch))
    }
    return batch.outcomes
  }

  #congestion(): string | undefined {
    if (!this.#isFull) return undefined
    for (const sender of this.#senders.values()) sender.sweep()
    return this.#isFull
      ? `${this.#unconfirmed} messages with ${this.#unconfirmedBytes} bytes are unconfirmed already.`
      : undefined
  }

  get #isFull(): boolean {
    return this.#unconfirmed >= MAX_UNCONFIRMED || this.#unconfirmedBytes >= MAX_UNCONFIRMED_BYTES
  }

  #senderOf(exchange: string): ExchangeSender | undefined {
    const known = this.#senders.get(exchange)
    if (known !== undefined) {
      if (!this.#constant.has(exchange)) {
        this.#senders.delete(exchange)
        this.#senders.set(exchange, known)
      }
      return known
    }
    if (this.#senders.size >= MAX_EXCHANGES && !this.#evict()) return undefined
    const sender = this.#create(exchange)
    void sender.open()
    return sender
  }

  #create(exchange: string): ExchangeSender {
    const sender = new ExchangeSender({
      ...this.#options,
      exchange,
      isBlocked: () => this.#isBlocked,
      onDone: (message) => this.#done(message),
      onState: this.#options.onExchange,
    })
    this.#senders.set(exchange, sender)
    return sender
  }

  #evict(): boolean {
    for (const [exchange, sender] of this.#senders) {
      if (!sender.isIdle || this.#constant.has(exchange)) continue
      this.#senders.delete(exchange)
      void sender.close()
      return true
    }
    return false
  }

  #done({ publishing }: Unconfirmed): void {
    this.#unconfirmed -= 1
    this.#unconfirmedBytes -= publishing.content.length
  }
}

const TOO_MANY_EXCHANGES = failure(
  503,
  `${MAX_EXCHANGES} exchanges are being published to already.`,
)
