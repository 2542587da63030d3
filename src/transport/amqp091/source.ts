/**
 * The consumption of one queue: a channel of its own, so that its death costs this address only. Comes
 * back by itself, with growing pauses, as long as the session lives. Knows nothing of other addresses.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Channel, ConsumeMessage, Message } from 'amqplib'
import { Backoff, type BackoffLimits } from '../backoff.ts'
import type { AddressStatus, TransportEvents } from '../transport.ts'
import { type Consumed, Ledger, QueueDelivery, type Settling } from './delivery.ts'
import { brokerWords, channelStatus } from './errors.ts'
import { toExternalMessage } from './incoming.ts'
import type { Intake } from './intake.ts'
import { type AmqpLink, closeChannel, FAREWELL_MS } from './link.ts'

/** What a queue's consumption is made from. */
export interface QueueSourceOptions extends BackoffLimits {
  readonly link: AmqpLink
  readonly intake: Intake
  readonly events: TransportEvents
  /** Index of the source in the connection. */
  readonly source: number
  readonly queue: string
  readonly consumers: number
  /** Most unsettled messages per consumer. */
  readonly prefetch: number
  /** Looks whether it could consume. */
  readonly dryRun: boolean
}

/** A channel with its consumers. */
interface Attachment {
  readonly channel: Channel
  readonly ledger: Ledger
  readonly consumerTags: string[]
}

/** One per source address. */
export class QueueSource implements Consumed {
  readonly source: number
  readonly address: string
  readonly #options: QueueSourceOptions
  readonly #backoff: Backoff
  #attachment: Attachment | undefined
  #retry: NodeJS.Timeout | undefined
  #stopped = false
  /** The failure that was logged last: while it lasts, it is not logged again. */
  #logged: string | undefined

  constructor(options: QueueSourceOptions) {
    this.#options = options
    this.#backoff = new Backoff(options)
    this.source = options.source
    this.address = options.queue
  }

  /** Begins to consume. What keeps it from that is returned, reported, and tried again later. */
  async start(): Promise<unknown> {
    this.#retry = undefined
    try {
      await this.#attach()
    } catch (error) {
      this.#failed(error)
      return error
    }
    return undefined
  }

  /** Consumes no more; what was delivered can still be settled. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    if (this.#attachment === undefined) return
    const { channel, consumerTags } = this.#attachment
    // A broker that does not answer, or a channel that is gone, sends nothing more either.
    const cancelled = Promise.allSettled(consumerTags.map((tag) => channel.cancel(tag)))
    await Promise.race([cancelled, pause(FAREWELL_MS, undefined, { ref: false })])
  }

  /** The session ends: tells the broker what was settled so far, and forgets the rest. */
  end(): void {
    this.#stopped = true
    clearTimeout(this.#retry)
    const ledger = this.#attachment?.ledger
    this.#attachment = undefined
    if (ledger === undefined) return
    ledger.flush()
    ledger.end()
  }

  async #attach(): Promise<void> {
    const { link, dryRun, events } = this.#options
    const channel = await link.openChannel()
    const attachment: Attachment = {
      channel,
      ledger: new Ledger(settling(channel)),
      consumerTags: [],
    }
    let failure: unknown
    channel.on('error', (error) => {
      failure = error
    })
    channel.on('close', () => this.#closed(attachment, failure))
    channel.on('handler-error', (error) =>
      events.onLog('failure', `${this.address}: ${error.message}`),
    )
    await channel.checkQueue(this.address)
    if (dryRun) await closeChannel(channel)
    else await this.#consume(attachment)
    this.#opened()
  }

  async #consume(attachment: Attachment): Promise<void> {
    const { consumers, prefetch } = this.#options
    const { channel, consumerTags } = attachment
    this.#attachment = attachment
    // Per consumer: quorum queues know no other window.
    await channel.prefetch(prefetch, false)
    const onMessage = (message: ConsumeMessage | null): void => this.#receive(message, attachment)
    for (let count = 0; count < consumers && !this.#stopped; count++) {
      const { consumerTag } = await channel.consume(this.address, onMessage, { noAck: false })
      consumerTags.push(consumerTag)
    }
    if (this.#stopped) await this.stop()
  }

  #receive(message: ConsumeMessage | null, attachment: Attachment): void {
    if (this.#attachment !== attachment) return
    if (message === null) {
      this.#cancelled(attachment)
      return
    }
    const { ledger } = attachment
    const delivery = new QueueDelivery(
      toExternalMessage(message),
      message.fields.deliveryTag,
      this,
      ledger,
    )
    ledger.add(delivery)
    this.#options.intake.take(delivery)
  }

  #cancelled(attachment: Attachment): void {
    attachment.ledger.flush()
    this.#detach(attachment)
    void closeChannel(attachment.channel)
    const text =
      `Consumer with queue ${this.address} was cancelled. This can happen for example when the ` +
      'queue was deleted.'
    this.#down({ status: 'failed', details: text }, text)
  }

  #closed(attachment: Attachment, failure: unknown): void {
    if (this.#attachment !== attachment) return
    this.#detach(attachment)
    // With the connection all channels close; that is told once, and not by each of them.
    queueMicrotask(() => {
      if (this.#options.link.isOpen && failure !== undefined) this.#failed(failure)
    })
  }

  #detach({ ledger }: Attachment): void {
    this.#attachment = undefined
    ledger.end()
    this.#options.intake.forget(ledger)
  }

  #opened(): void {
    if (this.#stopped) return
    this.#backoff.reset()
    this.#logged = undefined
    const { events, dryRun } = this.#options
    this.#report({ status: 'open', details: `Consumer started at ${new Date().toISOString()}` })
    if (!dryRun) events.onLog('success', `Consume OK for consumer queue ${this.address}`)
  }

  #failed(error: unknown): void {
    if (this.#attachment !== undefined) this.#detach(this.#attachment)
    const words = brokerWords(error)
    this.#down(
      { status: channelStatus(error), details: words },
      `Failed to consume queue ${this.address}: ${words}`,
    )
  }

  #down(state: Pick<AddressStatus, 'status' | 'details'>, text: string): void {
    const { link, events } = this.#options
    // An attempt can fail in several ways at once.
    if (this.#stopped || this.#retry !== undefined || !link.isOpen) return
    this.#report(state)
    if (this.#logged !== text) events.onLog('failure', text)
    this.#logged = text
    this.#retry = setTimeout(() => void this.start(), this.#backoff.nextPauseMs())
  }

  #report(state: Pick<AddressStatus, 'status' | 'details'>): void {
    const { events } = this.#options
    events.onAddressStatus({
      kind: 'source',
      index: this.source,
      address: this.address,
      ...state,
    })
  }
}

/** A channel as a ledger needs it. */
function settling(channel: Channel): Settling {
  // amqplib looks at nothing but the tag.
  const fields = { deliveryTag: 0 }
  const message = { fields } as Message
  return {
    ack(tag, multiple) {
      fields.deliveryTag = tag
      channel.ack(message, multiple)
    },
    nack(tag, multiple, requeue) {
      fields.deliveryTag = tag
      channel.nack(message, multiple, requeue)
    },
  }
}
