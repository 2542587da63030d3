/**
 * Keeps one client connected: opens a transport, waits with growing, jittered pauses after a failure,
 * opens a new one when the session is lost. Knows no protocol and no message; every protocol gets the
 * same loop from here.
 */
import type { Connection } from '../connection/types.ts'
import { Backoff, type BackoffLimits } from '../transport/backoff.ts'
import {
  type AddressStatus,
  ConnectError,
  type Transport,
  type TransportEvents,
} from '../transport/transport.ts'
import type { ClientStatus, ShardStatus } from './description.ts'
import { Endings } from './endings.ts'

/** What a session needs of its shard. */
export interface SessionOptions extends BackoffLimits {
  readonly createTransport: (events: TransportEvents) => Transport
  /** The events of the transport that the shard handles itself. */
  readonly onDeliveries: TransportEvents['onDeliveries']
  readonly onUndecodable: TransportEvents['onUndecodable']
  readonly onOpen: (transport: Transport) => void
  readonly onClosed: () => void
  readonly onStatus: (status: ShardStatus) => void
  readonly onLog: (level: 'success' | 'failure', message: string) => void
  readonly now: () => number
  /** Milliseconds that never jump. */
  readonly monotonicMs: () => number
}

const INITIAL: ClientStatus = {
  status: 'unknown',
  recovery: 'ongoing',
  details: 'Connecting.',
  since: 0,
}

const CONNECTED = 'CONNECTED'

/** One per shard. */
export class Session {
  readonly #options: SessionOptions
  readonly #addresses = new Map<string, AddressStatus & { since: number }>()
  #client: ClientStatus
  #transport: Transport | undefined
  readonly #backoff: Backoff
  readonly #endings = new Endings()
  #openedAt = 0
  /** Runs while an open session is under suspicion to end soon. */
  #probation: NodeJS.Timeout | undefined
  #pause: NodeJS.Timeout | undefined
  #reporting = false
  readonly #stopping = new AbortController()
  #attempt: Promise<void> | undefined
  /** The end of the last session that was lost. */
  #ending: Promise<void> | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#backoff = new Backoff(options)
    this.#client = { ...INITIAL, since: options.now() }
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  get isOpen(): boolean {
    return this.#transport !== undefined
  }

  get status(): ShardStatus {
    return { client: this.#client, addresses: [...this.#addresses.values()] }
  }

  /** Begins to connect; called once. */
  start(): void {
    this.#attempt = this.#connect()
  }

  /** Starts over with short pauses; while waiting after a failure, tries at once. */
  retry(): void {
    this.#backoff.reset()
    this.#endings.forget()
    if (this.#pause === undefined || this.#stopped) return
    clearTimeout(this.#pause)
    this.#pause = undefined
    this.#attempt = this.#connect()
  }

  /**
   * Stops connecting and consuming; an open session stays usable for settling and publishing.
   * `successor`: see {@link Transport.stopConsuming}.
   */
  async stop(successor: Connection | undefined): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#pause)
    await this.#attempt
    await this.#ending
    if (this.#transport !== undefined) await this.#quietly(this.#transport.stopConsuming(successor))
  }

  /** Ends the session. */
  async close(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#pause)
    clearTimeout(this.#probation)
    const transport = this.#transport
    this.#transport = undefined
    if (transport !== undefined) {
      this.#options.onClosed()
      await this.#quietly(transport.close())
    }
    this.#addresses.clear()
    this.#setClient({
      status: 'closed',
      recovery: 'unknown',
      details: `Disconnected at ${this.#instant()}`,
    })
    this.#options.onLog('success', 'Disconnected successfully.')
  }

  async #connect(): Promise<void> {
    let transport: Transport | undefined
    let lost: ConnectError | undefined
    try {
      transport = this.#createTransport((error) => {
        if (this.#transport === transport) this.#lost(error)
        // It is over before it was announced to be open.
        else lost ??= error
      })
      await transport.open(this.#stopping.signal)
      if (lost !== undefined) throw lost
    } catch (thrown) {
      if (transport !== undefined) await this.#quietly(transport.close())
      if (!this.#stopped) this.#failed(asConnectError(thrown))
      return
    }
    if (this.#stopped) {
      await this.#quietly(transport.close())
      return
    }
    this.#transport = transport
    this.#openedAt = this.#options.monotonicMs()
    this.#setClient({ status: 'open', recovery: 'succeeded', details: this.#begun() })
    this.#options.onLog('success', 'Connection successful.')
    this.#options.onOpen(transport)
  }

  /** Details of the session that has just begun. */
  #begun(): string {
    const suspicion = this.#endings.suspicion
    if (suspicion === undefined) return CONNECTED
    this.#probation = setTimeout(() => {
      this.#endings.forget()
      this.#client = { ...this.#client, details: CONNECTED }
      this.#report()
    }, this.#stableMs)
    return `${CONNECTED}, but: ${suspicion}`
  }

