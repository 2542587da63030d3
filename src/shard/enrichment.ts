/**
 * Extra fields for the signals of one target: one partial thing per signal, read from the twin after
 * the signal's effect (Ditto documentation, "Signal enrichment").
 */
import { selectFields } from '../json/field-selector.ts'
import { isJsonObject, type JsonObject } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import type { DittoError } from '../protocol/errors.ts'
import type { Signal } from '../protocol/signal.ts'
import { buildTopicPath } from '../protocol/topic-path.ts'
import type { Outcome, Twin } from '../twin/twin.ts'
import { errorOf, STORE_FAILED } from './errors.ts'
import type { SignalContext, TargetProgram, TopicProgram } from './target.ts'

/** What a signal is enriched with: fields, perhaps none, or the reason why they cannot be had. */
export type Enrichment = { readonly extra: JsonObject | undefined } | { readonly error: DittoError }

const NOTHING: Enrichment = { extra: undefined }
const UNAVAILABLE: Enrichment = { error: STORE_FAILED }

/**
 * Retrieves the extra fields that these topics of the target ask for, one answer per signal. Never
 * rejects.
 */
export async function enrich(
  twin: Twin,
  target: TargetProgram,
  contexts: readonly SignalContext[],
  onStoreFailure: (thrown: unknown) => void,
): Promise<readonly Enrichment[]> {
  const selectors = contexts.map((context) => selectorOf(target.enriching(context), context))
  const asked: Signal[] = []
  for (let index = 0; index < contexts.length; index++) {
    const selector = selectors[index]!
    if (selector !== '') asked.push(retrieval(contexts[index]!.signal, selector, target))
  }
  if (asked.length === 0) return selectors.map(() => NOTHING)
  let outcomes: readonly Outcome[]
  try {
    outcomes = await twin.execute(asked)
  } catch (thrown) {
    onStoreFailure(thrown)
    return selectors.map((selector) => (selector === '' ? NOTHING : UNAVAILABLE))
  }
  let next = 0
  return selectors.map((selector, index) =>
    selector === '' ? NOTHING : enrichmentOf(contexts[index]!.signal, outcomes[next++]!),
  )
}

/**
 * Of the fields that were retrieved for all topics, those that the one that matched asks for; undefined
 * when it asks for none, or for none that the signal can resolve.
 */
export function extraFor(
  target: TargetProgram,
  topic: TopicProgram,
  context: SignalContext,
): JsonObject | undefined {
  const { extra } = context
  if (extra === undefined || topic.extraFields === undefined) return undefined
  if (target.enrichingTopics === 1) return extra
  const { pointers } = topic.extraFields.selectionFor(context)
  return pointers.length === 0 ? undefined : selectFields(extra, pointers)
}

function selectorOf(topics: readonly TopicProgram[], context: SignalContext): string {
  let joined = ''
  for (const { extraFields } of topics) {
    const { text } = extraFields!.selectionFor(context)
    if (text !== '') joined += joined === '' ? text : `,${text}`
  }
  return joined
}

function retrieval(signal: Signal, fields: string, target: TargetProgram): Signal {
  const { namespace, name } = signal.adaptable.topic
  const topic = buildTopicPath({
    namespace,
    name,
    group: 'things',
    channel: 'twin',
    criterion: 'commands',
    action: 'retrieve',
  })
  const adaptable: Adaptable = { topic, headers: {}, path: '/', fields }
  const { entityId, origin } = signal
  const subjects = target.target.authorizationContext
  return { kind: 'twin-command', adaptable, entityId, origin, subjects }
}

const NOT_FOUND = 404

function enrichmentOf({ kind }: Signal, { response }: Outcome): Enrichment {
  const { status = 200, value } = response
  if (status < 400) return isJsonObject(value) ? { extra: value } : NOTHING
  // The last events of a thing that is gone by now go out with what they tell themselves.
  if (status === NOT_FOUND && kind === 'twin-event') return NOTHING
  return { error: errorOf(response) }
}
