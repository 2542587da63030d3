/**
 * Responses and errors on their way to the reply target of the source that consumed the message, or to
 * the connection that they are diverted to.
 */
import type { ReplyTarget, ResponseType } from '../connection/types.ts'
import type { ExpressionContext } from '../expression/context.ts'
import type { HeaderMappingProgram } from '../expression/header-mapping.ts'
import { ALL_PLACEHOLDERS } from '../expression/placeholders.ts'
import { compileTemplate, type Template } from '../expression/template.ts'
import { Lane } from '../mapping/lane.ts'
import type { MapResult } from '../mapping/mapper.ts'
import type { OutboundMetric } from '../monitoring/counters.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { dittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import type { Signal } from '../protocol/signal.ts'
import type { Relief, Router } from '../routing/router.ts'
import { type Diversion, diverted, nobodyTakes } from './diversion.ts'
import { errorOf } from './errors.ts'
import type { NamedMapper } from './mappers.ts'
import type { Monitor } from './monitor.ts'
import { compileOptionalMapping, MonitoredReceipt, outgoingTo } from './outgoing.ts'
import { CLOSED, type Publisher } from './publisher.ts'

/** A compiled reply target. */
export interface ReplyProgram {
  readonly address: Template
  readonly headerMapping: HeaderMappingProgram | undefined
  readonly expected: ReadonlySet<ResponseType>
}

/** Compiles a reply target; undefined when replies are not wanted. */
export function compileReplyTarget(target: ReplyTarget): ReplyProgram | undefined {
  if (!target.enabled || target.address === undefined) return undefined
  return {
    address: compileTemplate(target.address, ALL_PLACEHOLDERS),
    headerMapping: compileOptionalMapping(target.headerMapping),
    expected: new Set(target.expectedResponseTypes ?? ['response', 'error']),
  }
}

/** A response, and how the request it answers came in. */
export interface Reply {
  /** Of kind `response`; its subjects are those of the request, for `request:subjectId`. */
  readonly signal: Signal
  readonly program: ReplyProgram | undefined
  readonly diversion: Diversion | undefined
  /** What the request's own header `response-required` says; errors before mapping are wanted. */
  readonly required: boolean
  /** The mapper that mapped the request maps its response. */
  readonly mapper: NamedMapper
}

/** What replies are published with. */
export interface ReplyEnvironment {
  readonly connectionId: string
  readonly publisher: Publisher
  readonly monitor: Monitor<OutboundMetric>
  readonly router: Router
  readonly now: () => number
  /** A connection that responses are diverted to does not keep up. */
  readonly onCongestion: (relief: Relief) => void
}

/** One per shard. */
export class Replies {
  readonly #environment: ReplyEnvironment
  /** Keeps replies in order while scripts take their time. */
  readonly #lane = new Lane()
  /** What is being mapped, or waits for that. */
  readonly #held = new Set<Reply>()
  #closed = false

  constructor(environment: ReplyEnvironment) {
    this.#environment = environment
  }

  /** What is still being mapped goes nowhere: the mappers are about to go. */
  close(): void {
    this.#closed = true
    const { monitor } = this.#environment
    for (const { signal } of this.#held) monitor.failure('dropped', signal, CLOSED)
    this.#held.clear()
  }

  /** Maps and queues a batch of replies, in order. */
  send(replies: readonly Reply[]): void {
    const wanted: Reply[] = []
    for (const reply of replies) {
      // Mappers see what belongs together as one batch.
      if (wanted.length > 0 && wanted[0]!.mapper !== reply.mapper) this.#map(wanted.splice(0))
      if (this.#isWanted(reply)) wanted.push(reply)
    }
    if (wanted.length > 0) this.#map(wanted)
  }

  #isWanted({ signal, program, diversion, required }: Reply): boolean {
    const { monitor } = this.#environment
    const { adaptable } = signal
    const failed = (adaptable.status ?? 200) >= 400
    if (failed) monitor.failure('dispatched', signal, errorOf(adaptable))
    else monitor.success('dispatched', signal)
    if (program === undefined && diversion === undefined) {
      monitor.success('dropped', signal, NO_REPLY_TARGET)
      return false
    }
    if (!required) {
      monitor.success('filtered', signal, RESPONSE_NOT_REQUIRED)
      return false
    }
    const type = responseTypeOf(adaptable)
    if (program !== undefined && !program.expected.has(type)) {
      monitor.success('dropped', signal, RESPONSE_NOT_EXPECTED)
      return false
    }
    if (diversion?.types.includes(type)) {
      this.#divert(signal, diversion)
      return diversion.isCopy && program !== undefined
    }
    if (program !== undefined) return true
    monitor.success('dropped', signal, NO_REPLY_TARGET)
    return false
  }

  #divert(signal: Signal, diversion: Diversion): void {
    const { monitor, router, onCongestion } = this.#environment
    const reliefs = router.divert(diversion.to, [diverted(signal, diversion)])
    if (reliefs === undefined) {
      const error = nobodyTakes(diversion.to)
      monitor.failure('dropped', signal, error, error.message)
      return
    }
    for (const relief of reliefs) onCongestion(relief)
  }

