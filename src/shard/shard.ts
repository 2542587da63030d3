/**
 * A shard: one client of one connection, with everything it needs, on one worker thread. Puts the
 * parts together and takes them through their life: start, messages, drain, close.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { secretsOf } from '../connection/secrets.ts'
import type { StreamingType } from '../connection/topics.ts'
import type { MapperEnvironment, ScriptRecorder } from '../mapping/mapper.ts'
import {
  type OutboundMetric,
  RESPONSES_ADDRESS,
  type ShardCounters,
} from '../monitoring/counters.ts'
import type { LogEntry, LogLevel } from '../monitoring/log-entry.ts'
import { createLogRings, type LogRings } from '../monitoring/log-ring.ts'
import { createRedactor } from '../monitoring/redaction.ts'
import { durationMsHeader } from '../protocol/headers.ts'
import type { Signal } from '../protocol/signal.ts'
import type { AckResult, Router, Subscription } from '../routing/router.ts'
import type { Transport, TransportFactory } from '../transport/transport.ts'
import type { Twin } from '../twin/twin.ts'
import { AckCollector } from './acknowledgements.ts'
import { Admission } from './admission.ts'
import { announcement } from './announcements.ts'
import type { ShardDescription, ShardStatus } from './description.ts'
import { Inbound } from './inbound.ts'
import { ShardMappers } from './mappers.ts'
import { Monitor } from './monitor.ts'
import { Outbound } from './outbound.ts'
import { Publisher } from './publisher.ts'
import { Replies } from './replies.ts'
import { Session } from './session.ts'
import { SourceProgram } from './source.ts'
import { TargetProgram } from './target.ts'

/** What a shard finds on its thread. */
export interface ShardEnvironment {
  readonly thread: number
  readonly twin: Twin
  readonly router: Router
  readonly recorder: ScriptRecorder
  readonly createTransport: TransportFactory
  readonly counters: ShardCounters
  readonly onStatus: (status: ShardStatus) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A running client of a connection. */
export interface Shard {
  /** What the shard wants of the router. */
  readonly subscription: Subscription
  /** Begins to connect, and stays connected until closed. */
  start(): void
  /** Tries at once when it waits after a failure. */
  retry(): void
  /** Stops consuming; resolves when everything consumed is settled, or has had its time. */
  drain(): Promise<void>
  /** Drains, publishes what is in flight, closes the session. */
  close(): Promise<void>
  deliver(batch: readonly Signal[]): void
  acknowledge(batch: readonly AckResult[]): void
  setLogs(active: boolean): void
  resetLogs(): void
  logs(): readonly LogEntry[]
}

/**
 * Makes a shard; it does nothing until started. Throws a {@link DittoException} when a mapping
 * definition, placeholder or filter of the connection cannot be compiled.
 */
export function createShard(description: ShardDescription, environment: ShardEnvironment): Shard {
  return new RunningShard(description, environment)
}

class RunningShard implements Shard {
  readonly subscription: Subscription
  readonly #description: ShardDescription
  readonly #environment: ShardEnvironment
  readonly #log: LogRings
  readonly #mappers: ShardMappers
  readonly #admission: Admission
  readonly #acknowledgements: AckCollector
  readonly #publisher: Publisher
  readonly #inbound: Inbound
  readonly #outbound: Outbound
  readonly #session: Session
  #draining: Promise<void> | undefined
  /** When draining began to have had its time. */
  #deadline: AbortSignal | undefined
  readonly #announces: boolean

