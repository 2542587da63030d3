/**
 * A source of the connection, compiled: everything that is decided once when the shard opens, so that
 * a message costs only evaluation.
 */
import { randomUUID } from 'node:crypto'
import { withConnectionId } from '../connection/rules/ack-labels.ts'
import type { Connection, Source } from '../connection/types.ts'
import type { ExpressionContext } from '../expression/context.ts'
import type { HeaderMappingProgram } from '../expression/header-mapping.ts'
import { ENFORCEMENT_FILTER, ENFORCEMENT_INPUT, HEADER_ONLY } from '../expression/placeholders.ts'
import { compileTemplate, type Template } from '../expression/template.ts'
import type { InboundMetric } from '../monitoring/counters.ts'
import type { Adaptable, DittoHeaders } from '../protocol/adaptable.ts'
import { signalKindOf } from '../protocol/classify.ts'
import {
  connectionConfigurationInvalid,
  idEnforcementFailed,
} from '../protocol/connectivity-errors.ts'
import { entityIdOf } from '../protocol/entity-id.ts'
import { type DittoError, DittoException, dittoError, toDittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { readableFromOutside, typedHeader } from '../protocol/headers.ts'
import { placeholderUnresolved } from '../protocol/placeholder-errors.ts'
import { errorResponse } from '../protocol/responses.ts'
import type { Signal, SignalKind } from '../protocol/signal.ts'
import type { Delivery } from '../transport/transport.ts'
import { type AckRequestProgram, compileAckRequests, isResponseRequired } from './ack-requests.ts'
import { type DiversionSource, diversionSource } from './diversion.ts'
import type { NamedMapper } from './mappers.ts'
import type { Monitor } from './monitor.ts'
import { compileOptionalMapping } from './outgoing.ts'
import { Redeliveries } from './redeliveries.ts'
import { compileReplyTarget, type Reply, type ReplyProgram } from './replies.ts'

/** What a source is compiled with. */
export interface SourceEnvironment {
  readonly connection: Connection
  readonly now: () => number
  readonly mappersOf: (payloadMapping: readonly string[]) => readonly NamedMapper[]
  readonly monitorOf: (sourceAddress: string) => Monitor<InboundMetric>
  /** How often a message may be delivered again; 0: for ever. */
  readonly maxRedeliveries: number
}

/** A compiled source. */
export class SourceProgram {
  readonly source: Source
  readonly mappers: readonly NamedMapper[]
  /** Labels of the acknowledgements that may arrive here. */
  readonly declaredAcks: ReadonlySet<string>
  readonly redeliveries: Redeliveries
  readonly #reply: ReplyProgram | undefined
  readonly #wantsSubjects: boolean
  readonly #connectionId: string
  readonly #now: () => number
  readonly #monitors: ReadonlyMap<string, Monitor<InboundMetric>>
  readonly #headerMapping: HeaderMappingProgram | undefined
  readonly #subjects: readonly Template[]
  readonly #constantSubjects: readonly string[] | undefined
  readonly #enforcement: { input: Template; filters: readonly Template[] } | undefined
  readonly #ackRequests: AckRequestProgram
  readonly #diversions: DiversionSource | undefined

  /** `index`: of the source in its connection. */
  constructor(source: Source, index: number, environment: SourceEnvironment) {
    this.source = source
    this.#diversions = diversionSource(environment.connection, index)
    this.#connectionId = environment.connection.id
    this.declaredAcks = new Set(
      source.declaredAcks.map((label) => withConnectionId(label, environment.connection.id)),
    )
    this.#now = environment.now
    this.redeliveries = new Redeliveries(environment.maxRedeliveries)
    this.mappers = environment.mappersOf(source.payloadMapping)
    this.#wantsSubjects = this.mappers.some(({ wantsSubjects }) => wantsSubjects)
    this.#monitors = new Map(
      source.addresses.map((address) => [address, environment.monitorOf(address)]),
    )
    this.#reply = compileReplyTarget(source.replyTarget)
    this.#headerMapping = compileOptionalMapping(readableOnly(source.headerMapping))
    this.#subjects = source.authorizationContext.map((text) => compileTemplate(text, HEADER_ONLY))
    this.#constantSubjects = constants(this.#subjects)
    this.#enforcement = source.enforcement && {
      input: compileTemplate(source.enforcement.input, ENFORCEMENT_INPUT),
      filters: source.enforcement.filters.map((text) => compileTemplate(text, ENFORCEMENT_FILTER)),
    }
    this.#ackRequests = compileAckRequests(source.acknowledgementRequests, this.#connectionId)
  }

  /** Counters and log of one of the source's configured addresses. */
  monitor(sourceAddress: string): Monitor<InboundMetric> {
    return this.#monitors.get(sourceAddress)!
  }

  /** What the mappers get of deliveries. */
  messagesOf(deliveries: readonly Delivery[]): readonly ExternalMessage[] {
    if (!this.#wantsSubjects) return deliveries.map(({ message }) => message)
    return deliveries.map((delivery) => {
      const subjects = this.#constantSubjects ?? this.#resolvableSubjects(delivery)
      return { ...delivery.message, subjects }
    })
  }

  /**
   * Makes a signal of what a mapper gave: header mapping, authorization context, acknowledgement
   * requests.
   */
  toSignal(adaptable: Adaptable, delivery: Delivery): Signal | DittoError {
    try {
      const kind = acceptedKindOf(adaptable)
      const subjects = this.#constantSubjects ?? this.#resolveSubjects(delivery)
      const context = this.#contextOf(adaptable, delivery, subjects)
      const headers = this.#completeHeaders(adaptable.headers, this.#mappedHeaders(context))
      this.#ackRequests.apply(headers, adaptable, kind, context)
      const entityId = entityIdOf(adaptable.topic)
      const completed = { ...adaptable, headers }
      return { kind, adaptable: completed, entityId, origin: this.#connectionId, subjects }
    } catch (thrown) {
      return toDittoError(thrown, UNEXPECTED)
    }
  }

  /** Checks that the message may speak for the signal's entity; undefined when it may. */
  enforce(signal: Signal, delivery: Delivery): DittoError | undefined {
    const enforcement = this.#enforcement
    if (enforcement === undefined) return undefined
    const context = this.#contextOf(signal.adaptable, delivery, signal.subjects)
    const input = enforcement.input.resolve(context)
    if (input === undefined) return placeholderUnresolved(enforcement.input.text)
    let resolvable = false
    for (const filter of enforcement.filters) {
      for (const candidate of filter.resolveAll(context)) {
        resolvable = true
        if (candidate === input) return undefined
      }
    }
    return resolvable
      ? idEnforcementFailed(signal.entityId)
      : placeholderUnresolved(this.source.enforcement?.filters.join(', ') ?? '')
  }

  /** The answer to a signal of this source. */
  replyTo(signal: Signal, response: Adaptable, mapper: NamedMapper): Reply {
    const { adaptable, entityId, origin, subjects } = signal
    return {
      signal: { kind: 'response', adaptable: response, entityId, origin, subjects },
      program: this.#reply,
      diversion: this.#diversions?.of(adaptable.headers),
      required: isResponseRequired(adaptable.headers),
      mapper,
    }
  }

  /**
   * The error that answers a message of this source which got no further; `request` as far as it was
   * understood. The header mapping's headers let it find the reply target.
   */
  errorReply(
    error: DittoError,
    request: Adaptable | undefined,
    delivery: Delivery,
    mapper: NamedMapper,
  ): Reply {
    const subjects = this.#constantSubjects ?? this.#resolvableSubjects(delivery)
    const mapped = this.#mappedHeaders(this.#contextOf(request, delivery, subjects), 'lenient')
    const headers = this.#completeHeaders(request?.headers ?? {}, mapped)
    const adaptable = errorResponse(request, error, headers)
    const entityId = entityIdOf(adaptable.topic)
    const origin = this.#connectionId
    return {
      signal: { kind: 'response', adaptable, entityId, origin, subjects },
      program: this.#reply,
      diversion: this.#diversions?.of(headers),
      required: request === undefined || isResponseRequired(request.headers),
      mapper,
    }
  }

  #contextOf(
    adaptable: Adaptable | undefined,
    delivery: Delivery,
    subjects?: readonly string[],
  ): ExpressionContext {
    return {
      connectionId: this.#connectionId,
      headers: delivery.message.headers,
      adaptable,
      subjects,
      sourceAddress: delivery.address,
      now: this.#now,
    }
  }

  /**
   * The header mapping's result, each header in its type. Throws 400 `header.invalid` for a value that
   * cannot be one, unless it is lenient: then the header is left out.
   */
  #mappedHeaders(context: ExpressionContext, mode?: 'lenient'): DittoHeaders | undefined {
    if (this.#headerMapping === undefined) return undefined
    const texts: Record<string, string> = {}
    this.#headerMapping.apply(context, texts)
    const headers: DittoHeaders = {}
    for (const name in texts) {
      try {
        headers[name] = typedHeader(name, texts[name]!)
      } catch (thrown) {
        if (mode !== 'lenient') throw thrown
      }
    }
    return headers
  }

  /** Headers that the payload brought win over the mapping. */
  #completeHeaders(own: DittoHeaders, mapped: DittoHeaders | undefined): DittoHeaders {
    const headers = mapped === undefined ? { ...own } : { ...mapped, ...own }
    headers['correlation-id'] ??= randomUUID()
    return headers
  }

  #resolveSubjects(delivery: Delivery): readonly string[] {
    const context = this.#contextOf(undefined, delivery)
    const subjects = this.#subjects.flatMap((template) => {
      const resolved = template.resolveAll(context)
      if (resolved.length === 0) throw new DittoException(placeholderUnresolved(template.text))
      return resolved
    })
    if (subjects.every((subject) => subject.trim() === '')) {
      throw new DittoException(NO_AUTHORIZATION_CONTEXT)
    }
    return subjects
  }

  /** Those that an error can still be told of. */
  #resolvableSubjects(delivery: Delivery): readonly string[] {
    const context = this.#contextOf(undefined, delivery)
    return this.#subjects.flatMap((template) => template.resolveAll(context))
  }
}

