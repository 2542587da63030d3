/**
 * A broker inside the process and its transport: the seam's reference implementation, and the double
 * that shards are tested with. Addresses match literally; sessions are persistent: what is not settled
 * when one ends is delivered by the next one of the same client.
 */

import { messageSendingFailed } from '../protocol/connectivity-errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import {
  type ConnectError,
  type Delivery,
  MAX_BATCH,
  type OutboundMessage,
  type PublishOutcome,
  type Settlement,
  type Transport,
  type TransportFactory,
  type TransportOptions,
} from './transport.ts'

/** A settlement that the broker has seen. */
export interface LoopbackSettlement {
  readonly address: string
  readonly message: ExternalMessage
  readonly outcome: Settlement
}

/** The broker and what a test may do to it. */
export interface LoopbackBroker {
  readonly factory: TransportFactory
  /** Everything published so far, in order. */
  readonly published: readonly OutboundMessage[]
  readonly settlements: readonly LoopbackSettlement[]
  /** Number of open sessions. */
  readonly sessions: number
  /**
   * Delivers to every session whose sources have this address. Quality of service 0 reaches open
   * sessions only and is never settled; above, clients that were here before find it waiting.
   */
  deliver(address: string, message: ExternalMessage, qos?: 0 | 1 | 2): void
  /** Ends every session without warning; outstanding publishes fail. */
  cut(error: ConnectError): void
  /** Lets every `open` fail with this error, until called with undefined. */
  refuse(error: ConnectError | undefined): void
  /** While withheld, publishes get no outcome. */
  withholdConfirmations(withheld: boolean): void
}

interface StoredMessage {
  readonly address: string
  readonly message: ExternalMessage
  readonly qos: 0 | 1 | 2
}

/** What the broker keeps of a client between its sessions. */
interface ClientState {
  readonly addresses: ReadonlySet<string>
  queue: StoredMessage[]
}

/** Makes a broker with nothing in it. */
export function createLoopbackBroker(): LoopbackBroker {
  return new Broker()
}

class Broker implements LoopbackBroker {
  readonly published: OutboundMessage[] = []
  readonly settlements: LoopbackSettlement[] = []
  readonly open = new Set<LoopbackTransport>()
  readonly #clients = new Map<string, ClientState>()
  refusal: ConnectError | undefined
  withheld = false

  readonly factory: TransportFactory = (options) => new LoopbackTransport(this, options)

  get sessions(): number {
    return this.open.size
  }

  deliver(address: string, message: ExternalMessage, qos: 0 | 1 | 2 = 1): void {
    for (const state of this.#clients.values()) {
      const isConnected = [...this.open].some((session) => session.state === state)
      if (!state.addresses.has(address) || (qos === 0 && !isConnected)) continue
      state.queue.push({ address, message, qos })
    }
    for (const session of this.open) session.pump()
  }

  cut(error: ConnectError): void {
    for (const session of [...this.open]) session.lose(error)
  }

  refuse(error: ConnectError | undefined): void {
    this.refusal = error
  }

  withholdConfirmations(withheld: boolean): void {
    this.withheld = withheld
    if (!withheld) for (const session of this.open) session.confirm()
  }

  /** The state of a client, found again or new; that of a dry run is not kept. */
  subscribe({ connection, clientIndex, dryRun }: TransportOptions): ClientState {
    const key = `${connection.id} ${clientIndex}`
    const addresses = new Set(connection.sources.flatMap((source) => source.addresses))
    if (dryRun) return { addresses, queue: [] }
    const state = { addresses, queue: this.#clients.get(key)?.queue ?? [] }
    this.#clients.set(key, state)
    return state
  }
}

interface WaitingPublish {
  readonly size: number
  readonly resolve: (outcomes: readonly PublishOutcome[]) => void
  readonly timer: NodeJS.Timeout
}

class LoopbackTransport implements Transport {
  readonly #broker: Broker
  readonly #options: TransportOptions
  readonly #unsettled = new Set<LoopbackDelivery>()
  readonly #unconfirmed = new Set<WaitingPublish>()
  state: ClientState | undefined
  #taking = true
  #consuming = true
  #pumping = false

  constructor(broker: Broker, options: TransportOptions) {
    this.#broker = broker
    this.#options = options
  }

  get #isOpen(): boolean {
    return this.#broker.open.has(this)
  }