  constructor(description: ShardDescription, environment: ShardEnvironment) {
    const { connection, settings, shard } = description
    const { router, twin, now, thread } = environment
    this.#description = description
    this.#environment = environment
    this.#log = createLogRings({
      capacitySuccess: settings.logCapacity,
      capacityFailure: settings.logCapacity,
      active: description.logsActive,
      redact: createRedactor([...secretsOf(connection).values()]),
    })
    this.#mappers = new ShardMappers(connection, this.#mapperEnvironment())
    this.#admission = new Admission(settings.maxUnsettled)
    this.#acknowledgements = new AckCollector(now)
    this.#publisher = new Publisher(settings.maxOutboundQueue, (congested) =>
      router.congestion(shard, congested),
    )
    const targets = this.#compileTargets()
    const connectionId = connection.id
    const publisher = this.#publisher
    this.#outbound = new Outbound({ connectionId, targets, publisher, twin, router, now })
    this.#inbound = new Inbound({
      thread,
      shard,
      sources: this.#compileSources(),
      twin,
      router,
      replies: new Replies({ connectionId, publisher, monitor: this.#responseMonitor(), now }),
      admission: this.#admission,
      acknowledgements: this.#acknowledgements,
      ackTimeoutMs: ({ adaptable }) =>
        durationMsHeader(adaptable.headers, 'timeout') ?? settings.ackTimeoutMs,
    })
    this.#session = this.#createSession()
    const types = targets.flatMap((target) => target.types)
    this.#announces = types.includes('connection-announcements') && !description.dryRun
    this.subscription = this.#subscribe(types, targets)
  }

  start(): void {
    this.#session.start()
  }

  retry(): void {
    this.#session.retry()
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  async close(): Promise<void> {
    // Signals from other threads that were on their way when the shard left the routing tables.
    await nextTurn()
    await this.drain()
    const deadline = this.#deadline!
    this.#acknowledgements.close()
    await before(deadline, this.#outbound.idle())
    this.#announce('closed')
    if (this.#session.status.client.status === 'open') {
      await before(deadline, this.#publisher.drained())
    }
    await this.#session.close()
    this.#publisher.discard()
    this.#mappers.close()
  }

  deliver(batch: readonly Signal[]): void {
    this.#outbound.deliver(batch)
  }

  async #drain(): Promise<void> {
    this.#deadline = AbortSignal.timeout(this.#description.settings.drainTimeoutMs)
    await this.#session.stop()
    await before(this.#deadline, this.#inbound.idle())
    await before(this.#deadline, this.#admission.idle())
  }

  acknowledge(batch: readonly AckResult[]): void {
    this.#acknowledgements.resolve(batch)
  }

  setLogs(active: boolean): void {
    this.#log.active = active
  }

  resetLogs(): void {
    this.#log.reset()
  }

  logs(): readonly LogEntry[] {
    return this.#log.entries()
  }

  #createSession(): Session {
    const environment = this.#environment
    const { connection, clientIndex, dryRun, settings } = this.#description
    const { maxUnsettled, connectTimeoutMs, publishTimeoutMs } = settings
    return new Session({
      createTransport: (events) =>
        environment.createTransport({
          connection,
          clientIndex,
          dryRun,
          events,
          maxUnsettled,
          connectTimeoutMs,
          publishTimeoutMs,
        }),
      // A dry run only proves that subscribing works: what it receives stays unsettled at the broker.
      onDeliveries: (batch) => {
        if (!dryRun) this.#inbound.consume(batch)
      },
      onUndecodable: (source, address, error) => this.#inbound.undecodable(source, address, error),
      onOpen: (transport) => this.#opened(transport),
      onClosed: () => this.#closed(),
      onStatus: environment.onStatus,
      onLog: (level, message) => this.#logConnection(level, message),
      backoffMinMs: settings.backoffMinMs,
      backoffMaxMs: settings.backoffMaxMs,
      now: environment.now,
    })
  }

  #opened(transport: Transport): void {
    this.#admission.control(transport)
    this.#publisher.connect(transport)
    this.#announce('opened')
  }

  #closed(): void {
    this.#admission.control(undefined)
    this.#publisher.connect(undefined)
  }

  #announce(event: 'opened' | 'closed'): void {
    if (!this.#announces) return
    const { connection } = this.#description
    this.#outbound.deliver([announcement(connection.id, event, this.#environment.now())])
  }

  #compileSources(): readonly SourceProgram[] {
    const { connection } = this.#description
    const { now, counters } = this.#environment
    return connection.sources.map(
      (source) =>
        new SourceProgram(source, {
          connection,
          now,
          mappersOf: (payloadMapping) => this.#mappers.of(payloadMapping),
          monitorOf: (address) =>
            new Monitor('source', address, counters.inbound(address), this.#log, now),
        }),
    )
  }

  #compileTargets(): readonly TargetProgram[] {
    const { connection } = this.#description
    const { now, counters } = this.#environment
    return connection.targets.map((target) => {
      const { address } = target
      return new TargetProgram(target, {
        connectionId: connection.id,
        mappersOf: (payloadMapping) => this.#mappers.of(payloadMapping),
        monitor: new Monitor('target', address, counters.outbound(address), this.#log, now),
      })
    })
  }

  #responseMonitor(): Monitor<OutboundMetric> {
    const { counters, now } = this.#environment
    const responses = counters.outbound(RESPONSES_ADDRESS)
    return new Monitor('response', RESPONSES_ADDRESS, responses, this.#log, now)
  }

  #mapperEnvironment(): MapperEnvironment {
    return {
      connectionId: this.#description.connection.id,
      limits: this.#description.settings.script,
      recorder: this.#environment.recorder,
      onConsole: (definition, level, text) =>
        this.#logConnection(
          level === 'error' ? 'failure' : 'success',
          `Mapping definition <${definition}> wrote: ${text}`,
        ),
    }
  }

  #subscribe(types: readonly StreamingType[], targets: readonly TargetProgram[]): Subscription {
    const { connection, clientIndex, shard } = this.#description
    return {
      connectionId: connection.id,
      thread: this.#environment.thread,
      shard,
      clientIndex,
      clientCount: connection.clientCount,
      types: [...new Set(types)],
      issuedLabels: targets.flatMap(({ issuedLabel }) => issuedLabel ?? []),
    }
  }

  #logConnection(level: LogLevel, message: string): void {
    if (!this.#log.active) return
    const correlationId = '<not-provided>'
    const at = this.#environment.now()
    this.#log.add({ correlationId, at, category: 'connection', type: 'other', level, message })
  }
}

/** Waits for work, but not beyond the deadline. */
async function before(deadline: AbortSignal, work: Promise<void>): Promise<void> {
  if (deadline.aborted) return
  let onAbort: (() => void) | undefined
  const late = new Promise<void>((resolve) => {
    onAbort = resolve
    deadline.addEventListener('abort', onAbort, { once: true })
  })
  await Promise.race([work, late])
  deadline.removeEventListener('abort', onAbort!)
}
