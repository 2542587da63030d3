/**
 * Acknowledgement requests of a source: which labels a signal waits for (Ditto documentation,
 * "Acknowledgements"). Compiled once; applied after header mapping, before enforcement.
 */
import { isAckLabel } from '../connection/model.ts'
import { withConnectionId } from '../connection/rules/ack-labels.ts'
import type { AcknowledgementRequests } from '../connection/types.ts'
import type { ExpressionContext } from '../expression/context.ts'
import { compilePipeline, type Pipeline } from '../expression/pipeline.ts'
import { ALL_PLACEHOLDERS } from '../expression/placeholders.ts'
import type { Adaptable, DittoHeaders } from '../protocol/adaptable.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import { booleanHeader, durationMsHeader, listHeader } from '../protocol/headers.ts'
import { headerInvalid, timeoutZero } from '../protocol/protocol-errors.ts'
import type { SignalKind } from '../protocol/signal.ts'

const REQUESTED_ACKS = 'requested-acks'

/** The twin itself acknowledges this label, when the command's effect is durable. */
export const TWIN_PERSISTED = 'twin-persisted'
/** Given along with the former: there is no index beside the twin. */
const SEARCH_PERSISTED = 'search-persisted'
/** Given by the response to a live command or message. */
export const LIVE_RESPONSE = 'live-response'

/** Labels that nobody outside may send. */
export const BUILT_IN_LABELS: ReadonlySet<string> = new Set([
  TWIN_PERSISTED,
  SEARCH_PERSISTED,
  LIVE_RESPONSE,
])

/** Compiled acknowledgement requests. */
export interface AckRequestProgram {
  /**
   * Sets `requested-acks` in the headers of a signal that can be acknowledged; leaves others alone.
   * Throws 400 `header.invalid` for any signal that requests what can be no label.
   */
  apply(
    headers: DittoHeaders,
    adaptable: Adaptable,
    kind: SignalKind,
    context: ExpressionContext,
  ): void
}

/** Compiles the `acknowledgementRequests` of a source of this connection. */
export function compileAckRequests(
  requests: AcknowledgementRequests | undefined,
  connectionId: string,
): AckRequestProgram {
  const includes = (requests?.includes ?? []).map((label) => withConnectionId(label, connectionId))
  const filter =
    requests?.filter === undefined ? undefined : compilePipeline(requests.filter, ALL_PLACEHOLDERS)
  return {
    apply(headers, adaptable, kind, context) {
      const own = listHeader(headers, REQUESTED_ACKS)
      checkLabels(own)
      if (!canBeAcknowledged(adaptable, kind)) return
      let requested = own?.length === 0 ? own : union(own, includes)
      if (filter !== undefined) requested = filtered(filter, requested, context)
      const wantsResponse = isResponseRequired(headers)
      headers[REQUESTED_ACKS] =
        kind === 'twin-command'
          ? labelsForTwin(requested, wantsResponse)
          : labelsForLive(requested, wantsResponse)
    },
  }
}

/** Labels of a signal that others than the twin have to acknowledge. */
export function labelsOfOthers(headers: DittoHeaders): readonly string[] {
  const requested = headers[REQUESTED_ACKS]
  if (requested === undefined || requested === OF_TWIN) return NONE
  const labels = listHeader(headers, REQUESTED_ACKS) ?? NONE
  return labels.filter((label) => label !== TWIN_PERSISTED && label !== SEARCH_PERSISTED)
}

/**
 * Whether a response is wanted (Ditto documentation, "Interaction between headers"): unless said
 * otherwise, when there is time for it.
 */
export function isResponseRequired(headers: DittoHeaders): boolean {
  return booleanHeader(headers, 'response-required', !hasNoTime(headers))
}

/** Whether somebody waits for the answer of a live command or message. */
export function wantsLiveResponse(kind: SignalKind, headers: DittoHeaders): boolean {
  return (kind === 'message' || kind === 'live-command') && isResponseRequired(headers)
}

/** Whether the signal asks for acknowledgements at all: only then its failures are not settled away. */
export function requestsAcknowledgements(headers: DittoHeaders): boolean {
  return (listHeader(headers, REQUESTED_ACKS)?.length ?? 0) > 0
}

/** 400 `header.invalid` for a signal that wants answers and leaves no time for them. */
export function timeoutError({ headers }: Adaptable): DittoError | undefined {
  if (!hasNoTime(headers)) return undefined
  return isResponseRequired(headers) || requestsAcknowledgements(headers)
    ? timeoutZero()
    : undefined
}

// Shared by all signals that nobody asked more of; headers are never changed in place.
const OF_TWIN: string[] = [TWIN_PERSISTED]
const OF_LIVE: string[] = [LIVE_RESPONSE]
const NONE: string[] = []

function hasNoTime(headers: DittoHeaders): boolean {
  return headers.timeout !== undefined && durationMsHeader(headers, 'timeout') === 0
}

function labelsForTwin(requested: string[] | undefined, wantsResponse: boolean): string[] {
  if (requested === undefined) return wantsResponse ? OF_TWIN : NONE
  return requested.includes(LIVE_RESPONSE)
    ? requested.filter((label) => label !== LIVE_RESPONSE)
    : requested
}

/** A live response is an acknowledgement: it is requested along with others, and only if it is wanted. */
function labelsForLive(requested: string[] | undefined, wantsResponse: boolean): string[] {
  if (requested === undefined) return wantsResponse ? OF_LIVE : NONE
  const labels = requested.filter((label) => !BUILT_IN_LABELS.has(label))
  return wantsResponse && requested.length > 0 ? [LIVE_RESPONSE, ...labels] : labels
}

function canBeAcknowledged({ topic }: Adaptable, kind: SignalKind): boolean {
  if (kind === 'message' || kind === 'live-command') return true
  return kind === 'twin-command' && topic.group === 'things' && topic.action !== 'retrieve'
}

function union(own: string[] | undefined, includes: readonly string[]): string[] | undefined {
  if (includes.length === 0) return own
  return [...new Set([...(own ?? []), ...includes])]
}

/**
 * The filter starts from the labels' JSON text. When nothing is left of it, no acknowledgements are
 * requested, whatever the default; what it makes of labels replaces them.
 */
function checkLabels(labels: readonly string[] | undefined): void {
  if (labels === undefined || labels.every(isAckLabel)) return
  const expected = 'JSON array of acknowledgement labels'
  throw new DittoException(headerInvalid(REQUESTED_ACKS, JSON.stringify(labels), expected))
}

function filtered(
  filter: Pipeline,
  requested: string[] | undefined,
  context: ExpressionContext,
): string[] | undefined {
  const given = JSON.stringify(requested ?? [])
  const passed = filter.resolveFrom(given, context)
  if (passed === undefined) return NONE
  const result = requested === undefined ? filter.resolveFrom(undefined, context) : passed
  if (result === undefined) return undefined
  const labels = listHeader({ [REQUESTED_ACKS]: result }, REQUESTED_ACKS)
  if (result !== given) checkLabels(labels)
  return labels
}
