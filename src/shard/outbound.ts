/**
 * The way out: a signal is offered to every target of the connection; those that want it filter it,
 * enrich it, map it and hand it to the publisher. Read top to bottom, this is the life of an outgoing
 * signal.
 */
import type { JsonObject } from '../json/types.ts'
import { Lane } from '../mapping/lane.ts'
import type { MapResult } from '../mapping/mapper.ts'
import type { OutboundMetric } from '../monitoring/counters.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { type DittoError, dittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { listHeader } from '../protocol/headers.ts'
import type { Signal } from '../protocol/signal.ts'
import type { Router } from '../routing/router.ts'
import { streamingTypeOf } from '../routing/streaming-type.ts'
import { WEAK_ANSWER } from '../routing/weak.ts'
import type { Twin } from '../twin/twin.ts'
import { LIVE_RESPONSE } from './ack-requests.ts'
import type { DiversionTarget } from './diversion.ts'
import { type Enrichment, enrich, extraFor } from './enrichment.ts'
import { acknowledge, IssuedAcknowledgement, negative } from './issued-acknowledgement.ts'
import type { NamedMapper } from './mappers.ts'
import type { Monitor } from './monitor.ts'
import { MonitoredReceipt, outgoingTo } from './outgoing.ts'
import { CLOSED } from './publisher.ts'
import { Relevance } from './relevance.ts'
import { SignalContext, TargetProgram } from './target.ts'
import { blocks, type WaysOut } from './ways-out.ts'

/** What the way out passes through. */
export interface OutboundEnvironment {
  readonly connectionId: string
  readonly targets: readonly TargetProgram[]
  /** Labels of the acknowledgements that consumers of the connection send. */
  readonly declaredAcks: ReadonlySet<string>
  readonly diversions: DiversionTarget<TargetProgram>
  /** Of responses that this connection gets from others. */
  readonly responses: Monitor<OutboundMetric>
  readonly waysOut: WaysOut
  readonly twin: Twin
  readonly router: Router
  readonly now: () => number
  readonly onStoreFailure: (thrown: unknown) => void
}

/** A signal that passed a target's filter, as the target sends it. */
interface Passed {
  readonly signal: Signal
  /** What the target's expressions look at. */
  readonly context: SignalContext
  /** There when the target's acknowledgement was requested. */
  readonly acknowledgement: IssuedAcknowledgement | undefined
}

/** What one mapper made of a batch. */
type Mapped = readonly MapResult<ExternalMessage>[]

/** One per shard. */
export class Outbound {
  readonly #environment: OutboundEnvironment
  /** Per target: keeps batches in order while things are being retrieved or scripts take their time. */
  readonly #lanes: ReadonlyMap<TargetProgram, Lane>
  /** Of signals that are on their way to the targets. */
  readonly #relevances = new WeakMap<Signal, Relevance>()
  /** What is being enriched or mapped, or waits for that. */
  readonly #held = new Map<SignalContext, TargetProgram>()
  #closed = false

  constructor(environment: OutboundEnvironment) {
    this.#environment = environment
    this.#lanes = new Map(environment.targets.map((target) => [target, new Lane()]))
  }

