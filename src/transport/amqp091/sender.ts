/**
 * Publishing to one exchange: a confirm channel of its own, because a broker closes the whole channel
 * for one message that it cannot take. Comes back by itself. Knows nothing of other exchanges.
 */
import type { ConfirmChannel, Message } from 'amqplib'
import { Backoff, type BackoffLimits } from '../backoff.ts'
import { failure, type PendingBatch, PUBLISHED } from '../pending-batch.ts'
import type { PublishOutcome } from '../transport.ts'
import { brokerWords } from './errors.ts'
import { FrameWriter, framesBytes } from './frames.ts'
import { type AmqpLink, closeChannel } from './link.ts'
import type { Publishing } from './outgoing.ts'

/** A message without an outcome. */
export interface Unconfirmed {
  readonly publishing: Publishing
  readonly batch: PendingBatch
  readonly index: number
}

/** What a sender needs of its publisher. */
export interface SenderOptions extends BackoffLimits {
  readonly link: AmqpLink
  readonly exchange: string
  /** The broker takes nothing for now. */
  isBlocked(): boolean
  /** A message is neither waiting nor unconfirmed any more. */
  onDone(message: Unconfirmed): void
  /** The exchange can be published to; or not, for this reason. */
  onState(exchange: string, failure: unknown): void
}

const NEGATIVE = failure(503, 'Received negative confirm from the external broker.')

/** Messages are written together as long as they have no more bytes than this. */
const CHUNK_BYTES = 64 * 1024
/** Chunks that amqplib may hold back before we do. */
const BUFFERED_CHUNKS = 16

/** One per exchange. */
export class ExchangeSender {
  readonly exchange: string
  readonly #options: SenderOptions
  readonly #backoff: Backoff
  #channel: ConfirmChannel | undefined
  #waiting: Unconfirmed[] = []
  /** By the numbers that publisher confirms count with; in this order. */
  readonly #unconfirmed = new Map<number, Unconfirmed>()
  #nextTag = 1
  /** amqplib's buffer is full. */
  #isFull = false
  /** While set, everything fails at once for this reason. */
  #impossible: string | undefined
  /** The broker closed the channel over a message, and has taken none since. */
  #isSuspect = false
  #retry: NodeJS.Timeout | undefined
  #openedAt = Number.NEGATIVE_INFINITY
  #over = false

  constructor(options: SenderOptions) {
    this.#options = options
    this.#backoff = new Backoff(options)
    this.exchange = options.exchange
  }

  /** Whether nothing would be lost with it. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#unconfirmed.size === 0
  }

  /** Opens the channel; resolves when it is known whether the exchange can be published to. */
  async open(): Promise<void> {
    try {
      await this.#open()
    } catch (error) {
      this.#refused(error)
    }
  }

  /** Takes a message; leaves with the next {@link flush}. */
  add(message: Unconfirmed): void {
    if (this.#impossible === undefined) {
      this.#waiting.push(message)
    } else {
      this.#settle(message, failure(503, this.#impossible))
    }
  }

