/**
 * A target of the connection, compiled: its topics with filters, its mappers, its address and header
 * mapping.
 */
import { withConnectionId } from '../connection/rules/ack-labels.ts'
import { parseTargetTopic, type StreamingType, type TargetTopic } from '../connection/topics.ts'
import type { Target } from '../connection/types.ts'
import type { ExpressionContext } from '../expression/context.ts'
import type { HeaderMappingProgram } from '../expression/header-mapping.ts'
import { ALL_PLACEHOLDERS } from '../expression/placeholders.ts'
import { compileTemplate, type Template } from '../expression/template.ts'
import type { JsonObject } from '../json/types.ts'
import type { OutboundMetric } from '../monitoring/counters.ts'
import { listHeader } from '../protocol/headers.ts'
import type { Signal } from '../protocol/signal.ts'
import { streamingTypeOf } from '../routing/streaming-type.ts'
import { compileRql, type Pointers, type RqlPredicate, type RqlSubject } from '../rql/evaluate.ts'
import { compileExtraFields, type ExtraFields } from './extra-fields.ts'
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

/** The topics of a target that subscribe to the same type. */
interface TopicGroup {
  /** Topics with extra fields come first: the first that matches supplies them. */
  readonly topics: readonly TopicProgram[]
  /** Those with extra fields. */
  readonly enriching: readonly TopicProgram[]
  /** What is not known of a thing before any of them is enriched. */
  readonly unknown: Pointers
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
  /** The namespaces that the target's topics name; undefined: signals of any may be wanted. */
  readonly namespaces: readonly string[] | undefined
  /** The number of topics that ask for extra fields. */
  readonly enrichingTopics: number
  readonly #groups: ReadonlyMap<StreamingType, TopicGroup>

  constructor(target: Target, environment: TargetEnvironment) {
    this.target = target
    this.mappers = environment.mappersOf(target.payloadMapping)
    this.monitor = environment.monitor
    this.address = compileTemplate(target.address, ALL_PLACEHOLDERS)
    this.headerMapping = compileOptionalMapping(target.headerMapping)
    const label = target.issuedAcknowledgementLabel
    this.issuedLabel = label && withConnectionId(label, environment.connectionId)
    const topics = compileTopics(target.topics)
    this.#groups = groupTopics(topics)
    this.types = new Set(this.#groups.keys())
    this.namespaces = topics.every(({ namespaces }) => namespaces !== undefined)
      ? topics.flatMap(({ namespaces }) => [...namespaces!])
      : undefined
    this.enrichingTopics = topics.filter(({ extraFields }) => extraFields).length
  }

  /** The first topic whose namespaces and filter let the signal pass. */
  matching(context: SignalContext): TopicProgram | undefined {
    const { signal } = context
    for (const topic of this.#groupOf(signal)?.topics ?? NO_TOPICS) {
      if (isWithin(topic, signal) && (topic.filter?.matches(context) ?? true)) return topic
    }
    return undefined
  }

  /**
   * The topics whose extra fields are to be retrieved for the signal: as in Ditto either all of its
   * type, because the filter of each may look at the fields of another; or none, when it cannot pass
   * or can pass only without extra fields.
   */
  enriching(context: SignalContext): readonly TopicProgram[] {
    const { signal } = context
    const group = this.#groupOf(signal)
    if (group === undefined) return NO_TOPICS
    const { topics, enriching, unknown } = group
    let mayPass = false
    let mayPassEnriched = false
    for (const topic of topics) {
      if (!isWithin(topic, signal)) continue
      const { extraFields } = topic
      const mayMatch = mayPassFilter(topic, context, extraFields?.unknown ?? ALL_KNOWN)
      mayPass ||= mayMatch
      mayPassEnriched ||=
        extraFields !== undefined &&
        (mayMatch || (enriching.length > 1 && mayPassFilter(topic, context, unknown)))
      if (mayPass && mayPassEnriched) return enriching
    }
    return NO_TOPICS
  }

  /** Whether the signal asks for the acknowledgement that this target issues. */
  issues({ ackTo, adaptable }: Signal): boolean {
    if (this.issuedLabel === undefined || ackTo === undefined) return false
    return listHeader(adaptable.headers, 'requested-acks')?.includes(this.issuedLabel) ?? false
  }

  #groupOf(signal: Signal): TopicGroup | undefined {
    const type = streamingTypeOf(signal)
    return type === undefined ? undefined : this.#groups.get(type)
  }
}

const NO_TOPICS: readonly TopicProgram[] = []
const ALL_KNOWN: Pointers = []

function isWithin({ namespaces }: TopicProgram, signal: Signal): boolean {
  return namespaces === undefined || namespaces.has(signal.adaptable.topic.namespace)
}

function mayPassFilter(
  { filter }: TopicProgram,
  context: SignalContext,
  unknown: Pointers,
): boolean {
  return filter === undefined || filter.mayMatch(context, unknown)
}

/** In the order in which they are tried: those with extra fields first, then by their text. */
function compileTopics(texts: readonly string[]): readonly TopicProgram[] {
  return texts.map(parseTargetTopic).toSorted(byExtraFields).map(compileTopic)
}

function byExtraFields(left: TargetTopic, right: TargetTopic): number {
  const a = left.extraFields
  const b = right.extraFields
  if (a !== b) return a === undefined || (b !== undefined && a > b) ? 1 : -1
  if (left.text === right.text) return 0
  return left.text < right.text ? -1 : 1
}

function compileTopic({ type, namespaces, filter, extraFields }: TargetTopic): TopicProgram {
  return {
    type,
    namespaces: namespaces.length === 0 ? undefined : new Set(namespaces),
    filter: filter === undefined ? undefined : compileRql(filter),
    extraFields: extraFields === undefined ? undefined : compileExtraFields(extraFields),
  }
}

function groupTopics(all: readonly TopicProgram[]): ReadonlyMap<StreamingType, TopicGroup> {
  const groups = Map.groupBy(all, ({ type }) => type)
  return new Map(
    [...groups].map(([type, topics]) => {
      const enriching = topics.filter(({ extraFields }) => extraFields !== undefined)
      const unknown = enriching.flatMap(({ extraFields }) => extraFields!.unknown)
      return [type, { topics, enriching, unknown }]
    }),
  )
}

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
