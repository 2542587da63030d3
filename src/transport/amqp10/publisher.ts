/**
 * The sending side of a session: finds the sender of each message's address and puts the outcomes of a
 * batch together. Constant addresses of targets have a sender from the beginning; others share a link
 * without an address when the broker offers that (ANONYMOUS-RELAY), or get one that goes when others are
 * needed. Knows neither sockets nor connecting.
 */

import type { Connection } from '../../connection/types.ts'
import { hasExpressions } from '../../expression/template.ts'
import type { BackoffLimits } from '../backoff.ts'
import { failure, PendingBatch } from '../pending-batch.ts'
import type {
  AddressStatus,
  OutboundMessage,
  PublishOutcome,
  TransportEvents,
} from '../transport.ts'
import { type AmqpAddress, parseAddress, terminus } from './address.ts'
import type { LinkFailure } from './errors.ts'
import { encodeOutbound } from './outgoing.ts'
import type { RheaSession } from './rhea.ts'
import { AmqpSender } from './sender.ts'

/** Most senders for addresses that come and go. */
const MAX_DYNAMIC_SENDERS = 100
/** Most messages without an outcome. */
const MAX_OUTSTANDING = 10_000
/** Most bytes that may wait for credit or for a slow socket. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024

/** What a publisher is made from. */
export interface PublisherOptions {
  readonly connection: Connection
  readonly events: TransportEvents
  readonly backoff: BackoffLimits
  readonly dryRun: boolean
  readonly sendTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly offersAnonymousRelay: boolean
  createSession(): RheaSession
  /** Bytes that the socket has not taken yet. */
  waitingBytes(): number
}

interface Route {
  readonly address: AmqpAddress
  readonly sender: AmqpSender
  readonly isAnonymous: boolean
}

