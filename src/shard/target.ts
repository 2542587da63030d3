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
import type { JsonObject } from '../json/types.ts'
import type { OutboundMetric } from '../monitoring/counters.ts'
import { listHeader } from '../protocol/headers.ts'
import type { Signal } from '../protocol/signal.ts'
import { streamingTypeOf } from '../routing/streaming-type.ts'
import { compileRql, type RqlPredicate } from '../rql/evaluate.ts'
import type { NamedMapper } from './mappers.ts'
import type { Monitor } from './monitor.ts'
import { compileOptionalMapping } from './outgoing.ts'
import { thingOf } from './thing-of.ts'

/** One topic of a target. */
export interface TopicProgram {
  readonly type: StreamingType
  readonly namespaces: ReadonlySet<string> | undefined
  readonly filter: RqlPredicate | undefined
  /** Field selector for the enrichment; may contain placeholders. */
  readonly extraFields: Template | undefined
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
  /** Topics with extra fields come first: the first that matches supplies them. */
  readonly #topics: readonly TopicProgram[]
  /** Whether any topic asks for extra fields. */
  readonly enriches: boolean

  constructor(target: Target, environment: TargetEnvironment) {
    this.target = target
    this.mappers = environment.mappersOf(target.payloadMapping)
    this.monitor = environment.monitor
    this.address = compileTemplate(target.address, ALL_PLACEHOLDERS)
    this.headerMapping = compileOptionalMapping(target.headerMapping)
    this.issuedLabel = resolveLabel(target.issuedAcknowledgementLabel, environment.connectionId)
    this.#topics = compileTopics(target.topics)
    this.enriches = this.#topics.some(({ extraFields }) => extraFields !== undefined)
  }

  /** The streaming types that the target's topics name. */
  get types(): readonly StreamingType[] {
    return [...new Set(this.#topics.map(({ type }) => type))]
  }

  /** Whether some topic is about this kind of signal at all. */
  wants(signal: Signal): boolean {
    const type = streamingTypeOf(signal)
    return this.#topics.some((topic) => topic.type === type)
  }

  /** The first topic whose namespaces and filter let the signal pass. */
  matching(signal: Signal, context: ExpressionContext): TopicProgram | undefined {
    const subject = { thing: context.thing, context }
    return this.#inNamespace(signal).find((topic) => topic.filter?.matches(subject) ?? true)
  }

  /** Field selectors of the topics that may let the signal pass once the thing is known. */
  enrichments(signal: Signal, context: ExpressionContext): readonly string[] {
    return this.#inNamespace(signal).flatMap(({ extraFields }) => {
      const selector = extraFields?.resolve(context)
      return selector === undefined ? [] : [selector]
    })
  }

  /** Whether the signal asks for the acknowledgement that this target issues. */
  issues({ ackTo, adaptable }: Signal): boolean {
    if (this.issuedLabel === undefined || ackTo === undefined) return false
    return listHeader(adaptable.headers, 'requested-acks')?.includes(this.issuedLabel) ?? false
  }

  #inNamespace(signal: Signal): readonly TopicProgram[] {
    const type = streamingTypeOf(signal)
    const { namespace } = signal.adaptable.topic
    return this.#topics.filter(
      (topic) => topic.type === type && (topic.namespaces?.has(namespace) ?? true),
    )
  }
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
      extraFields:
        extraFields === undefined ? undefined : compileTemplate(extraFields, ALL_PLACEHOLDERS),
    }
  })
  return topics.toSorted(
    (a, b) => Number(b.extraFields !== undefined) - Number(a.extraFields !== undefined),
  )
}

/** What an outbound signal's expressions may look at; the thing is put together only when asked for. */
export class SignalContext implements ExpressionContext {
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

  get headers(): ExpressionContext['headers'] {
    return this.signal.adaptable.headers
  }

  get adaptable(): ExpressionContext['adaptable'] {
    return this.signal.adaptable
  }

  get subjects(): readonly string[] {
    return this.signal.subjects
  }

  get thing(): JsonObject | undefined {
    this.#thing ??= thingOf(this.signal, this.extra)
    return this.#thing
  }
}
