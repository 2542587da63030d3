/**
 * What the sender of a signal is told when its acknowledgements are in: the response alone when nothing
 * else was asked for, else one message with the answer of each label (Ditto documentation,
 * "Acknowledgements", "aggregated acks").
 */
import { setOwn } from '../json/own.ts'
import type { JsonObject } from '../json/types.ts'
import { ackRequestTimeout } from '../protocol/acknowledgement-errors.ts'
import type { Adaptable, DittoHeaders } from '../protocol/adaptable.ts'
import { listHeader } from '../protocol/headers.ts'
import { commandTimeout } from '../protocol/protocol-errors.ts'
import { errorJson, errorResponse } from '../protocol/responses.ts'
import { acknowledgementTopic } from '../protocol/topic-path.ts'
import type { LabelAnswer } from '../routing/router.ts'
import { BUILT_IN_LABELS, LIVE_RESPONSE } from './ack-requests.ts'
import { ACK_TIMED_OUT, type AckAnswers } from './acknowledgements.ts'

/** The status of acknowledgements of which at least one is negative. */
const FAILED_DEPENDENCY = 424

/**
 * The answer to a request whose labels were answered so. `response` is the twin's, which stands for its
 * own labels if they were requested; undefined for signals that do not go to the twin.
 */
export function answerTo(
  request: Adaptable,
  response: Adaptable | undefined,
  answers: AckAnswers,
  timeoutMs: number,
): Adaptable {
  const all = new Map<string, LabelAnswer>()
  for (const label of listHeader(request.headers, 'requested-acks') ?? []) {
    const isOfTwin = BUILT_IN_LABELS.has(label) && label !== LIVE_RESPONSE
    if (isOfTwin && response !== undefined) all.set(label, answerOf(response))
  }
  for (const [label, answer] of answers) all.set(label, answer)
  const live = all.get(LIVE_RESPONSE)
  if (all.size > 1 || live === undefined) return aggregated(request, all, timeoutMs)
  if (live.response !== undefined) return liveResponse(request, live.response)
  if (live.status !== ACK_TIMED_OUT) return aggregated(request, all, timeoutMs)
  return errorResponse(request, commandTimeout(timeoutMs), request.headers)
}

/** A consumer's response, with what leads it back to the sender. */
export function liveResponse({ headers }: Adaptable, response: Adaptable): Adaptable {
  const replyTo = headers['reply-to']
  if (replyTo === undefined || response.headers['reply-to'] !== undefined) return response
  return { ...response, headers: { ...response.headers, 'reply-to': replyTo } }
}

function aggregated(
  { topic, headers }: Adaptable,
  answers: ReadonlyMap<string, LabelAnswer>,
  timeoutMs: number,
): Adaptable {
  const value: JsonObject = {}
  let worst = 0
  for (const [label, answer] of answers) {
    setOwn(value, label, entryOf(answer, headers, timeoutMs))
    worst = Math.max(worst, answer.status)
  }
  const together = worst < 400 ? 200 : FAILED_DEPENDENCY
  const status = answers.size === 1 ? worst : together
  return { topic: acknowledgementTopic(topic), headers, path: '/', value, status }
}

function entryOf(
  { status, payload, headers = {} }: LabelAnswer,
  { 'correlation-id': correlationId }: DittoHeaders,
  timeoutMs: number,
): JsonObject {
  const shown =
    correlationId === undefined ? headers : { 'correlation-id': correlationId, ...headers }
  const isSilent = payload === undefined && status === ACK_TIMED_OUT
  const told = isSilent ? errorJson(ackRequestTimeout(timeoutMs)) : payload
  return told === undefined ? { status, headers: shown } : { status, payload: told, headers: shown }
}

function answerOf({ status = 200, value }: Adaptable): LabelAnswer {
  return value === undefined ? { status } : { status, payload: value }
}