  /** Writes what waits, as far as broker and socket take it. */
  flush(): void {
    const channel = this.#channel
    if (channel === undefined || this.#options.isBlocked()) return
    let written = 0
    while (written < this.#waiting.length && !this.#isFull) {
      written = this.#writeChunk(channel, written)
    }
    this.#waiting = this.#waiting.slice(written)
  }

  /** Forgets what waited longer than its sender. */
  sweep(): void {
    const [alive, late] = [[] as Unconfirmed[], [] as Unconfirmed[]]
    for (const message of this.#waiting) (message.batch.isOpen ? alive : late).push(message)
    this.#waiting = alive
    for (const message of late) this.#options.onDone(message)
  }

  /** Publishes no more. */
  end(): void {
    this.#over = true
    clearTimeout(this.#retry)
    this.#channel = undefined
    this.#unconfirmed.clear()
    this.#waiting = []
  }

  /** Ends and gives the channel back. */
  async close(): Promise<void> {
    const channel = this.#channel
    this.end()
    if (channel !== undefined) await closeChannel(channel)
  }

  async #open(): Promise<void> {
    const { link, exchange } = this.#options
    const channel = await link.openConfirmChannel({ highWaterMark: BUFFERED_CHUNKS })
    let failed: unknown
    channel.on('error', (error) => {
      failed = error
    })
    channel.on('close', () => this.#closed(channel, failed))
    channel.on('ack', (confirm) => {
      if (this.#isSuspect) this.#acquitted()
      this.#confirm(confirm, PUBLISHED)
    })
    channel.on('nack', (confirm) => this.#confirm(confirm, NEGATIVE))
    channel.on('return', (message) => this.#returned(message))
    channel.on('drain', () => {
      this.#isFull = false
      this.flush()
    })
    if (exchange !== '') await channel.checkExchange(exchange)
    if (this.#over) {
      await closeChannel(channel)
      return
    }
    this.#channel = channel
    this.#nextTag = 1
    this.#isFull = false
    this.#impossible = undefined
    this.#openedAt = performance.now()
    if (!this.#isSuspect) this.#options.onState(exchange, undefined)
    this.flush()
  }

  /** Writes waiting messages from the index `first` on; returns the first one that was left. */
  #writeChunk(channel: ConfirmChannel, first: number): number {
    const { link } = this.#options
    const { frameBytes } = link
    let end = first
    let bytes = 0
    while (end < this.#waiting.length && bytes < CHUNK_BYTES) {
      bytes += framesBytes(this.#waiting[end++]!.publishing, frameBytes)
    }
    const frames = new FrameWriter(bytes, link.numberOf(channel), frameBytes)
    for (let index = first; index < end; index++) {
      const message = this.#waiting[index]!
      if (message.batch.isOpen) {
        frames.write(message.publishing)
        this.#unconfirmed.set(this.#nextTag++, message)
      } else {
        this.#options.onDone(message)
      }
    }
    if (!frames.isEmpty) this.#isFull = !link.write(channel, frames.bytes)
    return end
  }

  #confirm(confirm: { deliveryTag: number; multiple: boolean }, outcome: PublishOutcome): void {
    const { deliveryTag, multiple } = confirm
    if (!multiple) {
      this.#take(deliveryTag, outcome)
      return
    }
    for (const tag of this.#unconfirmed.keys()) {
      if (tag > deliveryTag) return
      this.#take(tag, outcome)
    }
  }

  /**
   * Basic.return names no number. The broker returns messages in the order in which they were published
   * and before it confirms them, so it is the first unconfirmed one that looks the same.
   */
  #returned(returned: Message): void {
    const { replyCode, replyText, routingKey } = returned.fields as unknown as ReturnFields
    const { content, properties } = returned
    for (const [tag, { publishing }] of this.#unconfirmed) {
      if (publishing.routingKey !== routingKey) continue
      if (publishing.properties.correlationId !== properties.correlationId) continue
      if (!publishing.content.equals(content)) continue
      const reason = `Received basic.return from the external broker: ${replyCode} ${replyText}`
      this.#take(tag, failure(503, reason))
      return
    }
  }

  #take(tag: number, outcome: PublishOutcome): void {
    const message = this.#unconfirmed.get(tag)
    // A message that was returned is confirmed, too.
    if (message === undefined) return
    this.#unconfirmed.delete(tag)
    this.#settle(message, outcome)
  }

  #closed(channel: ConfirmChannel, error: unknown): void {
    if (this.#channel !== channel) return
    this.#channel = undefined
    // With the connection all channels close; then the publisher ends as a whole.
    queueMicrotask(() => {
      if (!this.#over && this.#options.link.isOpen) this.#died(error)
    })
  }

  /** The broker closed the channel, for one of the messages on it. What has not left may still do so. */
  #died(error: unknown): void {
    const outcome = failure(503, brokerWords(error))
    for (const message of this.#unconfirmed.values()) this.#settle(message, outcome)
    this.#unconfirmed.clear()
    this.#isSuspect = true
    this.#options.onState(this.exchange, error)
    const lived = performance.now() - this.#openedAt
    if (lived > this.#options.backoffMinMs) {
      this.#backoff.reset()
      void this.open()
    } else {
      this.#reopenLater()
    }
  }

  #acquitted(): void {
    this.#isSuspect = false
    this.#options.onState(this.exchange, undefined)
  }

  /** There is no use in trying before a pause. */
  #refused(error: unknown): void {
    const { link, exchange, onState } = this.#options
    if (this.#over || !link.isOpen) return
    this.#impossible = brokerWords(error)
    // Whether the exchange can be opened tells enough.
    this.#isSuspect = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const message of waiting) this.#settle(message, failure(503, this.#impossible))
    this.#reopenLater()
    onState(exchange, error)
  }

  #reopenLater(): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => void this.open(), this.#backoff.nextPauseMs())
  }

  #settle(message: Unconfirmed, outcome: PublishOutcome): void {
    message.batch.settle(message.index, outcome)
    this.#options.onDone(message)
  }
}

interface ReturnFields {
  readonly replyCode: number
  readonly replyText: string
  readonly routingKey: string
}
