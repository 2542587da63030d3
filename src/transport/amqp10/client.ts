/**
 * One network connection with a broker: opens it, tells when it ended, ends it. Knows nothing of
 * sources, targets and messages.
 */
import type { Socket } from 'node:net'
import type { Connection } from 'rhea'
import { type Endpoint, openSocket } from '../socket.ts'
import type { ConnectError } from '../transport.ts'
import { lostError, openError, type Stage } from './errors.ts'
import {
  type AmqpCondition,
  ANONYMOUS_RELAY,
  beginSession,
  type Introduction,
  preferMechanisms,
  type RheaSession,
  speakAmqp,
} from './rhea.ts'

/** What a client is made from. */
export interface ClientOptions extends Introduction {
  readonly endpoint: Endpoint
  readonly closeTimeoutMs: number
  /** The open connection ended by itself. */
  onLost(error: ConnectError): void
  /** The connection is about to end, or has: nothing more comes of its links. */
  onEnd(): void
}

/** Lives once: after it ended, a new one is made. */
export class AmqpClient {
  readonly #options: ClientOptions
  #socket: Socket | undefined
  #connection: Connection | undefined
  #state: 'opening' | 'open' | 'ended' = 'opening'
  #stage: Stage = 'sasl'
  /** Why it ended by itself, while nobody could be told. */
  #early: { readonly error: unknown } | undefined
  readonly #failed = Promise.withResolvers<never>()
  #closed: Promise<void> | undefined
  /** Those that the broker has not ended yet. */
  readonly #sessions = new Set<RheaSession>()
  #onSessionsEnded: (() => void) | undefined

  constructor(options: ClientOptions) {
    this.#options = options
    // Whoever opens the connection waits for it; nobody else has to.
    this.#failed.promise.catch(ignore)
  }

  get isEnded(): boolean {
    return this.#state === 'ended'
  }

  /** Whether messages to any address can leave on one link. */
  get offersAnonymousRelay(): boolean {
    return [this.#connection?.offered_capabilities ?? []].flat().includes(ANONYMOUS_RELAY)
  }

  /** Bytes that the socket has not taken yet. */
  get waitingBytes(): number {
    return this.#socket?.writableLength ?? 0
  }

  /** Connects; then links can be attached. Rejects with a {@link ConnectError}. */
  async connect(signal: AbortSignal): Promise<void> {
    const socket = await openSocket(this.#options.endpoint, signal)
    if (signal.aborted) {
      socket.destroy()
      throw signal.reason
    }
    signal.addEventListener('abort', () => this.#fail(signal.reason), { once: true })
    this.#socket = socket
    const opened = Promise.withResolvers<void>()
    this.#speak(socket, opened.resolve)
    await this.orFailure(opened.promise)
    // A broker may open and close in one breath.
    if (this.isEnded) await this.#failed.promise
  }

  /** Waits for something that the end of the connection makes impossible. */
  async orFailure<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed.promise])
  }

  /** A session that holds one link. */
  createSession(): RheaSession {
    const session = beginSession(this.#connection!)
    this.#sessions.add(session)
    session.on('session_close', () => {
      this.#sessions.delete(session)
      if (this.#sessions.size === 0) this.#onSessionsEnded?.()
    })
    return session
  }

  /** The session is usable: from now on its end is reported. */
  begin(): void {
    if (this.#early !== undefined) this.#options.onLost(lostError(this.#early.error))
    if (this.#state === 'opening') this.#state = 'open'
  }

  /** Says goodbye; resolves when the socket is gone. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #speak(socket: Socket, onOpen: () => void): void {
    const connection = speakAmqp(socket, this.#options)
    this.#connection = connection
    const fail = (error: unknown): void => this.#fail(error)
    connection.on('connection_open', () => {
      this.#stage = 'attach'
      onOpen()
    })
    connection.on('connection_error', ({ error }: { error?: AmqpCondition }) => fail(error))
    connection.on('connection_close', () => fail(undefined))
    connection.on('disconnected', ({ error }: { error?: unknown }) => fail(error))
    connection.on('protocol_error', fail)
    connection.on('error', fail)
    // rhea would say goodbye to a peer that does not listen.
    connection.idle = () => fail(silent(this.#options.idleTimeoutMs))
    socket.once('close', () => {
      fail(undefined)
      // Lets go of rhea's timers; of a socket that we destroyed it hears nothing.
      connection.eof()
    })
    connection.connect()
    // rhea would collect the bytes of any frame that is announced; its listener runs before this one.
    socket.on('data', () => {
      const { frame_size: bytes } = connection
      if (bytes > this.#options.maxFrameBytes) fail(new Error(`a frame of ${bytes} bytes began`))
    })
    const { mechanisms } = this.#options
    if (mechanisms === undefined) this.#stage = 'open'
    else preferMechanisms(connection, mechanisms)
  }

  async #close(): Promise<void> {
    const socket = this.#socket
    const wasEnded = this.isEnded
    this.#end()
    if (socket === undefined || socket.closed) return
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
    })
    const sayGoodbye = (): void => this.#connection?.close()
    if (wasEnded || this.#stage !== 'attach') socket.destroy()
    else if (this.#sessions.size === 0) sayGoodbye()
    // RabbitMQ forgets outcomes that its sessions have not read when the connection closes.
    else this.#onSessionsEnded = sayGoodbye
    const timer = setTimeout(() => socket.destroy(), this.#options.closeTimeoutMs)
    await closed
    clearTimeout(timer)
  }

  #fail(error: unknown): void {
    const state = this.#state
    if (state === 'ended') return
    this.#end()
    // What the broker still has to be told is on its way; then nobody listens any more.
    setImmediate(() => this.#socket?.destroySoon())
    if (state === 'open') {
      this.#options.onLost(lostError(error))
    } else {
      this.#early = { error }
      this.#failed.reject(openError(error, this.#stage, this.#options.endpoint))
    }
  }

  #end(): void {
    if (this.#state === 'ended') return
    this.#options.onEnd()
    this.#state = 'ended'
  }
}

function silent(limitMs: number): Error {
  return new Error(`the broker was silent for ${limitMs} ms`)
}

function ignore(): void {}
