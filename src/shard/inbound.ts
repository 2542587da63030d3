/**
 * The way in: what a source delivered is mapped, authorized and enforced, applied to the twin, and
 * what comes of it routed; then the message is settled. Read top to bottom, this is the life of a
 * consumed message. Batches may overlap in the twin, never in what follows it, so that the signals of
 * one thing leave in the order in which they came.
 */
import type { MapResult } from '../mapping/mapper.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { type DittoError, dittoError } from '../protocol/errors.ts'
import { booleanHeader, listHeader } from '../protocol/headers.ts'
import { errorResponse } from '../protocol/responses.ts'
import type { Signal } from '../protocol/signal.ts'
import type { Router } from '../routing/router.ts'
import type { Delivery } from '../transport/transport.ts'
import type { Outcome, Twin } from '../twin/twin.ts'
import { TWIN_PERSISTED } from './ack-requests.ts'
import type { AckCollector, AckStatuses } from './acknowledgements.ts'
import type { Admission } from './admission.ts'
import type { NamedMapper } from './mappers.ts'
import type { Replies, Reply } from './replies.ts'
import { Consumed } from './settlement.ts'
import type { SourceProgram } from './source.ts'

/** What the way in passes through. */
export interface InboundEnvironment {
  readonly thread: number
  readonly shard: number
  readonly sources: readonly SourceProgram[]
  readonly twin: Twin
  readonly router: Router
  readonly replies: Replies
  readonly admission: Admission
  readonly acknowledgements: AckCollector
  readonly ackTimeoutMs: (signal: Signal) => number
}

/** A signal of a batch, with what it came from. */
interface Admitted {
  readonly signal: Signal
  readonly consumed: Consumed
  readonly program: SourceProgram
  readonly mapper: NamedMapper
}

/** What one batch of deliveries became. */
interface Batch {
  readonly consumed: Consumed[]
  readonly admitted: Admitted[]
  readonly commands: Signal[]
  readonly replies: Reply[]
}

const NO_OUTCOMES: Promise<readonly Outcome[]> = Promise.resolve([])

/** One per shard. */
export class Inbound {
  readonly #environment: InboundEnvironment
  #tail: Promise<void> = Promise.resolve()

  constructor(environment: InboundEnvironment) {
    this.#environment = environment
  }

  /** Takes what a transport delivered; everything else follows from here. */
  consume(deliveries: readonly Delivery[]): void {
    const { admission, twin } = this.#environment
    admission.take(deliveries.length)
    const batch = this.#map(deliveries)
    const outcomes = batch.commands.length === 0 ? NO_OUTCOMES : twin.execute(batch.commands)
    this.#tail = this.#finish(this.#tail, batch, outcomes)
  }

  /** Notes a message that the transport could not even turn into an external message. */
  undecodable(source: number, sourceAddress: string, error: DittoError): void {
    const program = this.#environment.sources[source]!
    program.monitor(sourceAddress).failure('consumed', undefined, error)
  }

  /** Resolves when everything consumed so far was executed and routed. */
  async idle(): Promise<void> {
    await this.#tail
  }

