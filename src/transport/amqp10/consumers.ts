/**
 * The sources of a connection: a link for each address and consumer, attached, granted credit, attached
 * again after a loss; and the states of the addresses. Knows no socket.
 */
import type { Receiver } from 'rhea'
import type { Connection } from '../../connection/types.ts'
import { mappingFailed } from '../../protocol/connectivity-errors.ts'
import type { BackoffLimits } from '../backoff.ts'
import { ConnectError, type TransportEvents } from '../transport.ts'
import { parseAddress, terminus } from './address.ts'
import { Attachment } from './attachment.ts'
import type { LinkFailure } from './errors.ts'
import { decodeMessage } from './incoming.ts'
import { Intake } from './intake.ts'
import { Receiving } from './receiving.ts'
import {
  type LinkDelivery,
  RAW_FORMAT,
  type ReceivingLink,
  type RheaSession,
  takeRawTransfers,
} from './rhea.ts'

/** What consumers are made from. */
export interface ConsumersOptions {
  readonly connection: Connection
  readonly events: TransportEvents
  readonly backoff: BackoffLimits
  /** A dry run attaches once and takes nothing. */
  readonly dryRun: boolean
  readonly maxUnsettled: number
  readonly requestTimeoutMs: number
  createSession(): RheaSession
}

/**
 * Most messages that one link may have under way. Deliveries leave rhea's window of 2048 in the order of
 * arrival only, so that there must be room behind one that is settled late.
 */
const MAX_LINK_WINDOW = 1000

/** One per session. */
export class Consumers {
  readonly #options: ConsumersOptions
  readonly #intake: Intake
  readonly #consumers: Consumer[]
  #isOpen = false
  #isPaused = false
  #isStopped = false

  constructor(options: ConsumersOptions) {
    this.#options = options
    this.#intake = new Intake((batch) => options.events.onDeliveries(batch))
    const places = options.connection.sources.flatMap(({ addresses, consumerCount }, source) =>
      addresses.flatMap((address) => {
        const place = new SourceAddress(source, address, options.events)
        return Array.from({ length: consumerCount }, () => place)
      }),
    )
    const share = Math.floor(options.maxUnsettled / places.length)
    const window = Math.max(1, Math.min(MAX_LINK_WINDOW, share))
    this.#consumers = places.map((place) => new Consumer(place, window, this.#intake, options))
  }

