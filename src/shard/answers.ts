/**
 * What consumers send back for a signal that they received: acknowledgements and live responses (Ditto
 * documentation, "Acknowledgements", "Issuing acknowledgements via connections"). Reads them; who waits
 * for them is found elsewhere.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import {
  ackCorrelationIdMissing,
  ackLabelForbidden,
  ackLabelNotDeclared,
} from '../protocol/acknowledgement-errors.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { type DittoError, dittoError } from '../protocol/errors.ts'
import { jsonFieldMissing } from '../protocol/json-errors.ts'
import type { Signal } from '../protocol/signal.ts'
import type { ForeignAnswer, LabelAnswer } from '../routing/router.ts'
import { BUILT_IN_LABELS, LIVE_RESPONSE } from './ack-requests.ts'

/** The answer that a signal of kind `acknowledgement` or `response` is, or why it is none. */
export function readAnswer(
  { kind, adaptable, entityId }: Signal,
  declared: ReadonlySet<string>,
): ForeignAnswer | DittoError {
  const correlationId = adaptable.headers['correlation-id']
  if (typeof correlationId !== 'string' || correlationId === '') return ackCorrelationIdMissing()
  if (kind === 'response') {
    return { entityId, correlationId, labels: [{ label: LIVE_RESPONSE, ...asLive(adaptable) }] }
  }
  const { subject } = adaptable.topic
  const labels =
    subject === undefined ? aggregatedLabels(adaptable) : [{ label: subject, ...single(adaptable) }]
  if ('error' in labels) return labels
  for (const { label } of labels) {
    if (BUILT_IN_LABELS.has(label)) return ackLabelForbidden(label)
    if (!declared.has(label)) return ackLabelNotDeclared(label)
  }
  return { entityId, correlationId, labels }
}

/**
 * Whether a live response answers this command or message: of the same thing, and an error or about the
 * same. Of the entity and the correlation id is known that they are the same.
 */
export function isAnswerTo(request: Adaptable, response: Adaptable): boolean {
  const { criterion, action, subject } = response.topic
  if (criterion === 'errors') return true
  if (criterion !== request.topic.criterion || response.path !== request.path) return false
  return action === request.topic.action && subject === request.topic.subject
}

/** For a live response that is about something else than its command. */
export function responseMismatch(request: Adaptable, response: Adaptable): DittoError {
  return dittoError(
    400,
    'connectivity:signal.illegal',
    `The live response <${response.topic.full}> with path <${response.path}> does not answer ` +
      `<${request.topic.full}> with path <${request.path}>.`,
    'Answer with the same topic and path, and with the correlation-id of what was received.',
  )
}

/** Nobody waits for what a consumer sent. */
export function nobodyWaits({ adaptable, entityId }: Signal): DittoError {
  return dittoError(
    404,
    'acknowledgement:request.notfound',
    `Nobody waits for <${adaptable.topic.full}> with the correlation-id of this message.`,
    `It came too late, or the correlation-id is not the one that was received for ${entityId}.`,
  )
}

function asLive(adaptable: Adaptable): LabelAnswer {
  return { ...single(adaptable), response: adaptable }
}

function single({ status = 200, value, headers }: Adaptable): LabelAnswer {
  const { 'content-type': contentType } = headers
  const shown: JsonObject = contentType === undefined ? {} : { 'content-type': contentType }
  return value === undefined
    ? { status, headers: shown }
    : { status, payload: value, headers: shown }
}

function aggregatedLabels({ value }: Adaptable): ForeignAnswer['labels'] | DittoError {
  if (!isJsonObject(value)) return jsonFieldMissing('/value')
  const labels: (LabelAnswer & { label: string })[] = []
  for (const [label, entry] of Object.entries(value)) {
    const status = isJsonObject(entry) ? entry.status : undefined
    if (!isJsonObject(entry) || typeof status !== 'number') {
      return jsonFieldMissing(`/value/${label}/status`)
    }
    labels.push({ label, status, ...optional(entry) })
  }
  return labels
}

function optional({ payload, headers }: JsonObject): { payload?: JsonValue; headers?: JsonObject } {
  const given: { payload?: JsonValue; headers?: JsonObject } = {}
  if (payload !== undefined) given.payload = payload
  if (isJsonObject(headers)) given.headers = headers
  return given
}
