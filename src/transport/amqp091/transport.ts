/**
 * The binding of connection type `amqp-091` (AMQP 0.9.1): sources are existing queues, targets are
 * exchanges and routing keys. Consuming and publishing have a connection each: a broker that runs out of
 * memory or disk stops reading from those that publish, and acknowledgements must not wait for that.
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
import { noQueueError } from './errors.ts'
import { Intake } from './intake.ts'
import { AmqpLink } from './link.ts'
import { AmqpPublisher } from './publisher.ts'
import { type AmqpSettings, toSettings } from './settings.ts'
import type { QueueSource } from './source.ts'
import { createSources } from './sources.ts'
import { TargetStates } from './targets.ts'

/** Makes transports of AMQP 0.9.1 connections. */
export const createAmqp091Transport: TransportFactory = (options) => new Amqp091Transport(options)

class Amqp091Transport implements Transport {
  readonly #options: TransportOptions
  readonly #intake: Intake
  readonly #targets: TargetStates
  readonly #closing = new AbortController()
  #sources: readonly QueueSource[] = []
  #consumer: AmqpLink | undefined
  #producer: AmqpLink | undefined
  #publisher: AmqpPublisher | undefined
  #state: 'opening' | 'open' | 'over' = 'opening'
  #loss: ConnectError | undefined
  readonly #failed = Promise.withResolvers<never>()

  constructor(options: TransportOptions) {
    this.#options = options
    this.#intake = new Intake((batch) => options.events.onDeliveries(batch))
    this.#targets = new TargetStates(options.connection.targets, options.events)
    // Whoever opens the session waits for it; nobody else has to.
    this.#failed.promise.catch(ignore)
  }

  async open(signal: AbortSignal): Promise<void> {
    const { connectTimeoutMs } = this.#options
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(timedOut(connectTimeoutMs)), connectTimeoutMs)
    const cancel = (): void => deadline.abort(CANCELLED)
    deadline.signal.addEventListener('abort', () => this.#failed.reject(deadline.signal.reason))
    signal.addEventListener('abort', cancel, { once: true })
    this.#closing.signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted || this.#closing.signal.aborted) cancel()
    try {
      const opened = this.#open(deadline.signal)
      opened.catch(ignore)
      await Promise.race([opened, this.#failed.promise])
      // It may be over before anybody has heard of it.
      if (this.#loss !== undefined) throw this.#loss
    } catch (error) {
      await this.#end('The session could not be opened.')
      this.#logUnreachable(error)
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancel)
      this.#closing.signal.removeEventListener('abort', cancel)
    }
    if (this.#state === 'opening') this.#state = 'open'
    // The shard learns of the session first, and of its messages then.
    setImmediate(() => this.#intake.begin())
  }

  publish(batch: readonly OutboundMessage[]): Promise<readonly PublishOutcome[]> {
    if (this.#publisher !== undefined) return this.#publisher.publish(batch)
    const outcome = failure(503, 'There is no session with the broker.')
    return Promise.resolve(batch.map(() => outcome))
  }

  pause(): void {
    this.#intake.pause()
  }

  resume(): void {
    this.#intake.resume()
  }

  async stopConsuming(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.stop()))
    this.#intake.stop()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#end('The connection was closed before the broker confirmed it.')
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { connection, clientIndex, dryRun } = this.#options
    const settings = toSettings(connection, clientIndex, dryRun)
    const { sources, targets } = connection
    const publishes = targets.length > 0 || sources.some(({ replyTarget }) => replyTarget.enabled)
    if (publishes || sources.length === 0) await this.#openProducer(settings, signal)
    if (sources.length > 0) await this.#openConsumer(settings, signal)
  }

  async #openConsumer(settings: AmqpSettings, signal: AbortSignal): Promise<void> {
    const link = new AmqpLink(settings, '', {
      onLost: (error) => this.#lost(error),
      onBlocked: ignore,
    })
    this.#consumer = link
    await link.open(signal)
    this.#sources = createSources(this.#options, link, this.#intake)
    const failures = await Promise.all(this.#sources.map((source) => source.start()))
    if (this.#sources.length > 0 && !failures.includes(undefined)) {
      throw noQueueError(
        this.#sources.map(({ address }) => address),
        failures,
      )
    }
  }

  async #openProducer(settings: AmqpSettings, signal: AbortSignal): Promise<void> {
    const { publishTimeoutMs } = this.#options
    const link = new AmqpLink(settings, ' (publisher)', {
      onLost: (error) => this.#lost(error),
      onBlocked: (reason) => this.#blocked(reason),
    })
    this.#producer = link
    await link.open(signal)
    this.#publisher = new AmqpPublisher({
      ...this.#options,
      link,
      timeoutMs: publishTimeoutMs,
      onExchange: (exchange, reason) => this.#targets.set(exchange, reason),
    })
    await this.#publisher.begin(this.#targets.exchanges)
    this.#targets.begin()
  }

  #blocked(reason: string | undefined): void {
    this.#publisher?.setBlocked(reason !== undefined)
    this.#targets.setBlocked(reason)
  }

  #lost(error: ConnectError): void {
    if (this.#state === 'opening') {
      this.#loss = error
      this.#failed.reject(error)
      return
    }
    if (this.#state === 'over') return
    void this.#end('The session with the broker was lost before it confirmed the message.')
    this.#options.events.onLost(error)
  }

  #logUnreachable(error: unknown): void {
    if (!(error instanceof ConnectError) || error.failure !== 'unreachable') return
    const { connection, clientIndex, dryRun, events } = this.#options
    const { host, port } = toSettings(connection, clientIndex, dryRun).endpoint
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    events.onLog('failure', `Socket could not be opened for ${host}:${port} due to ${reason}`)
  }

  async #end(reason: string): Promise<void> {
    this.#state = 'over'
    this.#publisher?.end(reason)
    for (const source of this.#sources) source.end()
    this.#intake.stop()
    await Promise.all([this.#consumer?.close(), this.#producer?.close()])
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

function ignore(): void {}
