/**
 * A shard: one client of one connection, with everything it needs, on one worker thread. Takes its
 * parts through their life: start, messages, drain, close.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { secretsOf } from '../connection/secrets.ts'
import type { Connection } from '../connection/types.ts'
import type { ConnectionLog, LogLevel, LogNews } from '../monitoring/log-entry.ts'
import { createLogRings, type LogRings } from '../monitoring/log-ring.ts'
import { createRedactor, type Redactor } from '../monitoring/redaction.ts'
import type { Signal } from '../protocol/signal.ts'
import type { AckResult, Subscription } from '../routing/router.ts'
import type { Delivery, Transport } from '../transport/transport.ts'
import { announcement } from './announcements.ts'
import { assemble, type ShardEnvironment, type ShardParts } from './assembly.ts'
import type { ShardDescription } from './description.ts'
import { Session } from './session.ts'

/** What is published last gets that long, even if draining took all its time. */
const FAREWELL_MS = 500

/** A running client of a connection. */
export interface Shard {
  /** What the shard wants of the router. */
  readonly subscription: Subscription
  /** Whether commands wait because the store of the twins does not work. */
  readonly waitsForStore: boolean
  /** Begins to connect, and stays connected until closed. */
  start(): void
  /** Tries at once when it waits after a failure. */
  retry(): void
  /** Stops consuming; resolves when everything consumed is settled, or has had its time. */
  drain(): Promise<void>
  /**
   * Drains, publishes what is in flight, closes the session. `successor`: the definition by which the
   * connection runs on, now or later; undefined when it is deleted.
   */
  close(successor: Connection | undefined): Promise<void>
  deliver(batch: readonly Signal[]): void
  acknowledge(batch: readonly AckResult[]): void
  setLogs(active: boolean): void
  resetLogs(): void
  /** What the log holds beyond a sequence number. */
  logs(after: number): LogNews
}

/**
 * Makes a shard; it does nothing until started. Throws a {@link DittoException} when a mapping
 * definition, placeholder or filter of the connection cannot be compiled.
 */
export function createShard(description: ShardDescription, environment: ShardEnvironment): Shard {
  return new RunningShard(description, environment)
}

class RunningShard implements Shard {
  readonly #description: ShardDescription
  readonly #environment: ShardEnvironment
  /** What `GET /logs` shows; everything is written to the log around it. */
  readonly #rings: LogRings
  readonly #log: ConnectionLog
  readonly #parts: ShardParts
  readonly #session: Session
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** When draining will have had its time, on the monotonic clock. */
  #deadlineMs = 0