  #map(deliveries: readonly Delivery[]): Batch {
    const batch: Batch = { consumed: [], admitted: [], commands: [], replies: [] }
    for (let start = 0; start < deliveries.length; ) {
      const { source } = deliveries[start]!
      let end = start + 1
      while (end < deliveries.length && deliveries[end]!.source === source) end++
      this.#mapRun(deliveries.slice(start, end), this.#environment.sources[source]!, batch)
      start = end
    }
    return batch
  }

  /** Each mapper of the source sees each message as it came; results are taken in order. */
  #mapRun(run: readonly Delivery[], program: SourceProgram, batch: Batch): void {
    const messages = run.map(({ message }) => message)
    for (const delivery of run) {
      program.monitor(delivery.sourceAddress).success('consumed', delivery.message)
    }
    const results = program.mappers.map(({ mapper }) => mapper.inbound(messages))
    run.forEach((delivery, index) => {
      const consumed = new Consumed(delivery, program.monitor(delivery.sourceAddress))
      batch.consumed.push(consumed)
      program.mappers.forEach((mapper, which) => {
        this.#admit(results[which]![index]!, { consumed, program, mapper }, batch)
      })
    })
  }

  #admit(
    result: MapResult<Adaptable>,
    origin: { consumed: Consumed; program: SourceProgram; mapper: NamedMapper },
    batch: Batch,
  ): void {
    const { consumed, program, mapper } = origin
    const { delivery, monitor } = consumed
    if (!result.ok) {
      this.#refuse(result.error, undefined, origin, batch)
      return
    }
    if (result.values.length === 0) {
      monitor.success('dropped', delivery.message, mapper.texts.droppedIn)
      return
    }
    const signals: Signal[] = []
    for (const adaptable of result.values) {
      const signal = program.toSignal(adaptable, delivery)
      if (!('kind' in signal)) {
        this.#refuse(signal, adaptable, origin, batch)
        return
      }
      signals.push(signal)
    }
    monitor.success('mapped', signals[0]!, mapper.texts.mappedIn)
    for (const signal of signals) this.#enforce(signal, origin, batch)
  }

  #enforce(
    signal: Signal,
    origin: { consumed: Consumed; program: SourceProgram; mapper: NamedMapper },
    batch: Batch,
  ): void {
    const { consumed, program, mapper } = origin
    const error = program.enforce(signal, consumed.delivery) ?? unsupported(signal)
    if (error !== undefined) {
      consumed.monitor.failure('enforced', signal, error)
      this.#replyError(error, signal.adaptable, origin, batch)
      return
    }
    consumed.monitor.success('enforced', signal)
    batch.admitted.push({ signal, consumed, program, mapper })
    if (signal.kind === 'twin-command') batch.commands.push(signal)
  }

  #refuse(
    error: DittoError,
    adaptable: Adaptable | undefined,
    origin: { consumed: Consumed; program: SourceProgram; mapper: NamedMapper },
    batch: Batch,
  ): void {
    const { monitor, delivery } = origin.consumed
    monitor.failure('mapped', delivery.message, error, failedText(error, origin.mapper.id))
    this.#replyError(error, adaptable, origin, batch)
  }

  #replyError(
    error: DittoError,
    request: Adaptable | undefined,
    origin: { consumed: Consumed; program: SourceProgram; mapper: NamedMapper },
    batch: Batch,
  ): void {
    const { consumed, program, mapper } = origin
    const response = program.errorResponse(error, request, consumed.delivery)
    const required = request === undefined || isRequired(request)
    batch.replies.push({ response, program: program.reply, mapper, required, subjects: [] })
  }

  async #finish(
    previous: Promise<void>,
    batch: Batch,
    execution: Promise<readonly Outcome[]>,
  ): Promise<void> {
    // Both may reject or wait; attaching at once keeps a rejection from counting as unhandled.
    const settledExecution = execution.then(
      (outcomes) => ({ outcomes }),
      (thrown: unknown) => ({ outcomes: undefined, thrown }),
    )
    await previous
    const { outcomes } = await settledExecution
    if (outcomes === undefined) this.#fail(batch)
    else this.#route(batch, outcomes)
    for (const consumed of batch.consumed) this.#settleWhenComplete(consumed)
  }

  #route(batch: Batch, outcomes: readonly Outcome[]): void {
    const { router, replies, admission } = this.#environment
    const routed: Signal[] = []
    let next = 0
    for (const admitted of batch.admitted) {
      const { signal } = admitted
      if (signal.kind === 'twin-command') this.#conclude(admitted, outcomes[next++]!, routed, batch)
      else routed.push(this.#awaiting(admitted, signal, undefined, batch))
    }
    replies.send(batch.replies)
    if (routed.length > 0 && router.route(routed)) {
      admission.congested(true)
      router.onRelief(() => admission.congested(false))
    }
  }

  /** A command's outcome: its event goes to the targets, its response to the reply target. */
  #conclude(
    admitted: Admitted,
    { response, event }: Outcome,
    routed: Signal[],
    batch: Batch,
  ): void {
    const { signal, consumed } = admitted
    consumed.concluded(signal, response.status ?? 200)
    if (event === undefined) {
      this.#reply(admitted, response, batch.replies)
      return
    }
    const { entityId, origin, subjects } = signal
    const eventSignal: Signal = { kind: 'twin-event', adaptable: event, entityId, origin, subjects }
    routed.push(this.#awaiting(admitted, eventSignal, response, batch))
  }

  /** Opens a ticket for a signal that targets shall acknowledge; answers the signal to be routed. */
  #awaiting(
    admitted: Admitted,
    signal: Signal,
    response: Adaptable | undefined,
    batch: Batch,
  ): Signal {
    const labels = issuedLabels(admitted.signal)
    if (labels.length === 0) {
      if (response !== undefined) this.#reply(admitted, response, batch.replies)
      return signal
    }
    const { acknowledgements, thread, shard, ackTimeoutMs, replies } = this.#environment
    const { consumed } = admitted
    consumed.wait()
    const ticket = acknowledgements.open(labels, ackTimeoutMs(signal), (statuses) => {
      for (const status of statuses.values()) consumed.concluded(admitted.signal, status)
      consumed.arrived()
      const late: Reply[] = []
      this.#reply(admitted, aggregated(admitted.signal, response, statuses), late)
      replies.send(late)
      this.#settleWhenComplete(consumed)
    })
    return { ...signal, ackTo: { thread, shard, ticket } }
  }

  #reply({ signal, program, mapper }: Admitted, response: Adaptable, into: Reply[]): void {
    const { adaptable, subjects } = signal
    const required = isRequired(adaptable)
    into.push({ response, program: program.reply, mapper, required, subjects })
  }

  /** The twin's store failed: nothing of the batch is known to have happened. */
  #fail(batch: Batch): void {
    for (const admitted of batch.admitted) {
      const { adaptable } = admitted.signal
      admitted.consumed.concluded(admitted.signal, STORE_FAILED.status)
      const response = errorResponse(adaptable, STORE_FAILED, adaptable.headers)
      this.#reply(admitted, response, batch.replies)
    }
    this.#environment.replies.send(batch.replies)
  }

  #settleWhenComplete(consumed: Consumed): void {
    if (!consumed.settle()) return
    this.#environment.admission.release(1)
  }
}