  /** Replies of one mapper, after everything before them. */
  #map(replies: readonly Reply[]): void {
    const { publisher } = this.#environment
    const wasBusy = this.#lane.isBusy
    const work = this.#lane.run(() => this.#mapNow(replies))
    if (!(work instanceof Promise)) return
    if (wasBusy) for (const reply of replies) this.#held.add(reply)
    publisher.expect(replies.length)
    void work.then(() => publisher.expect(-replies.length))
  }

  #mapNow(replies: readonly Reply[]): void | Promise<void> {
    if (this.#closed) return
    const { mapper } = replies[0]!.mapper
    const results = mapper.outbound(replies.map(({ signal }) => signal.adaptable))
    if (!(results instanceof Promise)) return this.#publishAll(replies, results)
    for (const reply of replies) this.#held.add(reply)
    return results.then((known) => {
      if (!this.#closed) this.#publishAll(replies, known)
    })
  }

  #publishAll(replies: readonly Reply[], results: readonly MapResult<ExternalMessage>[]): void {
    for (let index = 0; index < replies.length; index++) {
      this.#held.delete(replies[index]!)
      this.#publish(replies[index]!, results[index]!)
    }
  }

  #publish({ signal, program, mapper }: Reply, result: MapResult<ExternalMessage>): void {
    const { monitor, publisher } = this.#environment
    if (!result.ok) {
      monitor.failure('mapped', signal, result.error)
      return
    }
    if (result.values.length === 0) {
      monitor.success('dropped', signal, mapper.texts.droppedOut)
      return
    }
    monitor.success('mapped', signal, mapper.texts.mappedOut)
    const context = this.#contextOf(signal)
    const { address, headerMapping } = program!
    const resolved = address.resolve(context)
    if (resolved === undefined || resolved === '') {
      monitor.failure('dropped', signal, MISSING_REPLY_ADDRESS, MISSING_REPLY_ADDRESS.message)
      return
    }
    for (const message of result.values) {
      const outbound = outgoingTo(resolved, undefined, message, headerMapping, context)
      const receipt = new MonitoredReceipt(monitor, signal)
      publisher.enqueue({ message: outbound, receipt, blocks: false })
    }
  }

  #contextOf({ adaptable, subjects }: Signal): ExpressionContext {
    const { connectionId, now } = this.#environment
    return { connectionId, headers: adaptable.headers, adaptable, subjects, now }
  }
}

function responseTypeOf({ status, topic }: Adaptable): ResponseType {
  if (topic.criterion === 'acks') return (status ?? 200) < 400 ? 'response' : 'nack'
  return (status ?? 200) < 400 ? 'response' : 'error'
}

const NO_REPLY_TARGET = 'Dropped response since the source has no reply target.'
const RESPONSE_NOT_REQUIRED =
  'Dropped response since requester did not require response via Header response-required'
const RESPONSE_NOT_EXPECTED =
  'Dropped response since requester did not require response via Header ditto-expected-response-types.'
const MISSING_REPLY_ADDRESS = dittoError(
  400,
  'connectivity:message.sending.failed',
  'Response dropped, missing replyTo address.',
  'Give the reply target a constant address, or send the header that its placeholder names.',
)
