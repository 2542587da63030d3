/**
 * Makes the parts of a shard from its description and ties them together. Everything that can be
 * decided before the first message is decided here: mappers, placeholders, filters and topics are
 * compiled. Knows nothing of the shard's life.
 */
import { diversionSettings } from '../connection/diversion.ts'
import type { MapperEnvironment, ScriptRecorder } from '../mapping/mapper.ts'
import {
  type OutboundMetric,
  RESPONSES_ADDRESS,
  type ShardCounters,
} from '../monitoring/counters.ts'
import type { LogCollector } from '../monitoring/log-collector.ts'
import type { ConnectionLog, LogLevel } from '../monitoring/log-entry.ts'
import type { Relief, Router, Subscription } from '../routing/router.ts'
import type { TransportFactory } from '../transport/transport.ts'
import type { Twin } from '../twin/twin.ts'
import { LIVE_RESPONSE } from './ack-requests.ts'
import { Admission } from './admission.ts'
import type { ShardDescription, ShardStatus } from './description.ts'
import { DiversionTarget } from './diversion.ts'
import { Inbound } from './inbound.ts'
import { ShardMappers } from './mappers.ts'
import { Monitor } from './monitor.ts'
import { Outbound } from './outbound.ts'
import { STANDSTILL_MS } from './publisher.ts'
import { Replies } from './replies.ts'
import { SourceProgram } from './source.ts'
import { TargetProgram } from './target.ts'
import { Throttle, throttleLimits } from './throttle.ts'
import { turnClock } from './turn-clock.ts'
import { WaysOut } from './ways-out.ts'

/** What a shard finds on its thread. */
export interface ShardEnvironment {
  readonly thread: number
  readonly twin: Twin
  readonly router: Router
  readonly recorder: ScriptRecorder
  readonly createTransport: TransportFactory
  readonly counters: ShardCounters
  /** Absent when no logs are published. */
  readonly logCollector?: LogCollector
  readonly onStatus: (status: ShardStatus) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Where the parts of a shard write. */
export interface ShardLog {
  readonly entries: ConnectionLog
  /** Writes a line about the connection itself. */
  readonly write: (level: LogLevel, message: string) => void
}

/** What a shard consists of, beside its session. */
export interface ShardParts {
  readonly mappers: ShardMappers
  readonly admission: Admission
  /** In front of the way in, when messages may come only so fast. */
  readonly throttle: Throttle | undefined
  readonly waysOut: WaysOut
  readonly inbound: Inbound
  readonly outbound: Outbound
  /** What the shard wants of the router. */
  readonly subscription: Subscription
}

/**
 * Throws a {@link DittoException} when something of the connection cannot be compiled; nothing stays
 * behind then.
 */
export function assemble(
  description: ShardDescription,
  environment: ShardEnvironment,
  log: ShardLog,
): ShardParts {
  const mappers = new ShardMappers(
    description.connection,
    mapperEnvironment(description, environment, log),
  )
  try {
    return new Assembly(description, environment, log, mappers).parts()
  } catch (thrown) {
    mappers.close()
    throw thrown
  }
}

class Assembly {
  readonly #description: ShardDescription
  readonly #environment: ShardEnvironment
  readonly #log: ShardLog
  readonly #mappers: ShardMappers
  /** When lines of the log were written. */
  readonly #lineClock: () => number

  constructor(
    description: ShardDescription,
    environment: ShardEnvironment,
    log: ShardLog,
    mappers: ShardMappers,
  ) {
    this.#description = description
    this.#environment = environment
    this.#log = log
    this.#mappers = mappers
    this.#lineClock = turnClock(environment.now)
  }

  parts(): ShardParts {
    const { connection, shard, settings } = this.#description
    const { twin, router, now, thread } = this.#environment
    const { ackTimeoutMs } = settings
    const admission = new Admission(settings.maxUnsettled)
    const targets = this.#targets()
    const sources = this.#sources()
    const declaredAcks = new Set(sources.flatMap((source) => [...source.declaredAcks]))
    const waysOut = this.#waysOut(targets, declaredAcks, admission)
    const onStoreFailure = (thrown: unknown): void =>
      this.#log.write('failure', `The store of the twins does not work: ${thrown}`)
    const common = { connectionId: connection.id, waysOut, twin, router, now, onStoreFailure }
    const monitor = this.#responseMonitor()
    const onCongestion = (relief: Relief): void => void admission.waitFor(relief)
    const replies = new Replies({ ...common, publisher: waysOut.replies, monitor, onCongestion })
    const diversions = new DiversionTarget(this.#description.connection, targets)
    const own = { thread, shard, sources, replies, admission, ackTimeoutMs }
    const inbound = new Inbound({ ...common, ...own })
    return {
      mappers: this.#mappers,
      admission,
      waysOut,
      throttle: this.#throttle(inbound, sources),
      inbound,
      outbound: new Outbound({ ...common, targets, declaredAcks, diversions, responses: monitor }),
      subscription: this.#subscriptionOf(targets, sources),
    }
  }

  #waysOut(
    targets: readonly TargetProgram[],
    declaredAcks: ReadonlySet<string>,
    admission: Admission,
  ): WaysOut {
    const { connection, shard, settings } = this.#description
    const limit = settings.maxOutboundQueue
    return new WaysOut({
      targets,
      declaredAcks: [...declaredAcks],
      takesDiverted: diversionSettings(connection).isTarget,
      limit,
      onCongestion: (congestion) => this.#environment.router.congestion(shard, congestion),
      onRepliesCongested: (congested) => {
        admission.congested = congested
      },
      onStandstill: (address, standsStill) => {
        const queue = address === undefined ? 'replies' : `the target <${address}>`
        if (standsStill) this.#log.write('failure', standstillText(queue, limit))
        else this.#log.write('success', `The broker takes messages for ${queue} again.`)
      },
    })
  }

