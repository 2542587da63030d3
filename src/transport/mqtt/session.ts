/**
 * One network connection with a broker as one MQTT client: connect, subscribe, end. Ties the client to
 * its receiving and its sending side. Knows nothing of connections, sources and targets.
 */
import type { Socket } from 'node:net'
import type { IPublishPacket } from 'mqtt'
import { type Endpoint, openSocket } from '../socket.ts'
import type { ConnectError } from '../transport.ts'
import { type PacketSink, PipelinedClient, type Qos } from './client.ts'
import { lostError, openError } from './errors.ts'
import { Intake, type IntakeOptions } from './intake.ts'
import { MqttPublisher } from './publisher.ts'
import type { LastWill } from './settings.ts'

/** How long a broker may take to close its side after DISCONNECT, or to answer UNSUBSCRIBE. */
const FAREWELL_MS = 1000

/** What a session is made from. */
export interface SessionOptions {
  readonly endpoint: Endpoint
  readonly clientId: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly cleanSession: boolean
  readonly keepAliveSeconds: number
  readonly will: LastWill | undefined
  readonly publishTimeoutMs: number
  readonly intake: Omit<IntakeOptions, 'proceed' | 'write' | 'onResumed'>
  /** The open session ended by itself. */
  onLost(error: ConnectError): void
}

/** The return code of SUBACK that refuses (MQTT 3.1.1, section 3.9.3). */
const SUBACK_FAILURE = 0x80

/** Lives once: after it ended, a new one is made. */
export class MqttSession implements PacketSink {
  readonly intake: Intake
  readonly publisher: MqttPublisher
  readonly #options: SessionOptions
  #socket: Socket | undefined
  #client: PipelinedClient | undefined
  #state: 'opening' | 'open' | 'ended' = 'opening'
  /** Whether the broker has answered CONNECT with yes. */
  #accepted = false
  #failure: ConnectError | undefined
  readonly #failed = Promise.withResolvers<never>()
  readonly #resumed = Promise.withResolvers<void>()

  constructor(options: SessionOptions) {
    this.#options = options
    this.intake = new Intake({
      ...options.intake,
      onResumed: this.#resumed.resolve,
      proceed: () => this.#client?.proceed(),
      write: (packets) => this.#write(packets),
    })
    this.publisher = new MqttPublisher({
      timeoutMs: options.publishTimeoutMs,
      nextPacketId: () => this.#client?.messageIdProvider.allocate() ?? 0,
      write: (packets) => this.#write(packets),
      waitingBytes: () => this.#socket?.writableLength ?? 0,
    })
    // Whoever opens the session waits for it; nobody else has to.
    this.#failed.promise.catch(() => undefined)
  }

  /**
   * Resolves when the answer to SUBSCRIBE waits behind more messages than are taken before the session
   * begins: then the broker has kept the session with its subscriptions. Never, if it was otherwise.
   */
  get resumed(): Promise<void> {
    return this.#resumed.promise
  }

  /** Connects; then messages can be published. Rejects with a {@link ConnectError}. */
  async connect(signal: AbortSignal): Promise<void> {
    const socket = await openSocket(this.#options.endpoint, signal)
    signal.addEventListener('abort', () => this.#fail(signal.reason), { once: true })
    const client = this.#createClient(socket)
    const connected = Promise.withResolvers<void>()
    client.once('connect', () => {
      this.#accepted = true
      connected.resolve()
    })
    client.connect()
    await Promise.race([connected.promise, this.#failed.promise])
    this.publisher.begin()
  }

  /** Subscribes with one packet; the filters that the broker refused. Rejects with a {@link ConnectError}. */
  async subscribe(filters: ReadonlyMap<string, Qos>): Promise<ReadonlySet<string>> {
    if (filters.size === 0) return new Set()
    const request = Object.fromEntries([...filters].map(([filter, qos]) => [filter, { qos }]))
    const { promise, resolve, reject } = Promise.withResolvers<ReadonlySet<string>>()
    this.#client?.subscribe(request, (error, subscriptions = [], suback) => {
      // A refusal is an error of mqtt.js too, but comes with the packet.
      if (suback === undefined) return reject(openError(error, this.#endpoint))
      const isRefused = (_: unknown, index: number): boolean =>
        Number(suback.granted[index]) === SUBACK_FAILURE
      resolve(new Set(subscriptions.filter(isRefused).map(({ topic }) => topic)))
    })
    return Promise.race([promise, this.#failed.promise])
  }

  /** The session is usable: from now on its end is reported, and messages are delivered. */
  begin(): void {
    if (this.#failure !== undefined) this.#options.onLost(this.#failure)
    if (this.#state !== 'opening') return
    this.#state = 'open'
    this.intake.begin()
  }

  /** Resolves when the broker sends nothing more for these filters, or does not answer. */
  async unsubscribe(filters: string[]): Promise<void> {
    if (filters.length === 0 || this.#state === 'ended') return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, FAREWELL_MS)
    this.#client?.unsubscribe(filters, () => resolve())
    await promise
    clearTimeout(timer)
  }

  /** Says DISCONNECT, so that no last will is sent; resolves when the socket is gone. Idempotent. */
  async close(): Promise<void> {
    this.intake.end()
    this.publisher.end('The connection was closed before the broker confirmed it.')
    this.#state = 'ended'
    const socket = this.#socket
    if (socket === undefined || socket.closed) return
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
    })
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS)
    if (this.#client?.connected) {
      // Behind DISCONNECT mqtt.js would answer PUBREL on a closed stream, and reset the connection.
      await Promise.race([this.intake.released(), closed])
      this.#client.end()
    } else {
      socket.destroy()
    }
    await closed
    clearTimeout(timer)
  }

  onMessage(packet: IPublishPacket, qos: Qos): boolean {
    return this.intake.take(packet, qos)
  }

  onRelease(packetId: number): void {
    this.intake.release(packetId)
  }

  onConfirmation(type: 'puback' | 'pubrec' | 'pubcomp', packetId: number): void {
    this.publisher.confirm(type, packetId)
  }

  get #endpoint(): Endpoint {
    return this.#options.endpoint
  }

  #createClient(socket: Socket): PipelinedClient {
    const { clientId, username, password, cleanSession, keepAliveSeconds, will } = this.#options
    const client = new PipelinedClient(
      socket,
      {
        clientId,
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
        clean: cleanSession,
        keepalive: keepAliveSeconds,
        protocolVersion: 4,
        ...(will !== undefined && { will: { ...will, payload: Buffer.from(will.payload) } }),
      },
      this,
    )
    client.on('error', (error) => this.#fail(error))
    client.on('close', () => this.#fail(undefined))
    socket.on('drain', () => this.publisher.drained())
    this.#socket = socket
    this.#client = client
    return client
  }

  #write(packets: Buffer): boolean {
    return this.#socket?.writable === true && this.#socket.write(packets)
  }

  #fail(error: unknown): void {
    const state = this.#state
    if (state === 'ended') return
    this.#state = 'ended'
    this.intake.end()
    this.publisher.end('The session with the broker was lost before it confirmed the message.')
    this.#client?.end(true)
    const failure = this.#accepted
      ? lostError(error, this.#options.clientId)
      : openError(error, this.#endpoint)
    if (state === 'open') {
      this.#options.onLost(failure)
    } else {
      this.#failure = failure
      this.#failed.reject(failure)
    }
  }
}
