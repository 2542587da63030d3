/**
 * The way out: a signal is offered to every target of the connection; those that want it filter it,
 * enrich it, map it and hand it to the publisher. Read top to bottom, this is the life of an outgoing
 * signal.
 */
import { isJsonObject, type JsonObject } from '../json/types.ts'
import type { MapResult } from '../mapping/mapper.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { dittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import type { Signal } from '../protocol/signal.ts'
import type { Router } from '../routing/router.ts'
import type { Twin } from '../twin/twin.ts'
import type { NamedMapper } from './mappers.ts'
import { type Acknowledge, MonitoredReceipt, outgoingTo } from './outgoing.ts'
import type { Publisher } from './publisher.ts'
import { SignalContext, type TargetProgram } from './target.ts'

/** What the way out passes through. */
export interface OutboundEnvironment {
  readonly connectionId: string
  readonly targets: readonly TargetProgram[]
  readonly publisher: Publisher
  readonly twin: Twin
  readonly router: Router
  readonly now: () => number
}

/** A signal that passed a target's filter, with the context its expressions are evaluated in. */
interface Passed {
  readonly signal: Signal
  readonly context: SignalContext
}

/** One per shard. */
export class Outbound {
  readonly #environment: OutboundEnvironment
  /** Per target that enriches: keeps batches in order while things are being retrieved. */
  readonly #tails = new Map<TargetProgram, Promise<void>>()

  constructor(environment: OutboundEnvironment) {
    this.#environment = environment
  }

  /** Offers signals to all targets; order is kept per target. */
  deliver(batch: readonly Signal[]): void {
    for (const target of this.#environment.targets) {
      const wanted = batch.filter((signal) => this.#isFor(target, signal))
      if (wanted.length === 0) continue
      for (const signal of wanted) target.monitor.success('dispatched', signal)
      if (target.enriches) this.#enrichInOrder(target, wanted)
      else this.#publish(target, this.#filter(target, wanted, NOT_ENRICHED))
    }
  }

  /** Resolves when nothing is being enriched any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values())
  }

  #isFor(target: TargetProgram, signal: Signal): boolean {
    if (target.wants(signal)) return true
    this.#acknowledgeWeakly(target, signal)
    return false
  }

  #filter(
    target: TargetProgram,
    signals: readonly Signal[],
    extraOf: (signal: Signal, index: number) => JsonObject | undefined,
  ): readonly Passed[] {
    const { connectionId, now } = this.#environment
    const passed: Passed[] = []
    signals.forEach((signal, index) => {
      const extra = extraOf(signal, index)
      const context = new SignalContext(connectionId, signal, now, extra)
      const topic = target.matching(signal, context)
      if (topic === undefined) {
        this.#acknowledgeWeakly(target, signal)
        return
      }
      target.monitor.success('filtered', signal)
      passed.push({
        signal: asSent(target, signal, topic.extraFields ? extra : undefined),
        context,
      })
    })
    return passed
  }

  #enrichInOrder(target: TargetProgram, signals: readonly Signal[]): void {
    const extras = this.#retrieveExtras(target, signals)
    const previous = this.#tails.get(target) ?? Promise.resolve()
    const tail = previous.then(async () => {
      const known = await extras
      this.#publish(
        target,
        this.#filter(target, signals, (_, index) => known[index]),
      )
    })
    this.#tails.set(target, tail)
  }

  /** One partial thing per signal, read as it is after the signal's effect. */
  async #retrieveExtras(
    target: TargetProgram,
    signals: readonly Signal[],
  ): Promise<readonly (JsonObject | undefined)[]> {
    const { connectionId, now, twin } = this.#environment
    const selectors = signals.map((signal) => {
      const context = new SignalContext(connectionId, signal, now, undefined)
      return target.enrichments(signal, context).join(',')
    })
    const asked = signals.flatMap((signal, index) =>
      selectors[index] === '' ? [] : [retrieval(signal, selectors[index]!)],
    )
    try {
      const outcomes = await twin.execute(asked)
      let next = 0
      return selectors.map((selector) => {
        if (selector === '') return undefined
        const { value, status } = outcomes[next++]!.response
        return status === 200 && isJsonObject(value) ? value : undefined
      })
    } catch {
      // The store of the twins is down; the supervisor tells. Signals go on without extra fields.
      return selectors.map(() => undefined)
    }
  }