const NO_AUTHORIZATION_CONTEXT = connectionConfigurationInvalid(
  'No nonempty authorization context is available',
  'Check the authorizationContext of the source and the headers that its placeholders name.',
)

const UNEXPECTED = {
  status: 500,
  error: 'connectivity:internalerror',
  message: 'There was a rare case of an unexpected internal error.',
}

/** What Sluice cannot do yet is refused, with the reason, instead of disappearing. */
function acceptedKindOf(adaptable: Adaptable): SignalKind {
  const kind = signalKindOf(adaptable)
  if (kind === 'twin-command' || kind === 'live-command') return kind
  if (kind === 'message' || kind === 'live-event' || kind === 'acknowledgement') return kind
  if (kind === 'response' && adaptable.topic.channel === 'live') return kind
  throw new DittoException(
    dittoError(
      400,
      'signal.unsupported',
      `Signals of kind ${kind} (${adaptable.topic.full}) cannot be sent through a connection.`,
      'Send a twin or live command, a message, a live event, a live response or an acknowledgement.',
    ),
  )
}

/** Headers that only the inside sets are not for the mapping to set. */
function readableOnly(mapping: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(mapping)
      .map(([name, text]) => [name.toLowerCase(), text] as const)
      .filter(([name]) => readableFromOutside(name)),
  )
}

function constants(templates: readonly Template[]): readonly string[] | undefined {
  const texts = templates.map(({ constant }) => constant)
  return texts.every((text) => text !== undefined) ? texts : undefined
}