/** One per session. */
export class AmqpPublisher {
  readonly #options: PublisherOptions
  readonly #constant = new Map<string, Route>()
  /** In the order of last use. */
  readonly #dynamic = new Map<string, Route>()
  #relay: AmqpSender | undefined
  readonly #batches = new Set<PendingBatch>()
  #ended: string | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Attaches the senders of constant addresses; resolves when each has been tried. */
  async open(): Promise<void> {
    const { targets } = this.#options.connection
    const indexes = new Map<string, number[]>()
    targets.forEach(({ address }, index) => {
      if (hasExpressions(address)) this.#report(index, address, ON_DEMAND)
      else indexes.set(address, [...(indexes.get(address) ?? []), index])
    })
    await Promise.all([...indexes].map(([address, places]) => this.#openConstant(address, places)))
  }

  /** One outcome per message, in order; never rejects. */
  publish(messages: readonly OutboundMessage[]): Promise<readonly PublishOutcome[]> {
    const batch = new PendingBatch(messages.length)
    const impossible = this.#ended ?? this.#congestion(messages.length)
    if (impossible !== undefined) {
      batch.fail(impossible)
      return batch.outcomes
    }
    for (let index = 0; index < messages.length; index++) {
      this.#send(messages[index]!, batch, index)
    }
    if (batch.isOpen) {
      this.#batches.add(batch)
      batch.onFinished(this.#options.sendTimeoutMs, () => this.#batches.delete(batch))
    }
    return batch.outcomes
  }

  /** Detaches; whatever has no outcome fails for this reason. */
  end(reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    for (const sender of this.#senders()) sender.end(reason)
    for (const batch of this.#batches) batch.fail(reason)
  }

  #send(message: OutboundMessage, batch: PendingBatch, index: number): void {
    const route = this.#route(message.address)
    if (route === undefined) {
      const words = `Messages to ${MAX_DYNAMIC_SENDERS} other addresses are under way already.`
      batch.settle(index, failure(503, words))
      return
    }
    const bytes = encodeOutbound(message, route.address, route.isAnonymous)
    if (typeof bytes === 'string') batch.settle(index, failure(400, bytes))
    else route.sender.send({ bytes, batch, index })
  }

  #route(text: string): Route | undefined {
    const constant = this.#constant.get(text)
    if (constant !== undefined) return constant
    const known = this.#dynamic.get(text)
    if (known !== undefined) {
      this.#dynamic.delete(text)
      this.#dynamic.set(text, known)
      return known
    }
    const address = parseAddress(text)
    if (this.#options.offersAnonymousRelay) {
      this.#relay ??= this.#openDynamic(undefined, () => {
        this.#relay = undefined
      })
      return { address, sender: this.#relay, isAnonymous: true }
    }
    if (this.#dynamic.size >= MAX_DYNAMIC_SENDERS && !this.#evict()) return undefined
    const sender = this.#openDynamic(address, () => this.#dynamic.delete(text))
    const route: Route = { address, sender, isAnonymous: false }
    this.#dynamic.set(text, route)
    return route
  }

  /** Ends the sender that was not used for the longest time. */
  #evict(): boolean {
    for (const [text, { sender }] of this.#dynamic) {
      if (!sender.isIdle) continue
      this.#dynamic.delete(text)
      sender.end('The sender is not needed any more.')
      return true
    }
    return false
  }

  async #openConstant(text: string, indexes: readonly number[]): Promise<void> {
    const { createSession, requestTimeoutMs, dryRun, backoff, events } = this.#options
    const address = parseAddress(text)
    let told: string | undefined
    const report = (state: State): void => {
      told = state.details
      for (const index of indexes) this.#report(index, text, state)
    }
    const sender = new AmqpSender({
      target: terminus(address),
      requestTimeoutMs,
      createSession,
      backoff: dryRun ? undefined : backoff,
      onAttached: () => {
        if (told !== undefined) events.onLog('success', `Producer ${text} was started again.`)
        report(STARTED)
      },
      onLost: ({ status, reason }: LinkFailure) => {
        const details = `Producer for destination '${text}' was closed. Cause: ${reason}`
        if (told === details) return
        report({ status, details })
        events.onLog('failure', `Producer ${text} was closed: ${reason}`)
      },
    })
    this.#constant.set(text, { address, sender, isAnonymous: false })
    await sender.start()
  }

  /** A sender that has one attempt; when it is lost, the next message gets a new one. */
  #openDynamic(address: AmqpAddress | undefined, forget: () => void): AmqpSender {
    const { createSession, requestTimeoutMs, events } = this.#options
    const sender = new AmqpSender({
      target: address && terminus(address),
      requestTimeoutMs,
      createSession,
      backoff: undefined,
      onAttached: () => undefined,
      onLost: ({ reason }) => {
        forget()
        events.onLog('failure', `Producer ${address?.name ?? '<any>'} was closed: ${reason}`)
      },
    })
    void sender.start()
    return sender
  }

  #congestion(count: number): string | undefined {
    let outstanding = count
    let waitingBytes = this.#options.waitingBytes()
    for (const sender of this.#senders()) {
      outstanding += sender.size
      waitingBytes += sender.waitingBytes
    }
    if (outstanding > MAX_OUTSTANDING) {
      return (
        'Outgoing AMQP message dropped: There are too many unsettled messages or too few credits: ' +
        `${MAX_OUTSTANDING} messages have no outcome yet.`
      )
    }
    if (waitingBytes > MAX_WAITING_BYTES) {
      return `Outgoing AMQP message dropped: ${MAX_WAITING_BYTES} bytes are waiting already.`
    }
    return undefined
  }

  *#senders(): Iterable<AmqpSender> {
    for (const { sender } of this.#constant.values()) yield sender
    for (const { sender } of this.#dynamic.values()) yield sender
    if (this.#relay !== undefined) yield this.#relay
  }

  #report(index: number, address: string, state: State): void {
    this.#options.events.onAddressStatus({ kind: 'target', index, address, ...state })
  }
}

type State = Pick<AddressStatus, 'status' | 'details'>

const STARTED: State = { status: 'open', details: 'Producer started.' }
const ON_DEMAND: State = {
  status: 'unknown',
  details: 'Producers for targets with placeholders are started on-demand.',
}
