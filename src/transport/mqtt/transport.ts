/**
 * The binding of connection type `mqtt` (MQTT 3.1.1): sources are subscriptions, targets are topics.
 * One client, or two when publishing has its own (`separatePublisherClient`).
 */

import type { Connection } from '../../connection/types.ts'
import { failure } from '../pending-batch.ts'
import {
  ConnectError,
  type OutboundMessage,
  type PublishOutcome,
  type Transport,
  type TransportFactory,
  type TransportOptions,
} from '../transport.ts'
import { compileSources, withoutShare } from './filters.ts'
import { MqttSession } from './session.ts'
import { type MqttSettings, toSettings } from './settings.ts'
import { REFUSED_TEXT, reportSources, reportTargets, subscriptions } from './subscriptions.ts'

/** Makes transports of MQTT 3.1.1 connections. */
export const createMqttTransport: TransportFactory = (options) => new MqttTransport(options)

class MqttTransport implements Transport {
  readonly #options: TransportOptions
  #consumer: MqttSession | undefined
  #publisher: MqttSession | undefined
  #settings: MqttSettings | undefined
  #paused = false
  #over = false
  /** Whether nobody comes back for the session. */
  #isLast = false
  readonly #closing = new AbortController()
  #unmatchedLogged = false

  constructor(options: TransportOptions) {
    this.#options = options
  }