  async open(signal: AbortSignal): Promise<void> {
    const { connection, events } = this.#options
    signal.throwIfAborted()
    const { refusal } = this.#broker
    if (refusal !== undefined) throw refusal
    this.state = this.#broker.subscribe(this.#options)
    this.#broker.open.add(this)
    const open = { status: 'open', details: '' } as const
    connection.sources.forEach(({ addresses }, index) => {
      for (const address of addresses) {
        events.onAddressStatus({ kind: 'source', index, address, ...open })
      }
    })
    connection.targets.forEach(({ address }, index) => {
      events.onAddressStatus({ kind: 'target', index, address, ...open })
    })
    this.pump()
  }

  publish(batch: readonly OutboundMessage[]): Promise<readonly PublishOutcome[]> {
    if (!this.#isOpen) return Promise.resolve(same(NO_SESSION, batch.length))
    this.#broker.published.push(...batch)
    const { promise, resolve } = Promise.withResolvers<readonly PublishOutcome[]>()
    const timer = setTimeout(
      () => this.#answer(waiting, UNCONFIRMED),
      this.#options.publishTimeoutMs,
    )
    const waiting: WaitingPublish = { size: batch.length, resolve, timer }
    this.#unconfirmed.add(waiting)
    if (!this.#broker.withheld) queueMicrotask(() => this.confirm())
    return promise
  }

  pause(): void {
    this.#taking = false
  }

  resume(): void {
    this.#taking = true
    this.pump()
  }

  async stopConsuming(): Promise<void> {
    this.#consuming = false
  }

  async close(): Promise<void> {
    this.#end()
  }

  /** Delivers in the next turn what is waiting and fits into the window. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => {
      this.#pumping = false
      this.#deliverBatch()
    })
  }

  /** Gives outstanding publishes their outcome. */
  confirm(): void {
    for (const waiting of this.#unconfirmed) this.#answer(waiting, PUBLISHED)
  }

  lose(error: ConnectError): void {
    this.#end()
    this.#options.events.onLost(error)
  }

  settle(delivery: LoopbackDelivery, outcome: Settlement): void {
    if (!this.#isOpen || !this.#unsettled.delete(delivery)) return
    const { stored } = delivery
    this.#broker.settlements.push({ address: stored.address, message: stored.message, outcome })
    if (outcome === 'retry') this.state?.queue.push(stored)
    this.pump()
  }

  #deliverBatch(): void {
    const { state } = this
    if (!this.#isOpen || !this.#taking || !this.#consuming || state === undefined) return
    const room = Math.min(MAX_BATCH, this.#options.maxUnsettled - this.#unsettled.size)
    const batch = state.queue.splice(0, Math.max(0, room)).map((stored) => this.#toDelivery(stored))
    if (batch.length === 0) return
    this.#options.events.onDeliveries(batch)
    if (state.queue.length > 0) this.pump()
  }

  #toDelivery(stored: StoredMessage): LoopbackDelivery {
    const source = this.#options.connection.sources.findIndex(({ addresses }) =>
      addresses.includes(stored.address),
    )
    const delivery = new LoopbackDelivery(this, stored, source)
    if (stored.qos > 0) this.#unsettled.add(delivery)
    return delivery
  }

  #end(): void {
    if (!this.#broker.open.delete(this)) return
    const unsettled = [...this.#unsettled].map(({ stored }) => stored)
    this.#unsettled.clear()
    this.state?.queue.unshift(...unsettled)
    for (const waiting of this.#unconfirmed) this.#answer(waiting, NO_SESSION)
  }

  #answer(waiting: WaitingPublish, outcome: PublishOutcome): void {
    clearTimeout(waiting.timer)
    this.#unconfirmed.delete(waiting)
    waiting.resolve(same(outcome, waiting.size))
  }
}

class LoopbackDelivery implements Delivery {
  readonly stored: StoredMessage
  readonly source: number
  readonly #transport: LoopbackTransport

  constructor(transport: LoopbackTransport, stored: StoredMessage, source: number) {
    this.#transport = transport
    this.stored = stored
    this.source = source
  }

  get message(): ExternalMessage {
    return this.stored.message
  }

  get address(): string {
    return this.stored.address
  }

  get sourceAddress(): string {
    return this.stored.address
  }

  settle(outcome: Settlement): undefined {
    this.#transport.settle(this, outcome)
  }
}

const PUBLISHED: PublishOutcome = { ok: true, status: 200 }

const NO_SESSION = failure('There is no session with the broker.')
const UNCONFIRMED = failure('The broker did not confirm the message in time.')

function failure(reason: string): PublishOutcome {
  return { ok: false, error: messageSendingFailed(reason) }
}

function same(outcome: PublishOutcome, count: number): readonly PublishOutcome[] {
  return Array.from({ length: count }, () => outcome)
}