  /**
   * A session that lives so long has shown that the broker is well again. Who shares its client id with
   * another client of the kind is disconnected after that one's pause, the longest pause at most.
   */
  get #stableMs(): number {
    return 2 * this.#options.backoffMaxMs
  }

  #createTransport(onLost: (error: ConnectError) => void): Transport {
    const { createTransport, onDeliveries, onUndecodable, onLog } = this.#options
    const onAddressStatus = (status: AddressStatus): void => this.#setAddress(status)
    return createTransport({ onDeliveries, onUndecodable, onLog, onAddressStatus, onLost })
  }

  #lost(error: ConnectError): void {
    const transport = this.#transport!
    this.#transport = undefined
    this.#options.onClosed()
    clearTimeout(this.#probation)
    if (this.#options.monotonicMs() - this.#openedAt > this.#stableMs) {
      this.#backoff.reset()
      this.#endings.forget()
    }
    this.#ending = this.#quietly(transport.close())
    this.#failed(error)
  }

  /** A binding that cannot even end properly does not keep the next session from beginning. */
  async #quietly(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      this.#options.onLog('failure', `The session could not be ended properly: ${reason}`)
    }
  }

  #failed(error: ConnectError): void {
    for (const [key, address] of this.#addresses) {
      if (address.status !== 'misconfigured') this.#addresses.set(key, this.#closedAddress(address))
    }
    this.#endings.note(error)
    const suspicion = this.#endings.suspicion
    const message = suspicion === undefined ? error.message : `${error.message} ${suspicion}`
    this.#setClient({
      status: suspicion === undefined ? error.status : 'misconfigured',
      recovery: this.#stopped ? 'unknown' : 'ongoing',
      details: `${message} At ${this.#instant()}`,
      failure: error.failure,
    })
    const text = `Connection failed due to: ${message.replace(/\.$/, '')}.`
    if (this.#stopped) {
      this.#options.onLog('failure', text)
      return
    }
    const pauseMs = error.reconnectAfterMs ?? this.#backoff.nextPauseMs()
    this.#options.onLog('failure', `${text} Will reconnect after ${pauseMs} ms.`)
    this.#pause = setTimeout(() => {
      this.#pause = undefined
      this.#options.onLog('success', 'Trying to reconnect.')
      this.#attempt = this.#connect()
    }, pauseMs)
  }

  #closedAddress(address: AddressStatus): AddressStatus & { since: number } {
    return {
      ...address,
      status: 'closed',
      details: 'Closed because of a failure in the client.',
      since: this.#options.now(),
    }
  }

  #setAddress(status: AddressStatus): void {
    const key = `${status.kind}:${status.index}:${status.address}`
    this.#addresses.set(key, { ...status, since: this.#options.now() })
    if (this.#reporting) return
    // A connection may have thousands of addresses, which mostly change together.
    this.#reporting = true
    setImmediate(() => {
      if (this.#reporting) this.#report()
    })
  }

  #setClient(client: Omit<ClientStatus, 'since'>): void {
    this.#client = { ...client, since: this.#options.now() }
    this.#report()
  }

  #report(): void {
    this.#reporting = false
    this.#options.onStatus(this.status)
  }

  #instant(): string {
    return new Date(this.#options.now()).toISOString()
  }
}

function asConnectError(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new ConnectError('protocol', 'failed', message, { cause: thrown })
}