  /** Offers signals to all targets; order is kept per target. */
  deliver(batch: readonly Signal[]): void {
    // Whoever takes diverted responses has no topics, and gets nothing else.
    if (batch[0]?.kind === 'response') {
      for (const response of batch) this.#takeDiverted(response)
      return
    }
    if (this.#environment.declaredAcks.size > 0) this.#expectAnswers(batch)
    for (const target of this.#environment.targets) {
      const dispatched = this.#withRoom(target, this.#dispatch(target, batch))
      if (dispatched.length === 0) continue
      if (target.enrichingTopics > 0) this.#enrich(target, dispatched)
      else this.#inOrder(target, dispatched, () => this.#publishMatching(target, dispatched))
    }
  }

  /** Resolves when nothing is being enriched or mapped any more. */
  async idle(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.idle()))
  }

  /** What is still being enriched or mapped goes nowhere: the mappers are about to go. */
  close(): void {
    this.#closed = true
    for (const [{ signal }, target] of this.#held) this.#drop(target, signal, CLOSED)
    this.#held.clear()
  }

  #hold(target: TargetProgram, contexts: readonly SignalContext[]): void {
    for (const context of contexts) this.#held.set(context, target)
  }

  #release(contexts: readonly SignalContext[]): void {
    for (const context of contexts) this.#held.delete(context)
  }

  /** Notes which signals the consumers of the connection are asked to acknowledge. */
  #expectAnswers(batch: readonly Signal[]): void {
    const { router, targets, declaredAcks } = this.#environment
    for (const signal of batch) {
      if (signal.ackTo === undefined) continue
      const requested = listHeader(signal.adaptable.headers, 'requested-acks') ?? []
      const labels = requested.filter((label) => declaredAcks.has(label))
      if (labels.length === 0) continue
      this.#relevances.set(signal, new Relevance(router, signal, labels, targets.length))
    }
  }

  /** A response that another connection diverted is for one target, whatever its topics. */
  #takeDiverted(signal: Signal): void {
    const { diversions, responses, connectionId, now } = this.#environment
    const target = diversions.targetFor(signal)
    if (!(target instanceof TargetProgram)) {
      responses.failure('dropped', signal, target, target.message)
      return
    }
    target.monitor.success('dispatched', signal)
    target.monitor.success('filtered', signal)
    const context = new SignalContext(connectionId, signal, now, undefined)
    if (this.#withRoom(target, [context]).length === 0) return
    const passed: Passed = { signal, context, acknowledgement: undefined }
    this.#inOrder(target, [context], () => this.#publish(target, [passed]))
  }

  /** The signals that some topic of the target is about. */
  #dispatch(target: TargetProgram, batch: readonly Signal[]): readonly SignalContext[] {
    const { connectionId, now } = this.#environment
    const dispatched: SignalContext[] = []
    for (const signal of batch) {
      const type = streamingTypeOf(signal)
      if (type !== undefined && target.types.has(type)) {
        target.monitor.success('dispatched', signal)
        dispatched.push(new SignalContext(connectionId, signal, now, undefined))
      } else {
        this.#acknowledgeWeakly(target, signal)
      }
    }
    return dispatched
  }

  /** Does something with signals after everything before it; what waits is bounded with the queue. */
  #inOrder(
    target: TargetProgram,
    contexts: readonly SignalContext[],
    step: () => void | Promise<void>,
  ): void {
    const publisher = this.#environment.waysOut.of(target)
    const work = this.#runInOrder(target, contexts, step)
    if (!(work instanceof Promise)) return
    publisher.expect(contexts.length)
    void work.then(() => publisher.expect(-contexts.length))
  }

  #runInOrder(
    target: TargetProgram,
    contexts: readonly SignalContext[],
    step: () => void | Promise<void>,
  ): void | Promise<void> {
    const lane = this.#lanes.get(target)!
    if (!lane.isBusy) return lane.run(step)
    this.#hold(target, contexts)
    return lane.run(() => {
      if (this.#closed) return
      this.#release(contexts)
      return step()
    })
  }

  /** Those for which there is room while those before them are still being mapped. */
  #withRoom(target: TargetProgram, contexts: readonly SignalContext[]): readonly SignalContext[] {
    const publisher = this.#environment.waysOut.of(target)
    if (!this.#lanes.get(target)!.isBusy || !publisher.isFull) return contexts
    return contexts.filter(({ signal }) => {
      const stays = blocks(target, this.#isAcknowledged(target, signal))
      if (!stays) this.#drop(target, signal, publisher.fullError)
      return stays
    })
  }

  /** Whether the target or the consumers behind it are asked to acknowledge the signal. */
  #isAcknowledged(target: TargetProgram, signal: Signal): boolean {
    return target.issues(signal) || this.#relevances.has(signal)
  }

  #drop(target: TargetProgram, signal: Signal, error: DittoError): void {
    target.monitor.failure('dropped', signal, error)
    this.#acknowledgeNegatively(target, signal, error)
  }

  /** Things are retrieved at once; what follows keeps its order. */
  #enrich(target: TargetProgram, dispatched: readonly SignalContext[]): void {
    const { twin, onStoreFailure } = this.#environment
    const enrichments = enrich(twin, target, dispatched, onStoreFailure)
    this.#inOrder(target, dispatched, async () => {
      this.#hold(target, dispatched)
      const known = await enrichments
      if (this.#closed) return
      this.#release(dispatched)
      await this.#publishMatching(target, this.#enriched(target, dispatched, known))
    })
  }

  #enriched(
    target: TargetProgram,
    dispatched: readonly SignalContext[],
    enrichments: readonly Enrichment[],
  ): readonly SignalContext[] {
    const enriched: SignalContext[] = []
    for (let index = 0; index < dispatched.length; index++) {
      const context = dispatched[index]!
      const enrichment = enrichments[index]!
      if ('error' in enrichment) this.#failEnrichment(target, context.signal, enrichment.error)
      else enriched.push(context.enrichedWith(enrichment.extra))
    }
    return enriched
  }

  #failEnrichment(target: TargetProgram, signal: Signal, error: DittoError): void {
    const text = `Signal enrichment failed. ${error.message} ${error.description ?? ''}`.trimEnd()
    target.monitor.failure('filtered', signal, error, text)
    this.#acknowledgeNegatively(target, signal, error)
  }

  #filter(target: TargetProgram, contexts: readonly SignalContext[]): readonly Passed[] {
    const { router, declaredAcks } = this.#environment
    const passed: Passed[] = []
    for (const context of contexts) {
      const { signal } = context
      const topic = target.matching(context)
      if (topic === undefined) {
        this.#acknowledgeWeakly(target, signal)
        continue
      }
      target.monitor.success('filtered', signal)
      const label = target.issues(signal) ? target.issuedLabel : undefined
      passed.push({
        signal: asSent(signal, label, declaredAcks, extraFor(target, topic, context)),
        context,
        acknowledgement:
          label === undefined
            ? undefined
            : new IssuedAcknowledgement(router, target.monitor, signal, label),
      })
    }
    return passed
  }

  #publishMatching(
    target: TargetProgram,
    contexts: readonly SignalContext[],
  ): void | Promise<void> {
    return this.#publish(target, this.#filter(target, contexts))
  }

  #publish(target: TargetProgram, passed: readonly Passed[]): void | Promise<void> {
    if (passed.length === 0) return
    const adaptables = passed.map(({ signal }) => signal.adaptable)
    const results = target.mappers.map(({ mapper }) => mapper.outbound(adaptables))
    if (results.some((each) => each instanceof Promise)) {
      const contexts = passed.map(({ context }) => context)
      this.#hold(target, contexts)
      return Promise.all(results).then((known) => {
        if (this.#closed) return
        this.#release(contexts)
        this.#publishAll(target, passed, known)
      })
    }
    this.#publishAll(target, passed, results as readonly Mapped[])
  }

  #publishAll(target: TargetProgram, passed: readonly Passed[], results: readonly Mapped[]): void {
    const { mappers } = target
    for (let index = 0; index < passed.length; index++) {
      const one = passed[index]!
      for (let which = 0; which < mappers.length; which++) {
        this.#publishMapped(target, one, results[which]![index]!, mappers[which]!)
      }
      one.acknowledgement?.mapped()
      const isPublished = results.some((of) => isMessage(of[index]!))
      this.#relevances.get(one.context.signal)?.decide(isPublished)
    }
  }

  #publishMapped(
    target: TargetProgram,
    passed: Passed,
    result: MapResult<ExternalMessage>,
    { texts }: NamedMapper,
  ): void {
    const { monitor } = target
    const { signal, acknowledgement } = passed
    if (!result.ok) {
      monitor.failure('mapped', signal, result.error)
      acknowledgement?.refused(result.error)
      return
    }
    if (result.values.length === 0) {
      monitor.success('dropped', signal, texts.droppedOut)
      return
    }
    monitor.success('mapped', signal, texts.mappedOut)
    this.#address(target, passed, result.values)
  }

  #address(target: TargetProgram, passed: Passed, messages: readonly ExternalMessage[]): void {
    const publisher = this.#environment.waysOut.of(target)
    const { monitor, headerMapping } = target
    const { qos } = target.target
    const { signal, context, acknowledgement } = passed
    const address = target.address.resolve(context)
    if (address === undefined || address === '') {
      const error = unresolvedAddress(target.target.address)
      monitor.failure('dropped', signal, error, error.message)
      acknowledgement?.refused(error)
      return
    }
    const receipt = new MonitoredReceipt(monitor, signal, acknowledgement)
    const isBlocking = blocks(target, this.#isAcknowledged(target, context.signal))
    for (const message of messages) {
      acknowledgement?.expect()
      const outgoing = outgoingTo(address, qos, message, headerMapping, context)
      publisher.enqueue({ message: outgoing, receipt, blocks: isBlocking })
    }
  }

  /** A target that does not receive a signal does not stand in its way. */
  #acknowledgeWeakly(target: TargetProgram, signal: Signal): void {
    this.#relevances.get(signal)?.decide(false)
    // Whoever receives a live signal may respond to it, whomever it does not concern.
    if (!target.issues(signal) || target.issuedLabel === LIVE_RESPONSE) return
    acknowledge(this.#environment.router, signal, target.issuedLabel!, WEAK_ANSWER)
  }

  #acknowledgeNegatively(target: TargetProgram, signal: Signal, error: DittoError): void {
    this.#relevances.get(signal)?.decide(true)
    if (!target.issues(signal)) return
    acknowledge(this.#environment.router, signal, target.issuedLabel!, negative(error))
  }
}

function isMessage(result: MapResult<ExternalMessage>): boolean {
  return result.ok && result.values.length > 0
}

/**
 * The signal as a target sends it: with its extra fields, asking only for the labels that the target
 * itself or the consumers of its connection give.
 */
function asSent(
  signal: Signal,
  label: string | undefined,
  declared: ReadonlySet<string>,
  extra: JsonObject | undefined,
): Signal {
  const { adaptable } = signal
  const requested = adaptable.headers['requested-acks']
  const asks = Array.isArray(requested) && requested.length > 0
  if (extra === undefined && !asks) return signal
  const own = asks
    ? (requested as string[]).filter((one) => one === label || declared.has(one))
    : []
  const headers = asks ? { ...adaptable.headers, 'requested-acks': own } : adaptable.headers
  const sent: Adaptable = { ...adaptable, headers }
  return { ...signal, adaptable: extra === undefined ? sent : { ...sent, extra } }
}

function unresolvedAddress(address: string): DittoError {
  return dittoError(
    400,
    'connectivity:message.sending.failed',
    `Signal dropped, target address unresolved: ${address}`,
    'Check which placeholders of the address the signal can resolve.',
  )
}