  /** Attaches all links; rejects when none of them can be. */
  async open(): Promise<void> {
    if (this.#consumers.length === 0) return
    const failures = await Promise.all(this.#consumers.map((consumer) => consumer.start()))
    const reasons = failures.filter((failure) => failure !== undefined)
    if (reasons.length < failures.length) {
      const open = this.#consumers.filter((_, index) => failures[index] === undefined)
      const addresses = [...new Set(open.map(({ address }) => address))]
      this.#options.events.onLog('success', `Subscriptions ${addresses} initialized successfully.`)
      return
    }
    const isMisconfigured = reasons.some(({ status }) => status === 'misconfigured')
    const words = new Set(
      this.#consumers.map(({ address }, index) => `'${address}': ${reasons[index]!.reason}`),
    )
    throw new ConnectError(
      isMisconfigured ? 'misconfigured' : 'protocol',
      isMisconfigured ? 'misconfigured' : 'failed',
      `No source address can be consumed from. ${[...words].join(' ')}`,
    )
  }

  /** The session is open: messages may come. */
  begin(): void {
    this.#isOpen = true
    this.#regulate()
  }

  pause(): void {
    this.#isPaused = true
    this.#regulate()
  }

  resume(): void {
    this.#isPaused = false
    this.#regulate()
  }

  /** Takes credit back and releases what was not delivered; links stay, so that the rest can be settled. */
  stop(): void {
    this.#isStopped = true
    this.#regulate()
    for (const consumer of this.#consumers) consumer.stop()
    for (const delivery of this.#intake.stop()) delivery.settle('release')
  }

  /** Tells the broker what was settled, gives the rest back and detaches. */
  end(): void {
    this.#isStopped = true
    this.#intake.stop()
    for (const consumer of this.#consumers) consumer.end()
  }

  #regulate(): void {
    const isFlowing = this.#isOpen && !this.#isPaused && !this.#isStopped
    this.#intake.hold(!isFlowing)
    for (const consumer of this.#consumers) consumer.grant(isFlowing && !this.#options.dryRun)
  }
}

/** One link, and what follows it. */
class Consumer {
  readonly #place: SourceAddress
  readonly #window: number
  readonly #intake: Intake
  readonly #options: ConsumersOptions
  readonly #attachment: Attachment<Receiver>
  #receiving: Receiving | undefined
  #isGranting = false
  #isStopped = false

  constructor(place: SourceAddress, window: number, intake: Intake, options: ConsumersOptions) {
    this.#place = place
    this.#window = window
    this.#intake = intake
    this.#options = options
    this.#attachment = new Attachment({
      role: 'receiver',
      requestTimeoutMs: options.requestTimeoutMs,
      backoff: options.dryRun ? undefined : options.backoff,
      createSession: () => options.createSession(),
      attach: (session) => this.#attach(session),
      onAttached: () => this.#attached(),
      onLost: (failure) => this.#lost(failure),
    })
  }

  get address(): string {
    return this.#place.address
  }

  start(): Promise<LinkFailure | undefined> {
    this.#place.initialized()
    return this.#attachment.start()
  }

  grant(isGranting: boolean): void {
    this.#isGranting = isGranting
    this.#receiving?.grant(isGranting)
  }

  stop(): void {
    this.#isStopped = true
    this.#receiving?.revoke()
  }

  end(): void {
    this.#receiving?.giveBack()
    this.#receiving = undefined
    this.#attachment.end()
  }

  #attach(session: RheaSession): ReceivingLink {
    const link = session.attach_receiver({
      source: terminus(parseAddress(this.address)),
      // The broker waits for our outcome, and settles when it has it (AMQP 1.0, section 2.6.12).
      snd_settle_mode: 0,
      rcv_settle_mode: 0,
      credit_window: 0,
      autoaccept: false,
      autosettle: false,
    }) as ReceivingLink
    const receiving = new Receiving(link, session, this.#place, this.#window)
    this.#receiving = receiving
    takeRawTransfers(session)
    link.on('message', (context: MessageContext) => this.#take(receiving, context))
    return link
  }

  #attached(): void {
    this.#place.attached(this)
    this.#receiving?.begin()
    this.#receiving?.grant(this.#isGranting)
  }

  #lost(failure: LinkFailure): void {
    this.#receiving?.end()
    this.#receiving = undefined
    this.#place.lost(this, failure)
  }

  #take(receiving: Receiving, { delivery, message, format }: MessageContext): void {
    if (this.#isStopped) {
      receiving.take(delivery, NO_MESSAGE).settle('release')
      return
    }
    try {
      if (format !== undefined && format !== RAW_FORMAT) throw new Error(`its format is ${format}`)
      if (message === undefined) throw new Error('it is empty')
      this.#intake.add(receiving.take(delivery, decodeMessage(message)))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      receiving.take(delivery, NO_MESSAGE).settle('reject')
      this.#options.events.onUndecodable(
        this.#place.source,
        this.address,
        mappingFailed(undefined, `This is no AMQP message: ${reason}.`),
      )
    }
  }
}

interface MessageContext {
  readonly delivery: LinkDelivery
  /** Undefined when there is not even a section. */
  readonly message: Buffer | undefined
  readonly format?: number
}

const NO_MESSAGE = { headers: {}, payload: undefined }

/** The state of one source address: that of its consumers together. */
class SourceAddress {
  readonly source: number
  readonly address: string
  readonly #events: TransportEvents
  readonly #failures = new Map<Consumer, LinkFailure>()
  #told: string | undefined

  constructor(source: number, address: string, events: TransportEvents) {
    this.source = source
    this.address = address
    this.#events = events
  }

  initialized(): void {
    if (this.#told === undefined) this.#report('unknown', 'Consumer is being initialized.')
  }

  attached(consumer: Consumer): void {
    const wasLost = this.#failures.delete(consumer)
    if (this.#failures.size > 0) return
    this.#report('open', `Consumer started at ${new Date().toISOString()}`)
    if (wasLost) this.#events.onLog('success', `Consumer ${this.address} was started again.`)
  }

  lost(consumer: Consumer, failure: LinkFailure): void {
    this.#failures.set(consumer, failure)
    const details = `Consumer closed. Cause: ${failure.reason}`
    if (this.#told === details) return
    this.#report(failure.status, details)
    this.#events.onLog('failure', `Consumer ${this.address} was closed: ${failure.reason}`)
  }

  #report(status: 'unknown' | 'open' | LinkFailure['status'], details: string): void {
    this.#told = details
    const { source: index, address } = this
    this.#events.onAddressStatus({ kind: 'source', index, address, status, details })
  }
}
