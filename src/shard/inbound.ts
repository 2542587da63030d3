/**
 * The way in: what a source delivered is mapped, authorized and enforced, applied to the twin, and
 * what comes of it routed; then the message is settled. Read top to bottom, this is the life of a
 * consumed message. Batches may overlap in the twin, never in what follows it, so that the signals of
 * one thing leave in the order in which they came.
 */
import { Lane } from '../mapping/lane.ts'
import type { MapResult } from '../mapping/mapper.ts'
import type { Adaptable, DittoHeaders } from '../protocol/adaptable.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import type { DittoError } from '../protocol/errors.ts'
import { durationMsHeader } from '../protocol/headers.ts'
import type { Signal } from '../protocol/signal.ts'
import type { AckResult, Relief, Router } from '../routing/router.ts'
import type { Delivery } from '../transport/transport.ts'
import type { Outcome, Twin } from '../twin/twin.ts'
import { LIVE_RESPONSE, labelsOfOthers, timeoutError, wantsLiveResponse } from './ack-requests.ts'
import { type AckAnswers, AckCollector } from './acknowledgements.ts'
import type { Admission } from './admission.ts'
import { answerTo } from './aggregated-acks.ts'
import { isAnswerTo, nobodyWaits, readAnswer, responseMismatch } from './answers.ts'
import type { NamedMapper } from './mappers.ts'
import { PatientTwin } from './patient-twin.ts'
import type { Replies, Reply } from './replies.ts'
import { type MappedRun, mapRuns } from './runs.ts'
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
  /** Longest wait for acknowledgements of a message that names no timeout. */
  readonly ackTimeoutMs: number
  readonly now: () => number
  readonly onStoreFailure: (thrown: unknown) => void
}

/** A signal that may be executed, with what it came from. */
interface Admitted {
  readonly signal: Signal
  readonly consumed: Consumed
  readonly mapper: NamedMapper
}

/** An admitted signal that waits for acknowledgements, with the twin's response if there is one. */
interface Awaiting {
  readonly admitted: Admitted
  readonly response: Adaptable | undefined
  readonly timeoutMs: number
  /** Whether its message is settled only then. */
  readonly settles: boolean
  /** The signal on its way to the targets, with the ticket. */
  routed: Signal | undefined
}

/** What one batch of deliveries became. */
interface Batch {
  readonly consumed: Consumed[]
  readonly admitted: Admitted[]
  readonly commands: Signal[]
  readonly replies: Reply[]
}

/** One per shard. */
export class Inbound {
  readonly #environment: InboundEnvironment
  readonly #acknowledgements: AckCollector<Awaiting>
  readonly #twin: PatientTwin
  /** Keeps batches in order while scripts take their time. */
  readonly #lane = new Lane()
  readonly #unmapped = new Set<readonly Consumed[]>()
  #tail: Promise<void> = Promise.resolve()
  /** Of the receivers that the last batch found congested. */
  #relief: Promise<unknown> | undefined
  #closed = false