  #publish(target: TargetProgram, passed: readonly Passed[]): void {
    if (passed.length === 0) return
    const adaptables = passed.map(({ signal }) => signal.adaptable)
    const results = target.mappers.map(({ mapper }) => mapper.outbound(adaptables))
    passed.forEach((one, index) => {
      target.mappers.forEach((mapper, which) => {
        this.#publishMapped(target, one, results[which]![index]!, mapper)
      })
    })
  }

  #publishMapped(
    target: TargetProgram,
    { signal, context }: Passed,
    result: MapResult<ExternalMessage>,
    { texts }: NamedMapper,
  ): void {
    const { monitor } = target
    if (!result.ok) {
      monitor.failure('mapped', signal, result.error)
      this.#acknowledge(target, signal, result.error.status)
      return
    }
    if (result.values.length === 0) {
      monitor.success('dropped', signal, texts.droppedOut)
      this.#acknowledgeWeakly(target, signal)
      return
    }
    monitor.success('mapped', signal, texts.mappedOut)
    const address = target.address.resolve(context)
    if (address === undefined || address === '') {
      const text = `Signal dropped, target address unresolved: ${target.target.address}`
      monitor.failure('dropped', signal, unresolvedAddress(text), text)
      this.#acknowledge(target, signal, 400)
      return
    }
    const receipt = new MonitoredReceipt(monitor, signal, this.#acknowledgerOf(target, signal))
    for (const message of result.values) {
      const { qos } = target.target
      const outgoing = outgoingTo(address, qos, message, target.headerMapping, context)
      this.#environment.publisher.enqueue({ message: outgoing, receipt })
    }
  }

  #acknowledgerOf(target: TargetProgram, signal: Signal): Acknowledge | undefined {
    if (!target.issues(signal)) return undefined
    return (acknowledged, status) => this.#acknowledge(target, acknowledged, status)
  }

  /** A target that does not receive a signal does not stand in its way (Ditto: "weak" acks). */
  #acknowledgeWeakly(target: TargetProgram, signal: Signal): void {
    this.#acknowledge(target, signal, 200)
  }

  #acknowledge(target: TargetProgram, signal: Signal, status: number): void {
    if (!target.issues(signal)) return
    const { thread, shard, ticket } = signal.ackTo!
    const label = target.issuedLabel!
    this.#environment.router.acknowledge(thread, shard, [{ ticket, label, status }])
  }
}

const NOT_ENRICHED = (): undefined => undefined

/** The signal as this target sends it: with its extra fields, asking only for its own label. */
function asSent(target: TargetProgram, signal: Signal, extra: JsonObject | undefined): Signal {
  const { adaptable } = signal
  const requested = adaptable.headers['requested-acks']
  const asksOthers = Array.isArray(requested) && requested.length > 0
  if (extra === undefined && !asksOthers) return signal
  const own = target.issues(signal) ? [target.issuedLabel!] : []
  const headers = asksOthers ? { ...adaptable.headers, 'requested-acks': own } : adaptable.headers
  const sent = { ...adaptable, headers }
  return { ...signal, adaptable: extra === undefined ? sent : { ...sent, extra } }
}

function retrieval(signal: Signal, fields: string): Signal {
  const { namespace, name } = signal.adaptable.topic
  const topic = {
    full: `${namespace}/${name}/things/twin/commands/retrieve`,
    namespace,
    name,
    group: 'things',
    channel: 'twin',
    criterion: 'commands',
    action: 'retrieve',
  } as const
  const adaptable: Adaptable = { topic, headers: {}, path: '/', fields }
  const { entityId, origin, subjects } = signal
  return { kind: 'twin-command', adaptable, entityId, origin, subjects }
}

function unresolvedAddress(text: string) {
  return dittoError(
    400,
    'connectivity:message.sending.failed',
    text,
    'Check which placeholders of the address the signal can resolve.',
  )
}
