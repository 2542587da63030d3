/**
 * Responses and errors on their way to the reply target of the source that consumed the message.
 */
import type { ReplyTarget, ResponseType } from '../connection/types.ts'
import type { ExpressionContext } from '../expression/context.ts'
import type { HeaderMappingProgram } from '../expression/header-mapping.ts'
import { ALL_PLACEHOLDERS } from '../expression/placeholders.ts'
import { compileTemplate, type Template } from '../expression/template.ts'
import type { MapResult } from '../mapping/mapper.ts'
import type { OutboundMetric } from '../monitoring/counters.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { type DittoError, dittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import type { Signal } from '../protocol/signal.ts'
import type { NamedMapper } from './mappers.ts'
import type { Monitor } from './monitor.ts'
import { compileOptionalMapping, MonitoredReceipt, outgoingTo } from './outgoing.ts'
import type { Publisher } from './publisher.ts'

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
  readonly response: Adaptable
  readonly program: ReplyProgram | undefined
  /** What the request's own header `response-required` says; errors before mapping are wanted. */
  readonly required: boolean
  /** The mapper that mapped the request maps its response. */
  readonly mapper: NamedMapper
  /** Subjects of the request, for `request:subjectId`. */
  readonly subjects: readonly string[]
}

/** What replies are published with. */
export interface ReplyEnvironment {
  readonly connectionId: string
  readonly publisher: Publisher
  readonly monitor: Monitor<OutboundMetric>
  readonly now: () => number
}

/** One per shard. */
export class Replies {
  readonly #environment: ReplyEnvironment

  constructor(environment: ReplyEnvironment) {
    this.#environment = environment
  }

  /** Maps and queues a batch of replies, in order. */
  send(replies: readonly Reply[]): void {
    const wanted = replies.filter((reply) => this.#isWanted(reply))
    for (let start = 0; start < wanted.length; ) {
      const { mapper } = wanted[start]!
      let end = start + 1
      while (end < wanted.length && wanted[end]!.mapper === mapper) end++
      this.#map(wanted.slice(start, end), mapper)
      start = end
    }
  }

  #isWanted(reply: Reply): boolean {
    const { response, program } = reply
    const { monitor } = this.#environment
    const subject = this.#signalOf(reply)
    const failed = (response.status ?? 200) >= 400
    if (failed) monitor.failure('dispatched', subject, errorOf(response))
    else monitor.success('dispatched', subject)
    if (program === undefined) {
      monitor.success('dropped', subject, 'Dropped response since the source has no reply target.')
      return false
    }
    if (!reply.required) {
      monitor.success('filtered', subject, RESPONSE_NOT_REQUIRED)
      return false
    }
    if (!program.expected.has(responseTypeOf(response))) {
      monitor.success('dropped', subject, RESPONSE_NOT_EXPECTED)
      return false
    }
    return true
  }

  #map(replies: readonly Reply[], { mapper }: NamedMapper): void {
    const results = mapper.outbound(replies.map(({ response }) => response))
    replies.forEach((reply, index) => {
      this.#publish(reply, results[index]!)
    })
  }

  #publish(reply: Reply, result: MapResult<ExternalMessage>): void {
    const { monitor, publisher } = this.#environment
    const subject = this.#signalOf(reply)
    if (!result.ok) {
      monitor.failure('mapped', subject, result.error)
      return
    }
    if (result.values.length === 0) {
      monitor.success('dropped', subject)
      return
    }
    monitor.success('mapped', subject)
    const context = this.#contextOf(reply)
    const { address, headerMapping } = reply.program!
    const resolved = address.resolve(context)
    if (resolved === undefined || resolved === '') {
      monitor.failure('dropped', subject, MISSING_REPLY_ADDRESS, MISSING_REPLY_ADDRESS.message)
      return
    }
    for (const message of result.values) {
      const outbound = outgoingTo(resolved, undefined, message, headerMapping, context)
      publisher.enqueue({ message: outbound, receipt: new MonitoredReceipt(monitor, subject) })
    }
  }

  #contextOf({ response, subjects }: Reply): ExpressionContext {
    const { connectionId, now } = this.#environment
    return { connectionId, headers: response.headers, adaptable: response, subjects, now }
  }

  #signalOf({ response, subjects }: Reply): Signal {
    const { namespace, name } = response.topic
    const entityId = `${namespace}:${name}`
    const origin = this.#environment.connectionId
    return { kind: 'response', adaptable: response, entityId, origin, subjects }
  }
}

function responseTypeOf({ status, topic }: Adaptable): ResponseType {
  if (topic.criterion === 'acks') return (status ?? 200) < 400 ? 'response' : 'nack'
  return (status ?? 200) < 400 ? 'response' : 'error'
}

function errorOf({ status, value }: Adaptable): DittoError {
  const error = value as Partial<DittoError> | undefined
  return dittoError(
    status ?? 500,
    error?.error ?? 'unknown',
    error?.message ?? 'Response was not successful.',
    error?.description,
  )
}

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
