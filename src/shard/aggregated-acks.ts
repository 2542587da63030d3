/**
 * What the sender of a signal is told when several labels acknowledged it: one message with the status
 * of each (Ditto documentation, "Acknowledgements", "aggregated acks").
 */
import { setOwn } from '../json/own.ts'
import type { JsonObject, JsonValue } from '../json/types.ts'
import { ackRequestTimeout } from '../protocol/acknowledgement-errors.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { listHeader } from '../protocol/headers.ts'
import { errorJson } from '../protocol/responses.ts'
import { acknowledgementTopic } from '../protocol/topic-path.ts'
import { TWIN_PERSISTED } from './ack-requests.ts'
import { ACK_TIMED_OUT, type AckStatuses } from './acknowledgements.ts'

/** The status of acknowledgements of which at least one is negative. */
const FAILED_DEPENDENCY = 424

/**
 * The answer to a request whose labels have these statuses. `response` is the twin's, which stands for
 * its own label if that was requested; undefined for signals that do not go to the twin.
 */
export function aggregatedAcks(
  { topic, headers }: Adaptable,
  response: Adaptable | undefined,
  statuses: AckStatuses,
  timeoutMs: number,
): Adaptable {
  const value: JsonObject = {}
  const all: number[] = []
  const add = (label: string, status: number, payload: JsonValue | undefined): void => {
    all.push(status)
    const entry = payload === undefined ? { status } : { status, payload }
    setOwn(value, label, { ...entry, headers: {} })
  }
  const requested = listHeader(headers, 'requested-acks')
  if (response !== undefined && requested?.includes(TWIN_PERSISTED)) {
    add(TWIN_PERSISTED, response.status ?? 200, response.value)
  }
  for (const [label, status] of statuses) {
    const timedOut = status === ACK_TIMED_OUT
    add(label, status, timedOut ? errorJson(ackRequestTimeout(timeoutMs)) : undefined)
  }
  const worst = Math.max(...all)
  const together = worst < 400 ? 200 : FAILED_DEPENDENCY
  const status = all.length === 1 ? worst : together
  return { topic: acknowledgementTopic(topic), headers, path: '/', value, status }
}