function isRequired({ headers }: Adaptable): boolean {
  return booleanHeader(headers, 'response-required', true)
}

/** Labels that others than the twin have to acknowledge. */
function issuedLabels({ adaptable }: Signal): readonly string[] {
  const labels = listHeader(adaptable.headers, 'requested-acks')
  if (labels === undefined) return NO_LABELS
  return labels.filter((label) => label !== TWIN_PERSISTED && label !== 'live-response')
}

const NO_LABELS: readonly string[] = []

/** Several acknowledgements answer as one message (Ditto documentation, "aggregated acks"). */
function aggregated(
  { adaptable }: Signal,
  response: Adaptable | undefined,
  statuses: AckStatuses,
): Adaptable {
  const { topic, headers } = adaptable
  const all = new Map(statuses)
  if (response !== undefined) all.set(TWIN_PERSISTED, response.status ?? 200)
  const entries = [...all].map(([label, status]) => [label, { status, headers: {} }])
  const worst = Math.max(...all.values())
  const status = all.size === 1 ? worst : worst < 400 ? 200 : 424
  const full = `${topic.namespace}/${topic.name}/things/${topic.channel}/acks`
  return {
    topic: { ...topic, full, criterion: 'acks' },
    headers,
    path: '/',
    value: Object.fromEntries(entries),
    status,
  }
}

/** What Sluice cannot do yet is refused, with the reason, instead of disappearing. */
function unsupported({ kind, adaptable }: Signal): DittoError | undefined {
  if (kind === 'twin-command' || kind === 'live-command') return undefined
  if (kind === 'message' || kind === 'live-event') return undefined
  return dittoError(
    400,
    'signal.unsupported',
    `Signals of kind ${kind} (${adaptable.topic.full}) cannot be sent through a connection.`,
    'Send a twin or live command, a message or a live event.',
  )
}

function failedText({ error, message, description }: DittoError, mapper: string): string {
  const text = `Got exception <${error}> when processing external message with mapper <${mapper}>`
  return `${text}: ${message} ${description ?? ''}`.trimEnd()
}

const STORE_FAILED = dittoError(
  503,
  'things:thing.unavailable',
  'The Thing is not available, please try again later.',
  'The store of the twins could not write; see the log of the service for the cause.',
)
