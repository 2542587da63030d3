/**
 * Sends to one address, or on a link without an address to any: writes messages while there is credit,
 * lets the others wait, and settles each with the broker's outcome. Knows no other sender.
 */
import type { Sender } from 'rhea'
import { failure, type PendingBatch, PUBLISHED } from '../pending-batch.ts'
import type { AttachmentOptions } from './attachment.ts'
import { Attachment } from './attachment.ts'
import { conditionText, type LinkFailure } from './errors.ts'
import type { LinkDelivery, RheaSession, SendingLink } from './rhea.ts'

/** A message as bytes, and where its outcome goes. */
export interface Outgoing {
  readonly bytes: Buffer
  readonly batch: PendingBatch
  readonly index: number
}

/** What a sender is made from. */
export interface SenderOptions
  extends Pick<AttachmentOptions<Sender>, 'requestTimeoutMs' | 'backoff' | 'createSession'> {
  /** Undefined: a link without an address. */
  readonly target: { address: string; capabilities: string } | undefined
  onAttached(): void
  onLost(failure: LinkFailure): void
}

/** `format` of an AMQP message (AMQP 1.0, section 3.2.16). */
const MESSAGE_FORMAT = 0

/** One per link. */
export class AmqpSender {
  readonly #options: SenderOptions
  readonly #attachment: Attachment<Sender>
  /** Not written yet. */
  #waiting: Outgoing[] = []
  #waitingBytes = 0
  /** Written, by delivery id. */
  readonly #unsettled = new Map<number, Outgoing>()
  #link: SendingLink | undefined
  #sent = 0
  /** Grants that the broker took back. */
  #returned = 0
  #reason: string | undefined

  constructor(options: SenderOptions) {
    this.#options = options
    this.#attachment = new Attachment({
      role: 'sender',
      requestTimeoutMs: options.requestTimeoutMs,
      backoff: options.backoff,
      createSession: options.createSession,
      attach: (session) => this.#attach(session),
      onAttached: () => this.#attached(),
      onLost: (lost, isReturning) => this.#lost(lost, isReturning),
    })
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#unsettled.size === 0
  }

  /** Messages without an outcome. */
  get size(): number {
    return this.#waiting.length + this.#unsettled.size
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Attaches; the failure, if that was none. */
  start(): Promise<LinkFailure | undefined> {
    return this.#attachment.start()
  }

  /** Sends as soon as there is credit; what the address cannot take fails at once. */
  send(outgoing: Outgoing): void {
    if (this.#reason !== undefined) {
      outgoing.batch.settle(outgoing.index, failure(503, this.#reason))
      return
    }
    const limit = this.#link?.max_message_size ?? 0
    if (limit > 0 && outgoing.bytes.length > limit) {
      const words = `The message has ${outgoing.bytes.length} bytes; the broker takes ${limit}.`
      outgoing.batch.settle(outgoing.index, failure(400, words))
      return
    }
    this.#waiting.push(outgoing)
    this.#waitingBytes += outgoing.bytes.length
    this.#write()
  }

  /** Detaches; whatever has no outcome fails for this reason. */
  end(reason: string): void {
    this.#fail(reason)
    this.#attachment.end()
  }

  #attach(session: RheaSession): SendingLink {
    const link = session.attach_sender({
      target: this.#options.target ?? {},
      // Every message gets an outcome, and is settled with it (AMQP 1.0, section 2.6.12).
      snd_settle_mode: 0,
      rcv_settle_mode: 0,
      autosettle: true,
      treat_modified_as_released: false,
    } as Parameters<RheaSession['attach_sender']>[0]) as SendingLink
    link.on('sendable', () => this.#write())
    link.on('sender_draining', () => this.#returnCredit(link))
    link.on('accepted', ({ delivery }: Settled) => this.#settle(delivery, undefined))
    link.on('rejected', ({ delivery }: Settled) => {
      const error = delivery.remote_state?.error
      this.#settle(delivery, `The broker rejected the message: ${conditionText(error ?? {})}.`)
    })
    link.on('released', ({ delivery }: Settled) => {
      this.#settle(delivery, 'The broker released the message: it does not want it now.')
    })
    link.on('modified', ({ delivery }: Settled) => {
      this.#settle(delivery, 'The broker could not deliver the message (outcome modified).')
    })
    link.on('settled', ({ delivery }: Settled) => {
      this.#settle(delivery, 'The broker settled the message without an outcome.')
    })
    return link
  }

  #attached(): void {
    this.#link = this.#attachment.link as SendingLink
    this.#sent = 0
    this.#returned = 0
    this.#reason = undefined
    this.#options.onAttached()
    this.#write()
  }

  /** Brokers end a link for one message that they do not like; what has not left may still do so. */
  #lost(lost: LinkFailure, isReturning: boolean): void {
    const reason = `The address cannot be sent to: ${lost.reason} Is the target or reply-to address correct?`
    if (isReturning) this.#failSent(reason)
    else this.#fail(reason)
    this.#options.onLost(lost)
  }

  #fail(reason: string): void {
    this.#reason = reason
    const outcome = failure(503, reason)
    for (const { batch, index } of this.#waiting) batch.settle(index, outcome)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#failSent(reason)
  }

  #failSent(reason: string): void {
    this.#link = undefined
    const outcome = failure(503, reason)
    for (const { batch, index } of this.#unsettled.values()) batch.settle(index, outcome)
    this.#unsettled.clear()
  }

  #settle(delivery: LinkDelivery, reason: string | undefined): void {
    const outgoing = this.#unsettled.get(delivery.id)
    if (outgoing === undefined) return
    this.#unsettled.delete(delivery.id)
    // A broker that leaves the last word to us gets it.
    if (!delivery.remote_settled) delivery.update(true)
    outgoing.batch.settle(outgoing.index, reason === undefined ? PUBLISHED : failure(503, reason))
  }

  #write(): void {
    const link = this.#link
    if (link === undefined) return
    let written = 0
    while (written < this.#waiting.length && this.#credit(link) > 0 && link.sendable()) {
      const outgoing = this.#waiting[written]!
      written += 1
      this.#waitingBytes -= outgoing.bytes.length
      // Its sender waits no longer.
      if (!outgoing.batch.isOpen) continue
      const delivery = link.send(outgoing.bytes, undefined, MESSAGE_FORMAT)
      this.#sent += 1
      this.#unsettled.set(delivery.id, outgoing)
    }
    if (written > 0) this.#waiting.splice(0, written)
  }

  /** rhea counts a message when it is written to the socket, a tick after it was sent. */
  #credit(link: SendingLink): number {
    const unwritten = this.#sent - (link.delivery_count - this.#returned)
    return link.credit - unwritten
  }

  /** The broker wants unused credit back (AMQP 1.0, section 2.6.7). */
  #returnCredit(link: SendingLink): void {
    if (link !== this.#link || this.#credit(link) !== link.credit) return
    this.#returned += link.credit
    link.set_drained(true)
  }
}

interface Settled {
  readonly delivery: LinkDelivery
}