  async open(signal: AbortSignal): Promise<void> {
    const { connectTimeoutMs } = this.#options
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(timedOut(connectTimeoutMs)), connectTimeoutMs)
    const cancel = (): void => deadline.abort(CANCELLED)
    signal.addEventListener('abort', cancel, { once: true })
    this.#closing.signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted || this.#closing.signal.aborted) cancel()
    try {
      await this.#open(deadline.signal)
    } catch (error) {
      await this.#end()
      this.#logUnreachable(error)
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancel)
      this.#closing.signal.removeEventListener('abort', cancel)
    }
  }

  publish(batch: readonly OutboundMessage[]): Promise<readonly PublishOutcome[]> {
    const session = this.#publisher
    if (session !== undefined) return session.publisher.publish(batch)
    const outcome = failure(503, 'There is no session with the broker.')
    return Promise.resolve(batch.map(() => outcome))
  }

  pause(): void {
    this.#paused = true
    this.#consumer?.intake.pause()
  }

  resume(): void {
    this.#paused = false
    this.#consumer?.intake.resume()
  }

  async stopConsuming(successor: Connection | undefined): Promise<void> {
    const { connection, dryRun } = this.#options
    const successorSettings = successor && toSettings(successor, this.#options.clientIndex, dryRun)
    this.#isLast = !isSameSession(this.#settings, successorSettings)
    // In a persistent session UNSUBSCRIBE would forget what arrives until the next one.
    const kept = this.#isLast ? NO_FILTERS : subscriptions(successor!, dryRun)
    const givenUp = [...subscriptions(connection, dryRun).keys()].filter((one) => !kept.has(one))
    await this.#consumer?.unsubscribe(givenUp)
    this.#consumer?.intake.stop()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#end()
    if (this.#isLast && this.#settings?.cleanSession === false) await this.#forgetSession()
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { connection, clientIndex, dryRun } = this.#options
    this.#settings = toSettings(connection, clientIndex, dryRun)
    const { publisherId, clientId } = this.#settings
    if (publisherId !== undefined) {
      this.#publisher = this.#createSession(publisherId, 'publisher')
      await this.#publisher.connect(signal)
    }
    if (publisherId === undefined || connection.sources.length > 0) {
      this.#consumer = this.#createSession(clientId, 'consumer')
      if (this.#paused) this.#consumer.intake.pause()
      this.#publisher ??= this.#consumer
      await this.#consumer.connect(signal)
      await this.#subscribe(this.#consumer)
    }
    reportTargets(connection, this.#options.events)
    // The shard learns of the session first, and of its messages then.
    setImmediate(() => this.#begin())
  }

  #begin(): void {
    this.#publisher?.begin()
    this.#consumer?.begin()
  }

  /** A clean session in its place ends a persistent one, with everything that waits in it. */
  async #forgetSession(): Promise<void> {
    if (this.#options.connection.sources.length === 0) return
    const session = this.#createSession(this.#settings!.clientId, 'eraser')
    // Best effort: a broker that is away keeps the session until it expires.
    await session.connect(AbortSignal.timeout(FORGET_MS)).catch(() => {})
    await session.close()
  }

  #createSession(clientId: string, role: 'publisher' | 'consumer' | 'eraser'): MqttSession {
    const { connection, events, dryRun, publishTimeoutMs } = this.#options
    const settings = this.#settings!
    // Without subscriptions there is nothing that a persistent session would keep.
    const clean = role !== 'consumer' || connection.sources.length === 0
    return new MqttSession({
      ...settings,
      clientId,
      cleanSession: clean || settings.cleanSession,
      will: role === 'consumer' ? settings.will : undefined,
      publishTimeoutMs,
      intake: {
        matcher: compileSources(connection.sources),
        reconnectForRedelivery: settings.redeliveryDelayMs !== undefined,
        onDeliveries: (batch) => {
          // A dry run looks whether it could; it takes no part.
          if (!dryRun) events.onDeliveries(batch)
        },
        onUnmatched: (topic) => this.#onUnmatched(topic),
        onRedeliveryNeeded: () => this.#reconnectForRedelivery(),
      },
      onLost: (error) => this.#lost(error),
    })
  }

  /** Subscribes; a session that the broker kept is usable before the answer is there. */
  async #subscribe(session: MqttSession): Promise<void> {
    const { connection, events, dryRun } = this.#options
    reportSources(connection, events, undefined)
    const filters = subscriptions(connection, dryRun)
    const subscribed = session
      .subscribe(filters)
      .then((refused) => this.#subscribed(filters, refused))
    const isResumed = await Promise.race([
      subscribed.then(() => false),
      session.resumed.then(() => true),
    ])
    if (!isResumed) return
    reportSources(connection, events, () => false)
    subscribed.catch((error: ConnectError) => this.#lost(error))
  }

  /** The broker has answered. Throws a {@link ConnectError} when it refused all filters. */
  #subscribed(filters: ReadonlyMap<string, unknown>, refused: ReadonlySet<string>): void {
    const { connection, events, dryRun } = this.#options
    reportSources(connection, events, (address) =>
      refused.has(dryRun ? withoutShare(address) : address),
    )
    if (refused.size === 0) {
      if (filters.size === 0) return
      events.onLog('success', `Subscriptions ${[...filters.keys()]} initialized successfully.`)
      return
    }
    const message = `${REFUSED_TEXT} Topic filters: ${[...refused].join(', ')}`
    events.onLog('failure', message)
    // One forbidden filter must not silence the others; without any there is nothing to be open for.
    if (refused.size === filters.size) {
      throw new ConnectError('authorization', 'misconfigured', message)
    }
  }

  #onUnmatched(topic: string): void {
    if (this.#unmatchedLogged) return
    this.#unmatchedLogged = true
    this.#options.events.onLog(
      'failure',
      `A message on topic '${topic}' matches no source and was acknowledged without effect; further ` +
        'ones are not logged. The session at the broker still has a subscription of an earlier ' +
        "version of this connection; open it once with 'cleanSession' to get rid of it.",
    )
  }

  #reconnectForRedelivery(): void {
    if (this.#over) return
    this.#over = true
    const error = new ConnectError(
      'lost',
      'failed',
      'MQTT client disconnected in order to get redeliveries.',
      { reconnectAfterMs: this.#settings?.redeliveryDelayMs ?? 0 },
    )
    // What else this turn settles is acknowledged first, as far as the order allows.
    setImmediate(async () => {
      await this.#end()
      if (!this.#closing.signal.aborted) this.#options.events.onLost(error)
    })
  }

  #lost(error: ConnectError): void {
    if (this.#over || this.#closing.signal.aborted) return
    this.#over = true
    void this.#end()
    this.#options.events.onLost(error)
  }

  #logUnreachable(error: unknown): void {
    if (!(error instanceof ConnectError) || error.failure !== 'unreachable') return
    const endpoint = this.#settings?.endpoint
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    this.#options.events.onLog(
      'failure',
      `Socket could not be opened for ${endpoint?.host}:${endpoint?.port} due to ${reason}`,
    )
  }

  async #end(): Promise<void> {
    await Promise.all([this.#consumer?.close(), this.#publisher?.close()])
  }
}

/** How long it may take to tell a broker that a session is over for good, in milliseconds. */
const FORGET_MS = 1_000

const NO_FILTERS: ReadonlyMap<string, unknown> = new Map()

/** Whether a client with the one finds the session that a client with the other left. */
function isSameSession(one: MqttSettings | undefined, other: MqttSettings | undefined): boolean {
  if (one === undefined || other === undefined) return false
  if (one.cleanSession || other.cleanSession) return false
  const sameBroker =
    one.endpoint.host === other.endpoint.host && one.endpoint.port === other.endpoint.port
  return sameBroker && one.clientId === other.clientId
}

const CANCELLED = new ConnectError('lost', 'failed', 'Opening was cancelled.')

function timedOut(limitMs: number): ConnectError {
  return new ConnectError(
    'timeout',
    'failed',
    `The broker did not complete the connection within ${limitMs} ms.`,
  )
}
