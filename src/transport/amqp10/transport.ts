/**
 * The binding of connection type `amqp-10` (AMQP 1.0): sources are links that messages arrive on, targets
 * links that they leave on. One connection to the broker; a session for each link.
 */
import { failure } from '../pending-batch.ts'
import {
  ConnectError,
  type OutboundMessage,
  type PublishOutcome,
  type Transport,
  type TransportFactory,
  type TransportOptions,
} from '../transport.ts'
import { AmqpClient } from './client.ts'
import { Consumers } from './consumers.ts'
import { AmqpPublisher } from './publisher.ts'
import { type AmqpSettings, toSettings } from './settings.ts'

/** Makes transports of AMQP 1.0 connections. */
export const createAmqp10Transport: TransportFactory = (options) => new Amqp10Transport(options)

class Amqp10Transport implements Transport {
  readonly #options: TransportOptions
  #client: AmqpClient | undefined
  #consumers: Consumers | undefined
  #publisher: AmqpPublisher | undefined
  #isPaused = false
  readonly #closing = new AbortController()

  constructor(options: TransportOptions) {
    this.#options = options
  }

  async open(signal: AbortSignal): Promise<void> {
    const settings = toSettings(this.#options)
    const { connectTimeoutMs } = settings
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(timedOut(connectTimeoutMs)), connectTimeoutMs)
    const cancel = (): void => deadline.abort(CANCELLED)
    signal.addEventListener('abort', cancel, { once: true })
    this.#closing.signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted || this.#closing.signal.aborted) cancel()
    try {
      await this.#open(settings, deadline.signal)
    } catch (error) {
      await this.#end()
      this.#logUnreachable(error, settings)
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancel)
      this.#closing.signal.removeEventListener('abort', cancel)
    }
  }

  publish(batch: readonly OutboundMessage[]): Promise<readonly PublishOutcome[]> {
    const publisher = this.#publisher
    if (publisher !== undefined) return publisher.publish(batch)
    const outcome = failure(503, 'There is no session with the broker.')
    return Promise.resolve(batch.map(() => outcome))
  }

  pause(): void {
    this.#isPaused = true
    this.#consumers?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#consumers?.resume()
  }

  async stopConsuming(): Promise<void> {
    this.#consumers?.stop()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#end()
  }

  async #open(settings: AmqpSettings, signal: AbortSignal): Promise<void> {
    const { events } = this.#options
    const client = new AmqpClient({
      ...settings,
      onEnd: () => this.#detach(),
      onLost: (error) => {
        if (!this.#closing.signal.aborted) events.onLost(error)
      },
    })
    this.#client = client
    if (settings.ignoredOptions.length > 0) {
      const names = settings.ignoredOptions.join(', ')
      events.onLog('success', `These options of 'specificConfig' have no effect: ${names}.`)
    }
    await client.connect(signal)
    await client.orFailure(this.#attach(client, settings))
    // The shard learns of the session first, and of its messages then.
    setImmediate(() => {
      client.begin()
      this.#consumers?.begin()
    })
  }

  async #attach(client: AmqpClient, settings: AmqpSettings): Promise<void> {
    const { connection, events, dryRun, maxUnsettled } = this.#options
    const shared = {
      ...settings,
      connection,
      events,
      dryRun,
      backoff: this.#options,
      createSession: () => client.createSession(),
    }
    this.#publisher = new AmqpPublisher({
      ...shared,
      offersAnonymousRelay: client.offersAnonymousRelay,
      waitingBytes: () => client.waitingBytes,
    })
    this.#consumers = new Consumers({ ...shared, maxUnsettled })
    if (this.#isPaused) this.#consumers.pause()
    await Promise.all([this.#publisher.open(), this.#consumers.open()])
  }

  #logUnreachable(error: unknown, { endpoint }: AmqpSettings): void {
    if (!(error instanceof ConnectError) || error.failure !== 'unreachable') return
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    this.#options.events.onLog(
      'failure',
      `Socket could not be opened for ${endpoint.host}:${endpoint.port} due to ${reason}`,
    )
  }

  /** What was settled is told, the rest goes back; what was not sent for certain fails. */
  #detach(): void {
    this.#consumers?.end()
    this.#publisher?.end('The connection ended before the broker confirmed the message.')
  }

  async #end(): Promise<void> {
    await this.#client?.close()
  }
}

const CANCELLED = new ConnectError('lost', 'failed', 'Opening was cancelled.')

function timedOut(limitMs: number): ConnectError {
  return new ConnectError(
    'timeout',
    'failed',
    `The broker did not complete the connection within ${limitMs} ms.`,
  )
}
