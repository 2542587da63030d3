/**
 * Acknowledgement requests of a source: which labels a signal waits for (Ditto documentation,
 * "Acknowledgements"). Compiled once; applied after header mapping, before enforcement.
 */
import type { AcknowledgementRequests } from '../connection/types.ts'
import type { ExpressionContext } from '../expression/context.ts'
import { compilePipeline, type Pipeline } from '../expression/pipeline.ts'
import { ALL_PLACEHOLDERS } from '../expression/placeholders.ts'
import type { Adaptable, DittoHeaders } from '../protocol/adaptable.ts'
import { booleanHeader, listHeader } from '../protocol/headers.ts'
import type { SignalKind } from '../protocol/signal.ts'

const REQUESTED_ACKS = 'requested-acks'

/** The twin itself acknowledges this label, when the command's effect is durable. */
export const TWIN_PERSISTED = 'twin-persisted'

/** Compiled acknowledgement requests. */
export interface AckRequestProgram {
  /** Sets `requested-acks` in the headers of a signal that can be acknowledged; leaves others alone. */
  apply(
    headers: DittoHeaders,
    adaptable: Adaptable,
    kind: SignalKind,
    context: ExpressionContext,
  ): void
}

/** Compiles the `acknowledgementRequests` of a source. */
export function compileAckRequests(
  requests: AcknowledgementRequests | undefined,
): AckRequestProgram {
  const includes = requests?.includes ?? []
  const filter =
    requests?.filter === undefined ? undefined : compilePipeline(requests.filter, ALL_PLACEHOLDERS)
  return {
    apply(headers, adaptable, kind, context) {
      if (!canBeAcknowledged(adaptable, kind)) return
      const own = listHeader(headers, REQUESTED_ACKS)
      let requested = own?.length === 0 ? [] : union(own, includes)
      if (filter !== undefined) requested = filtered(filter, requested, context)
      if (requested === undefined && kind === 'twin-command') {
        requested = booleanHeader(headers, 'response-required', true) ? [TWIN_PERSISTED] : []
      }
      if (requested !== undefined) headers[REQUESTED_ACKS] = [...requested]
    },
  }
}

function canBeAcknowledged({ topic }: Adaptable, kind: SignalKind): boolean {
  if (kind === 'message' || kind === 'live-command') return true
  return kind === 'twin-command' && topic.group === 'things' && topic.action !== 'retrieve'
}

function union(
  own: readonly string[] | undefined,
  includes: readonly string[],
): readonly string[] | undefined {
  if (includes.length === 0) return own
  return own === undefined ? includes : [...new Set([...own, ...includes])]
}

/** The filter starts from the labels' JSON text; nothing left of it means that none is requested. */
function filtered(
  filter: Pipeline,
  requested: readonly string[] | undefined,
  context: ExpressionContext,
): readonly string[] | undefined {
  const result = filter.resolveFrom(JSON.stringify(requested ?? []), context)
  if (result === undefined) return requested === undefined ? undefined : []
  if (requested === undefined) return undefined
  const labels: unknown = parseList(result)
  return Array.isArray(labels) ? labels.map(String) : requested
}

function parseList(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
