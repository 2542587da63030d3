/**
 * What Ditto does around every mapper: the conditions of its definition, the blocklist of content
 * types and the limit on results (Ditto documentation, "Payload mapping", "Mapping conditions").
 * A message that is not for the mapper is dropped by it. Knows no engine.
 */
import { z } from 'zod'
import type { MappingDefinition } from '../connection/types.ts'
import type { ExpressionContext } from '../expression/context.ts'
import { compilePipeline, type Pipeline } from '../expression/pipeline.ts'
import { ALL_PLACEHOLDERS } from '../expression/placeholders.ts'
import type { JsonValue } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { RESULTS_MAX, tooManyResults } from './limits.ts'
import {
  DROPPED,
  type Mapper,
  type MapperEnvironment,
  type MapResult,
  type MapResults,
} from './mapper.ts'
import { ofOption, optionText, readOptions } from './options.ts'

/** What each condition starts with: it stands behind `fn:default('true')`. */
const CONDITION_INPUT = 'true'

const BLOCKLIST = 'content-type-blocklist'
const schema = z.object({ [BLOCKLIST]: optionText.optional() })

/** What a definition says of the messages that its mapper gets, compiled. */
interface Guard {
  readonly blocklist: ReadonlySet<string>
  readonly incoming: readonly Pipeline[]
  readonly outgoing: readonly Pipeline[]
}

/**
 * Compiles what stands around the mapper of a definition. Throws a DittoException
 * (`connectivity:message.mapper.config.failed`) that names the option or condition.
 */
export function compileGuard(
  definition: MappingDefinition,
  defaultBlocklist: readonly string[] = [],
): Guard {
  const text = readOptions(schema, definition.options)[BLOCKLIST]
  const types = text?.split(',').map((entry) => entry.trim()) ?? defaultBlocklist
  return {
    blocklist: new Set(types),
    incoming: compileConditions('incomingConditions', definition.incomingConditions),
    outgoing: compileConditions('outgoingConditions', definition.outgoingConditions),
  }
}

/** Pipelines without braces; all must resolve. */
function compileConditions(
  place: string,
  conditions: Readonly<Record<string, string>> = {},
): readonly Pipeline[] {
  return Object.entries(conditions).map(([name, text]) =>
    ofOption(`${place}/${name}`, () => compilePipeline(text, ALL_PLACEHOLDERS)),
  )
}

/** Whether the conditions of a definition look at the subjects of a message. */
export function conditionsWantSubjects({ incomingConditions = {} }: MappingDefinition): boolean {
  return Object.values(incomingConditions).some((text) => text.includes('request:'))
}

/** Puts the checks around a mapper. Throws what {@link compileGuard} throws. */
export function guardMapper(
  id: string,
  mapper: Mapper,
  definition: MappingDefinition,
  defaultBlocklist: readonly string[],
  environment: MapperEnvironment,
): Mapper {
  const { blocklist, incoming, outgoing } = compileGuard(definition, defaultBlocklist)
  const connectionId = environment.connectionId ?? ''

  const isBlocked = (contentType: JsonValue | undefined): boolean =>
    typeof contentType === 'string' && blocklist.has(contentType)
  const holds = (conditions: readonly Pipeline[], context: ExpressionContext): boolean =>
    conditions.every((condition) => condition.resolveFrom(CONDITION_INPUT, context) !== undefined)
  const wantsExternal = ({ headers, subjects }: ExternalMessage): boolean => {
    if (isBlocked(headers['content-type'])) return false
    if (incoming.length === 0) return true
    return holds(incoming, { connectionId, headers, subjects, now: Date.now })
  }
  const wantsAdaptable = (adaptable: Adaptable): boolean => {
    const { headers } = adaptable
    if (isBlocked(headers['content-type'])) return false
    if (outgoing.length === 0) return true
    return holds(outgoing, { connectionId, headers, adaptable, now: Date.now })
  }
  const map = <In, Out>(
    batch: readonly In[],
    wants: (message: In) => boolean,
    run: (batch: readonly In[]) => MapResults<Out>,
  ): MapResults<Out> => {
    const wanted = batch.filter(wants)
    if (wanted.length === 0) return batch.map(() => DROPPED)
    const results = run(wanted)
    const complete = (known: readonly MapResult<Out>[]) =>
      dealOut(batch, wanted, limitResults(id, known))
    return results instanceof Promise ? results.then(complete) : complete(results)
  }
  const runInbound = (batch: readonly ExternalMessage[]) => mapper.inbound(batch)
  const runOutbound = (batch: readonly Adaptable[]) => mapper.outbound(batch)
  return {
    inbound: (batch) => map(batch, wantsExternal, runInbound),
    outbound: (batch) => map(batch, wantsAdaptable, runOutbound),
    close: () => mapper.close(),
  }
}

/** Those messages that the mapper did not get are dropped by it. */
function dealOut<In, Out>(
  batch: readonly In[],
  wanted: readonly In[],
  results: readonly MapResult<Out>[],
): readonly MapResult<Out>[] {
  if (wanted.length === batch.length) return results
  let next = 0
  return batch.map((message) => (message === wanted[next] ? results[next++]! : DROPPED))
}

function limitResults<T>(id: string, results: readonly MapResult<T>[]): readonly MapResult<T>[] {
  if (!results.some(isTooMany)) return results
  return results.map((result) =>
    result.ok && isTooMany(result)
      ? { ok: false, error: tooManyResults(id, result.values.length) }
      : result,
  )
}

function isTooMany(result: MapResult<unknown>): boolean {
  return result.ok && result.values.length > RESULTS_MAX
}
