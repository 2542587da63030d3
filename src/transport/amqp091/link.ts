/**
 * One network connection with a broker through amqplib, and its channels. Knows nothing of sources and
 * targets, and never reconnects: the shard does, for all protocols alike.
 *
 * amqplib opens its socket itself. What it keeps to itself is taken from its inside here and nowhere
 * else (pinned version, covered by the conformance suite): the socket, the negotiated frame size, and
 * where the frames of a channel wait to be written.
 */
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import {
  type Channel,
  type ChannelModel,
  type ChannelOptions,
  type ConfirmChannel,
  connect,
  credentials,
  type SocketOptions,
} from 'amqplib'
import { lookupName } from '../names.ts'
import { tlsOptions } from '../socket.ts'
import type { ConnectError } from '../transport.ts'
import { lostError, openError } from './errors.ts'
import type { AmqpSettings, Login } from './settings.ts'

/** How long a broker may take to say goodbye. */
export const FAREWELL_MS = 1000
/** A peer that says nothing for two to three of these is gone. The smaller one of both sides counts. */
const HEARTBEAT_SECONDS = 10
/** The largest frame we ask for: RabbitMQ's own default. */
const FRAME_BYTES = 131_072
/** As many channels as the broker allows. */
const CHANNELS_MAX = 0

/** Who hears of what happens to a link. */
export interface LinkEvents {
  /** The open link ended by itself. At most once. */
  onLost(error: ConnectError): void
  /** The broker does not read from this connection for the reason, or does so again. */
  onBlocked(reason: string | undefined): void
}

/** Lives once: after it ended, a new one is made. */
export class AmqpLink {
  readonly #settings: AmqpSettings
  readonly #role: string
  readonly #events: LinkEvents
  readonly #life = new AbortController()
  readonly #channels = new Set<Channel>()
  #model: ChannelModel | undefined
  #over = false
  #closing: Promise<void> | undefined

  /** `role` is appended to the name by which the broker lists the connection. */
  constructor(settings: AmqpSettings, role: string, events: LinkEvents) {
    this.#settings = settings
    this.#role = role
    this.#events = events
  }

  get isOpen(): boolean {
    return this.#model !== undefined && !this.#over
  }

  /** The largest frame that both sides agreed on. */
  get frameBytes(): number {
    return (this.#model?.connection as unknown as Inside | undefined)?.frameMax ?? FRAME_BYTES
  }

  /** Connects. Rejects with a {@link ConnectError}, or with the reason of an aborted signal. */
  async open(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const abort = (): void => this.#life.abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      const model = await this.#connect()
      this.#model = model
      this.#listen(model)
    } catch (error) {
      signal.throwIfAborted()
      throw openError(error, this.#settings)
    } finally {
      signal.removeEventListener('abort', abort)
    }
    signal.throwIfAborted()
  }

  /** A channel; rejects when the link is gone. */
  async openChannel(): Promise<Channel> {
    return this.#keep(await this.#openModel.createChannel())
  }

  /** A channel on which the broker confirms what is published. */
  async openConfirmChannel(options: ChannelOptions): Promise<ConfirmChannel> {
    return this.#keep(await this.#openModel.createConfirmChannel(options))
  }

  /** The number by which frames name an open channel. */
  numberOf(channel: Channel): number {
    return (channel as unknown as ChannelInside).ch
  }

  /** Writes whole frames of an open channel behind those of amqplib; whether more are welcome now. */
  write(channel: Channel, frames: Buffer): boolean {
    const inside = this.#model!.connection as unknown as Inside
    inside.sentSinceLastCheck = true
    return inside.channels[this.numberOf(channel)]!.buffer.write(frames)
  }

  /**
   * Closes all channels, so that what was sent on them arrives, then the connection; resolves when the
   * socket is gone. Idempotent.
   */
  close(): Promise<void> {
    this.#over = true
    this.#closing ??= this.#close(true)
    return this.#closing
  }

  get #socket(): Socket | undefined {
    return (this.#model?.connection as unknown as Inside | undefined)?.stream
  }

  get #openModel(): ChannelModel {
    if (this.#model === undefined || this.#over) throw new Error('There is no session.')
    return this.#model
  }

  async #connect(): Promise<ChannelModel> {
    const { endpoint, login, virtualHost, name } = this.#settings
    const { host, port, tls } = endpoint
    const url = {
      protocol: tls === undefined ? 'amqp' : 'amqps',
      hostname: host,
      port,
      vhost: encodeURIComponent(virtualHost),
      // amqplib takes it from here only.
      heartbeat: HEARTBEAT_SECONDS,
      frameMax: FRAME_BYTES,
      channelMax: CHANNELS_MAX,
    }
    const options: SocketOptions & { readonly signal: AbortSignal } = {
      ...(tls !== undefined && tlsOptions(host, tls)),
      // Node destroys the socket with it, at whatever it is.
      signal: this.#life.signal,
      // Messages are written together already; Nagle's delay would only add latency.
      noDelay: true,
      lookup: lookupName,
      credentials: toCredentials(login),
      clientProperties: { connection_name: name + this.#role },
    }
    return connect(url, options)
  }

  #listen(model: ChannelModel): void {
    // Behind an error amqplib may still wait for the broker's farewell; we do not.
    model.on('error', (error) => this.#lost(error))
    model.on('close', (error) => this.#lost(error))
    model.on('blocked', (reason) => this.#events.onBlocked(reason))
    model.on('unblocked', () => this.#events.onBlocked(undefined))
    const socket = this.#socket!
    // amqplib has no listener of its own while the socket winds down.
    socket.on('error', ignore)
  }

  #lost(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#closing = this.#close(false)
    this.#events.onLost(lostError(error))
  }

  async #close(politely: boolean): Promise<void> {
    const model = this.#model
    if (model === undefined) {
      this.#life.abort()
      return
    }
    const socket = this.#socket!
    if (socket.closed) return
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
    })
    const timer = setTimeout(() => socket.destroy(), politely ? FAREWELL_MS : 0)
    if (politely) await Promise.race([this.#farewell(model), closed])
    await closed
    clearTimeout(timer)
  }

  #keep<C extends Channel>(channel: C): C {
    this.#channels.add(channel)
    channel.on('close', () => this.#channels.delete(channel))
    return channel
  }

  /** Connection.close overtakes what channels have not written yet; their own close does not. */
  async #farewell(model: ChannelModel): Promise<void> {
    await Promise.all([...this.#channels].map(closeChannel))
    try {
      await model.close()
    } catch {
      // It was gone already.
    }
  }
}

/** Closes a channel in whatever state; what the broker still holds for it goes back to the queue. */
export async function closeChannel(channel: Channel): Promise<void> {
  try {
    await channel.close()
  } catch {
    // It was gone already.
  }
}

/** What amqplib does not tell of its connections. */
interface Inside {
  readonly stream: Socket
  readonly frameMax: number
  /** By their numbers: what waits until it is the channel's turn to write. */
  readonly channels: readonly ({ readonly buffer: Writable } | null)[]
  /** While frames leave, no heartbeats have to. */
  sentSinceLastCheck: boolean
}

/** What amqplib does not tell of its channels. */
interface ChannelInside {
  readonly ch: number
}

function toCredentials(login: Login): NonNullable<SocketOptions['credentials']> {
  return login.mechanism === 'EXTERNAL'
    ? credentials.external()
    : credentials.plain(login.username, login.password)
}

function ignore(): void {}