  constructor(environment: InboundEnvironment) {
    this.#environment = environment
    this.#twin = new PatientTwin(environment.twin, environment.onStoreFailure)
    this.#acknowledgements = new AckCollector(
      () => performance.now(),
      (awaiting, answers) => this.#acknowledged(awaiting, answers),
    )
  }

  /** Takes what a transport delivered, and was admitted; everything else follows from here. */
  consume(deliveries: readonly Delivery[]): void {
    const consumed = deliveries.map((delivery) => {
      const one = new Consumed(delivery, this.#environment.sources[delivery.source]!)
      one.monitor.success('consumed', delivery.message)
      return one
    })
    this.#unmapped.add(consumed)
    void this.#lane.run(() => this.#map(consumed))
  }

  /** Notes a message that the transport could not even turn into an external message. */
  undecodable(source: number, sourceAddress: string, error: DittoError): void {
    const program = this.#environment.sources[source]!
    program.monitor(sourceAddress).failure('consumed', undefined, error)
  }

  /** Takes acknowledgements and live responses for signals of this shard. */
  acknowledge(results: readonly AckResult[]): void {
    this.#acknowledgements.resolve(results.filter((result) => this.#fits(result)))
  }

  /** A live response must be about what it answers. */
  #fits(result: AckResult): boolean {
    const { response } = result
    const waiting = response && this.#acknowledgements.waitingFor(result)
    if (response === undefined || waiting === undefined) return true
    const { signal, consumed } = waiting.admitted
    if (isAnswerTo(signal.adaptable, response)) return true
    consumed.monitor.failure('other', signal, responseMismatch(signal.adaptable, response))
    return false
  }

  /** Whether commands wait because the store of the twins does not work. */
  get waitsForStore(): boolean {
    return this.#twin.isFailing
  }

  /** Resolves when everything consumed so far was executed and routed. */
  async idle(): Promise<void> {
    await this.#lane.idle()
    await this.#tail
  }

  /** What still waits for acknowledgements waits no longer. */
  giveUp(): void {
    this.#twin.giveUp()
    this.#acknowledgements.close()
  }

  /** What is still being mapped is told; what is being executed gets no response: the mappers go. */
  close(): void {
    this.#closed = true
    for (const one of [...this.#unmapped].flat()) {
      for (const { texts } of one.program.mappers) {
        one.monitor.failure('mapped', one.delivery.message, CLOSED, texts.failedIn)
      }
    }
    this.#environment.replies.close()
  }

  #map(consumed: readonly Consumed[]): void | Promise<void> {
    const runs = mapRuns(consumed)
    if (runs instanceof Promise) return runs.then((mapped) => this.#proceed(mapped, consumed))
    this.#proceed(runs, consumed)
  }

  /** What the mappers made is admitted, message by message, and handed to the twin. */
  #proceed(runs: readonly MappedRun[], all: readonly Consumed[]): void {
    // The brokers deliver again what is not settled.
    if (this.#closed) return
    this.#unmapped.delete(all)
    const batch: Batch = { consumed: [], admitted: [], commands: [], replies: [] }
    for (const { program, consumed, results } of runs) {
      const { mappers } = program
      for (let index = 0; index < consumed.length; index++) {
        const one = consumed[index]!
        batch.consumed.push(one)
        for (let which = 0; which < mappers.length; which++) {
          this.#admit(results[which]![index]!, one, mappers[which]!, batch)
        }
      }
    }
    this.#tail = this.#finish(this.#tail, batch, this.#twin.execute(batch.commands))
  }

  /** One mapper's results; when one of them is no signal, none of them is. */
  #admit(
    result: MapResult<Adaptable>,
    consumed: Consumed,
    mapper: NamedMapper,
    batch: Batch,
  ): void {
    const { delivery, monitor, program } = consumed
    if (!result.ok) {
      this.#refuse(result.error, undefined, consumed, mapper, batch)
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
        this.#refuse(signal, adaptable, consumed, mapper, batch)
        return
      }
      signals.push(signal)
    }
    // Once for each mapper: what was consumed is mapped, dropped or failed.
    monitor.success('mapped', signals[0]!, mapper.texts.mappedIn, delivery.message)
    for (const signal of signals) this.#enforce({ signal, consumed, mapper }, batch)
  }

  #enforce(admitted: Admitted, batch: Batch): void {
    const { signal, consumed, mapper } = admitted
    const { adaptable, kind } = signal
    const { program, delivery, monitor } = consumed
    const forbidden = program.enforce(signal, delivery)
    if (forbidden !== undefined) {
      monitor.failure('enforced', signal, forbidden, undefined, delivery.message)
      batch.replies.push(program.errorReply(forbidden, adaptable, delivery, mapper))
      return
    }
    monitor.success('enforced', signal, undefined, delivery.message)
    const impatient = timeoutError(adaptable)
    if (impatient !== undefined) {
      consumed.concluded(signal, impatient.status)
      const reply = program.errorReply(impatient, adaptable, delivery, mapper)
      batch.replies.push({ ...reply, required: true })
      return
    }
    if (kind === 'acknowledgement' || kind === 'response') {
      this.#answer(admitted, batch)
      return
    }
    batch.admitted.push(admitted)
    if (kind === 'twin-command') batch.commands.push(signal)
  }

  /** What a consumer sends back goes to whoever waits for it, and no further. */
  #answer({ signal, consumed, mapper }: Admitted, batch: Batch): void {
    const { program, delivery, monitor } = consumed
    const answer = readAnswer(signal, program.declaredAcks)
    if ('error' in answer) {
      monitor.failure('other', signal, answer)
      batch.replies.push(program.errorReply(answer, signal.adaptable, delivery, mapper))
      return
    }
    void this.#environment.router.answer(answer).then((isTaken) => {
      if (!isTaken) monitor.failure('other', signal, nobodyWaits(signal))
    })
  }

  #refuse(
    error: DittoError,
    adaptable: Adaptable | undefined,
    consumed: Consumed,
    mapper: NamedMapper,
    batch: Batch,
  ): void {
    const { monitor, delivery, program } = consumed
    monitor.failure('mapped', delivery.message, error, mapper.texts.failedIn)
    batch.replies.push(program.errorReply(error, adaptable, delivery, mapper))
  }

  async #finish(
    previous: Promise<void>,
    batch: Batch,
    execution: Promise<readonly Outcome[] | undefined>,
  ): Promise<void> {
    await previous
    // What was taken before the intake could pause waits here: the queues of others are limited.
    if (this.#relief !== undefined) await this.#relief
    const { replies, admission } = this.#environment
    const outcomes = await execution
    // Without them the shard has closed before the store worked: unsettled, the messages come again.
    if (outcomes === undefined) return
    const routed = this.#conclude(batch, outcomes)
    if (!this.#closed) replies.send(batch.replies)
    this.#relief = this.#route(routed)
    let settled = 0
    for (const consumed of batch.consumed) if (consumed.settle()) settled += 1
    if (settled > 0) admission.release(settled)
  }

  /** Routes, and pauses the intake while receivers are congested; resolves when they are not. */
  #route(signals: readonly Signal[]): Promise<unknown> | undefined {
    const { router, admission } = this.#environment
    const reliefs = signals.length === 0 ? NO_RELIEFS : router.route(signals)
    if (reliefs.length === 0) return undefined
    return Promise.all(reliefs.map((relief) => admission.waitFor(relief)))
  }

  /** What goes on to the targets: the commands' events, and the signals that the twin never saw. */
  #conclude(batch: Batch, outcomes: readonly Outcome[]): readonly Signal[] {
    const routed: Signal[] = []
    let next = 0
    for (const admitted of batch.admitted) {
      const { signal, consumed } = admitted
      if (signal.kind !== 'twin-command') {
        routed.push(this.#routable(admitted, signal, undefined, batch))
        continue
      }
      const { response, event } = outcomes[next++]!
      consumed.concluded(signal, response.status ?? 200)
      if (event === undefined) {
        batch.replies.push(replyTo(admitted, response))
      } else {
        const { entityId, origin, subjects } = signal
        const caused: Signal = { kind: 'twin-event', adaptable: event, entityId, origin, subjects }
        routed.push(this.#routable(admitted, caused, response, batch))
      }
    }
    return routed
  }

  /** A signal as it is routed; with a ticket when others shall answer it, else answered now. */
  #routable(
    admitted: Admitted,
    signal: Signal,
    response: Adaptable | undefined,
    batch: Batch,
  ): Signal {
    const { headers } = admitted.signal.adaptable
    const requested = labelsOfOthers(headers)
    const settles = requested.length > 0
    // A response may be wanted by whoever wants no acknowledgement: it is not waited for then.
    const wantsLive = wantsLiveResponse(signal.kind, headers)
    const labels = settles || !wantsLive ? requested : ONLY_LIVE_RESPONSE
    if (labels.length === 0) {
      if (response !== undefined) batch.replies.push(replyTo(admitted, response))
      return signal
    }
    const { thread, shard, router } = this.#environment
    const timeoutMs = this.#timeoutMsOf(headers)
    if (settles) admitted.consumed.wait()
    const awaiting: Awaiting = { admitted, response, timeoutMs, settles, routed: undefined }
    const ticket = this.#acknowledgements.open(labels, timeoutMs, awaiting)
    const routed = { ...signal, ackTo: { thread, shard, ticket } }
    awaiting.routed = routed
    router.awaitAnswers(routed)
    return routed
  }

  #timeoutMsOf(headers: DittoHeaders): number {
    const { ackTimeoutMs } = this.#environment
    return Math.min(durationMsHeader(headers, 'timeout') ?? ackTimeoutMs, ACK_TIMEOUT_MAX_MS)
  }

  /** All labels have answered, or had their time. */
  #acknowledged(awaiting: Awaiting, answers: AckAnswers): void {
    const { replies, admission, router } = this.#environment
    const { admitted, response, timeoutMs, settles, routed } = awaiting
    const { signal, consumed } = admitted
    router.forgetAnswers(routed!)
    replies.send([replyTo(admitted, answerTo(signal.adaptable, response, answers, timeoutMs))])
    if (!settles) return
    for (const { status } of answers.values()) consumed.concluded(signal, status)
    consumed.arrived()
    if (consumed.settle()) admission.release(1)
  }
}

/** Nobody waits longer, whatever the message says. */
const ACK_TIMEOUT_MAX_MS = 60_000
const ONLY_LIVE_RESPONSE: readonly string[] = Object.freeze([LIVE_RESPONSE])

const NO_RELIEFS: readonly Relief[] = Object.freeze([])

const CLOSED = mappingFailed(
  undefined,
  'The connection was closed before the message was mapped. Its broker delivers it again when the ' +
    'connection opens, if it waits for its settlement.',
)

function replyTo({ signal, consumed, mapper }: Admitted, response: Adaptable): Reply {
  return consumed.program.replyTo(signal, response, mapper)
}
