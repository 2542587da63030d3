/**
 * A target of the connection, compiled: its topics with filters, its mappers, its address and header
 * mapping.
 */
import { parseTargetTopic, type StreamingType } from '../connection/topics.ts'
import type { Target } from '../connection/types.ts'
import type { ExpressionContext } from '../expression/context.ts'
import type { HeaderMappingProgram } from '../expression/header-mapping.ts'
import { ALL_PLACEHOLDERS, CONNECTION_ONLY } from '../expression/placeholders.ts'
import { compileTemplate, type Template } from '../expression/template.ts'
import { parseFieldSelector } from '../json/field-selector.ts'
import type { JsonObject } from '../json/types.ts'
import type { OutboundMetric } from '../monitoring/counters.ts'
import { listHeader } from '../protocol/headers.ts'
import type { Signal } from '../protocol/signal.ts'
import { streamingTypeOf } from '../routing/streaming-type.ts'
import { compileRql, type Pointers, type RqlPredicate, type RqlSubject } from '../rql/evaluate.ts'
import type { NamedMapper } from './mappers.ts'
import type { Monitor } from './monitor.ts'
import { compileOptionalMapping } from './outgoing.ts'
import { thingOf } from './thing-of.ts'

/** One topic of a target. */
export interface TopicProgram {
  readonly type: StreamingType
  readonly namespaces: ReadonlySet<string> | undefined
  readonly filter: RqlPredicate | undefined
  readonly extraFields: ExtraFields | undefined
}

/** The field selector of a topic's enrichment. */
export interface ExtraFields {
  /** May contain placeholders. */
  readonly selector: Template
  /** What is not known of a thing before it is enriched. */
  readonly pointers: Pointers
}

/** What a target is compiled with. */
export interface TargetEnvironment {
  readonly connectionId: string
  readonly mappersOf: (payloadMapping: readonly string[]) => readonly NamedMapper[]
  readonly monitor: Monitor<OutboundMetric>
}

/** A compiled target. */
export class TargetProgram {
  readonly target: Target
  readonly mappers: readonly NamedMapper[]
  readonly monitor: Monitor<OutboundMetric>
  readonly address: Template
  readonly headerMapping: HeaderMappingProgram | undefined
  /** The acknowledgement label that the target issues, its placeholder resolved. */
  readonly issuedLabel: string | undefined
  /** The streaming types that the target's topics name. */
  readonly types: ReadonlySet<StreamingType>
  /** The number of topics that ask for extra fields. */
  readonly enrichingTopics: number
  /** Topics with extra fields come first: the first that matches supplies them. */
  readonly #topics: readonly TopicProgram[]

  constructor(target: Target, environment: TargetEnvironment) {
    this.target = target
    this.mappers = environment.mappersOf(target.payloadMapping)
    this.monitor = environment.monitor
    this.address = compileTemplate(target.address, ALL_PLACEHOLDERS)
    this.headerMapping = compileOptionalMapping(target.headerMapping)
    this.issuedLabel = resolveLabel(target.issuedAcknowledgementLabel, environment.connectionId)
    this.#topics = compileTopics(target.topics)
    this.types = new Set(this.#topics.map(({ type }) => type))
    this.enrichingTopics = this.#topics.filter(({ extraFields }) => extraFields).length
  }

  /** The first topic whose namespaces and filter let the signal pass. */
  matching(context: SignalContext): TopicProgram | undefined {
    const { signal } = context
    for (const topic of this.#topics) {
      if (isAbout(topic, signal) && (topic.filter?.matches(context) ?? true)) return topic
    }
    return undefined
  }

  /** The topics that may let the signal pass once the thing is known. */
  candidates(context: SignalContext): readonly TopicProgram[] {
    return this.#topics.filter((topic) => {
      if (!isAbout(topic, context.signal)) return false
      return topic.filter?.mayMatch(context, topic.extraFields?.pointers ?? ALL_KNOWN) ?? true
    })
  }

  /** Whether the signal asks for the acknowledgement that this target issues. */
  issues({ ackTo, adaptable }: Signal): boolean {
    if (this.issuedLabel === undefined || ackTo === undefined) return false
    return listHeader(adaptable.headers, 'requested-acks')?.includes(this.issuedLabel) ?? false
  }
}

function isAbout({ type, namespaces }: TopicProgram, signal: Signal): boolean {
  if (type !== streamingTypeOf(signal)) return false
  return namespaces === undefined || namespaces.has(signal.adaptable.topic.namespace)
}

function resolveLabel(text: string | undefined, connectionId: string): string | undefined {
  if (text === undefined) return undefined
  const context = { connectionId, headers: {}, now: () => 0 }
  return compileTemplate(text, CONNECTION_ONLY).resolve(context)
}

function compileTopics(texts: readonly string[]): readonly TopicProgram[] {
  const topics = texts.map((text) => {
    const { type, namespaces, filter, extraFields } = parseTargetTopic(text)
    return {
      type,
      namespaces: namespaces.length === 0 ? undefined : new Set(namespaces),
      filter: filter === undefined ? undefined : compileRql(filter),
      extraFields: extraFields === undefined ? undefined : compileExtraFields(extraFields),
    }
  })
  return topics.toSorted(
    (a, b) => Number(b.extraFields !== undefined) - Number(a.extraFields !== undefined),
  )
}

function compileExtraFields(text: string): ExtraFields {
  const selector = compileTemplate(text, ALL_PLACEHOLDERS)
  const { constant } = selector
  return { selector, pointers: constant === undefined ? NONE_KNOWN : parseFieldSelector(constant) }
}

const ALL_KNOWN: Pointers = []
/** With placeholders in the selector, anything may be supplied. */
const NONE_KNOWN: Pointers = [[]]

/** What an outbound signal's expressions may look at; the thing is put together only when asked for. */
export class SignalContext implements ExpressionContext, RqlSubject {
  readonly connectionId: string
  readonly signal: Signal
  readonly now: () => number
  readonly extra: JsonObject | undefined
  #thing: JsonObject | undefined

  constructor(
    connectionId: string,
    signal: Signal,
    now: () => number,
    extra: JsonObject | undefined,
  ) {
    this.connectionId = connectionId
    this.signal = signal
    this.now = now
    this.extra = extra
  }

  /** The same signal with what the twin knows beside it. */
  enrichedWith(extra: JsonObject | undefined): SignalContext {
    return extra === undefined
      ? this
      : new SignalContext(this.connectionId, this.signal, this.now, extra)
  }

  get headers(): ExpressionContext['headers'] {
    return this.signal.adaptable.headers
  }

  get adaptable(): ExpressionContext['adaptable'] {
    return this.signal.adaptable
  }

  get subjects(): readonly string[] {
    return this.signal.subjects
  }

  /** For RQL, whose subjects are a thing and what placeholders look at. */
  get context(): this {
    return this
  }

  get thing(): JsonObject | undefined {
    this.#thing ??= thingOf(this.signal, this.extra)
    return this.#thing
  }
}