  #throttle(inbound: Inbound, sources: readonly SourceProgram[]): Throttle | undefined {
    const { connection, settings } = this.#description
    const limits = throttleLimits(connection, settings)
    return (
      limits &&
      new Throttle(limits, {
        onDue: (deliveries) => inbound.consume(deliveries),
        onThrottled: ({ source, sourceAddress, message }) => {
          const text = 'More messages than allowed per second: they wait.'
          sources[source]!.monitor(sourceAddress).success('throttled', message, text)
        },
      })
    )
  }

  #sources(): readonly SourceProgram[] {
    const { connection } = this.#description
    const { now, counters } = this.#environment
    return connection.sources.map(
      (source, index) =>
        new SourceProgram(source, index, {
          connection,
          now,
          maxRedeliveries: this.#description.settings.maxRedeliveries,
          mappersOf: (payloadMapping) => this.#mappers.of(payloadMapping),
          monitorOf: (address) =>
            new Monitor(
              'source',
              address,
              counters.inbound(address),
              this.#log.entries,
              this.#lineClock,
            ),
        }),
    )
  }

  #targets(): readonly TargetProgram[] {
    const { connection } = this.#description
    const { counters } = this.#environment
    return connection.targets.map((target) => {
      const { address } = target
      return new TargetProgram(target, {
        connectionId: connection.id,
        mappersOf: (payloadMapping) => this.#mappers.of(payloadMapping),
        monitor: new Monitor(
          'target',
          address,
          counters.outbound(address),
          this.#log.entries,
          this.#lineClock,
        ),
      })
    })
  }

  #responseMonitor(): Monitor<OutboundMetric> {
    const { counters } = this.#environment
    const responses = counters.outbound(RESPONSES_ADDRESS)
    return new Monitor('response', RESPONSES_ADDRESS, responses, this.#log.entries, this.#lineClock)
  }

  #subscriptionOf(
    targets: readonly TargetProgram[],
    sources: readonly SourceProgram[],
  ): Subscription {
    const { connection, clientIndex, shard } = this.#description
    return {
      connectionId: connection.id,
      thread: this.#environment.thread,
      shard,
      clientIndex,
      clientCount: connection.clientCount,
      types: [...new Set(targets.flatMap(({ types }) => [...types]))],
      namespaces: namespacesOf(targets),
      labels: [
        ...targets.flatMap(({ issuedLabel }) => issuedLabel ?? []),
        ...sources.flatMap(({ declaredAcks }) => [...declaredAcks]),
      ].filter((label) => label !== LIVE_RESPONSE),
      takesDiverted: diversionSettings(connection).isTarget,
    }
  }
}

/** Undefined when some target may want signals of any. */
function namespacesOf(targets: readonly TargetProgram[]): readonly string[] | undefined {
  const all: string[] = []
  for (const { namespaces } of targets) {
    if (namespaces === undefined) return undefined
    all.push(...namespaces)
  }
  return all
}

function standstillText(queue: string, limit: number): string {
  return (
    `The broker has taken no message for ${queue} for ${STANDSTILL_MS} ms: ${limit} are kept for it, more ` +
    'are dropped, unless they were to be acknowledged: their sources wait.'
  )
}

function mapperEnvironment(
  { connection, settings }: ShardDescription,
  { recorder }: ShardEnvironment,
  log: ShardLog,
): MapperEnvironment {
  return {
    connectionId: connection.id,
    limits: settings.script,
    recorder,
    onConsole: (definition, level, text) =>
      log.write(
        level === 'error' ? 'failure' : 'success',
        `Mapping definition <${definition}> wrote: ${text}`,
      ),
  }
}