  constructor(description: ShardDescription, environment: ShardEnvironment) {
    const { connection, settings } = description
    this.#description = description
    this.#environment = environment
    const redact = createRedactor([...secretsOf(connection).values()])
    this.#rings = createLogRings({
      shard: description.shard,
      capacitySuccess: settings.logCapacity,
      capacityFailure: settings.logCapacity,
      active: description.logsActive,
      redact,
    })
    this.#log = this.#publishedLog(redact) ?? this.#rings
    this.#parts = assemble(description, environment, {
      entries: this.#log,
      write: (level, message) => this.#writeLog(level, message),
    })
    this.#session = this.#createSession()
  }

  get subscription(): Subscription {
    return this.#parts.subscription
  }

  get waitsForStore(): boolean {
    return this.#parts.inbound.waitsForStore
  }

  start(): void {
    this.#session.start()
  }

  retry(): void {
    this.#session.retry()
  }

  drain(): Promise<void> {
    return this.#drainFor(this.#description.connection)
  }

  close(successor: Connection | undefined): Promise<void> {
    this.#closing ??= this.#close(successor)
    return this.#closing
  }

  deliver(batch: readonly Signal[]): void {
    this.#parts.outbound.deliver(batch)
  }

  acknowledge(batch: readonly AckResult[]): void {
    this.#parts.inbound.acknowledge(batch)
  }

  setLogs(active: boolean): void {
    this.#rings.active = active
  }

  resetLogs(): void {
    this.#rings.reset()
  }

  logs(after: number): LogNews {
    const { newest } = this.#rings
    return { shard: this.#description.shard, newest, entries: this.#rings.entries(after) }
  }

  #drainFor(successor: Connection | undefined): Promise<void> {
    this.#draining ??= this.#drain(successor)
    return this.#draining
  }

  async #drain(successor: Connection | undefined): Promise<void> {
    const { drainTimeoutMs } = this.#description.settings
    this.#deadlineMs = performance.now() + drainTimeoutMs
    await within(drainTimeoutMs, this.#settleEverything(successor))
  }

  async #settleEverything(successor: Connection | undefined): Promise<void> {
    const { clientIndex } = this.#description
    const hasSuccessor = successor !== undefined && clientIndex < successor.clientCount
    await this.#session.stop(hasSuccessor ? successor : undefined)
    this.#parts.throttle?.flush()
    await this.#parts.inbound.idle()
    await this.#parts.admission.idle()
  }

  async #close(successor: Connection | undefined): Promise<void> {
    const { throttle, inbound, outbound, waysOut, mappers } = this.#parts
    // Signals from other threads that were on their way when the shard left the routing tables.
    await nextTurn()
    await this.#drainFor(successor)
    inbound.giveUp()
    const leftMs = Math.max(FAREWELL_MS, this.#deadlineMs - performance.now())
    await within(leftMs, this.#publishEverything())
    await this.#session.close()
    throttle?.close()
    inbound.close()
    outbound.close()
    waysOut.close()
    mappers.close()
  }

  async #publishEverything(): Promise<void> {
    await this.#parts.outbound.idle()
    if (this.#session.isOpen) this.#announce('closed')
    await this.#parts.waysOut.drained()
  }

  #createSession(): Session {
    const { createTransport, onStatus, now } = this.#environment
    const { connection, clientIndex, dryRun, settings } = this.#description
    const { maxUnsettled, connectTimeoutMs, publishTimeoutMs, backoffMinMs, backoffMaxMs } =
      settings
    const { inbound } = this.#parts
    const backoff = { backoffMinMs, backoffMaxMs }
    const limits = { maxUnsettled, connectTimeoutMs, publishTimeoutMs, ...backoff }
    return new Session({
      createTransport: (events) => {
        const options = { connection, clientIndex, dryRun, events, ...limits }
        const transport = createTransport(options)
        // A resumed session may deliver before it is open.
        this.#parts.admission.control(transport)
        return transport
      },
      // A dry run only proves that subscribing works: what it receives stays unsettled at the broker.
      onDeliveries: (batch) => {
        if (!dryRun) this.#consume(batch)
      },
      onUndecodable: (source, address, error) => inbound.undecodable(source, address, error),
      onOpen: (transport) => this.#opened(transport),
      onClosed: () => this.#closed(),
      onStatus,
      onLog: (level, message) => this.#writeLog(level, message),
      ...backoff,
      now,
      monotonicMs: () => performance.now(),
    })
  }

  #consume(batch: readonly Delivery[]): void {
    const { admission, throttle, inbound } = this.#parts
    admission.take(batch.length)
    if (throttle === undefined) inbound.consume(batch)
    else throttle.take(batch)
  }

  #opened(transport: Transport): void {
    this.#parts.waysOut.connect(transport)
    this.#announce('opened')
  }

  #closed(): void {
    this.#parts.admission.control(undefined)
    this.#parts.waysOut.connect(undefined)
  }

  #announce(event: 'opened' | 'closed'): void {
    const { connection, dryRun } = this.#description
    if (dryRun || !this.subscription.types.includes('connection-announcements')) return
    this.deliver([announcement(connection.id, event, this.#environment.now())])
  }

  /** Nobody wants to hear of tries. */
  #publishedLog(redact: Redactor): ConnectionLog | undefined {
    const { connection, clientIndex, dryRun } = this.#description
    if (dryRun) return undefined
    const author = { connectionId: connection.id, clientIndex, clientCount: connection.clientCount }
    return this.#environment.logCollector?.logFor(author, this.#rings, redact)
  }

  #writeLog(level: LogLevel, message: string): void {
    if (!this.#log.wants[level]) return
    const correlationId = '<not-provided>'
    const at = this.#environment.now()
    this.#log.add({ correlationId, at, category: 'connection', type: 'other', level, message })
  }
}

/** Waits for work, but not for ever. */
async function within(limitMs: number, work: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limitMs)
  await Promise.race([work, late])
  clearTimeout(timer)
}
