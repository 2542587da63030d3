/**
 * The CloudEvents mapper (Ditto documentation, "Payload mapping", CloudEvents mapper; CloudEvents 1.0):
 * Ditto Protocol inside of cloud events, in binary and structured mode; structured on the way out.
 */
import { randomUUID } from 'node:crypto'
import { parseJsonStrict } from '../json/guard.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { type Adaptable, adaptableToJson, parseAdaptable } from '../protocol/adaptable.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import { DittoException, toDittoError } from '../protocol/errors.ts'
import { type ExternalMessage, payloadText } from '../protocol/external-message.ts'
import { headerText } from '../protocol/headers.ts'
import { bytesOfBase64 } from './base64.ts'
import { DITTO_PROTOCOL_CONTENT_TYPE, PAYLOAD_MISSING } from './ditto.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'

const STRUCTURED = 'application/cloudevents+json'
const SOURCE = 'https://github.com/eclipse-ditto/ditto'
const TYPE_PREFIX = 'org.eclipse.ditto.outbound'
/** Attributes that every event has (CloudEvents 1.0, "Required attributes"). */
const REQUIRED = ['id', 'source', 'type', 'specversion'] as const
const NO_BASE64 = 'The data_base64 of the CloudEvent must be a Base64 text.'

/** The engine `CloudEvents`; it has no options of its own. */
export const cloudEventsEngine: MapperEngine = {
  contentTypeBlocklist: [],
  checkOptions: () => undefined,
  create: () => perMessage(cloudEventInbound, cloudEventOutbound),
}

/** The Ditto Protocol message in a cloud event; other content types are dropped. */
export function cloudEventInbound(message: ExternalMessage): MapResult<Adaptable> {
  const { headers } = message
  const contentType = headers['content-type']
  try {
    const text = payloadText(message)
    if (text === undefined || text === '') {
      throw new DittoException(mappingFailed(contentType, PAYLOAD_MISSING))
    }
    if (contentType === STRUCTURED) return structured(parseJsonStrict(text))
    if (contentType !== DITTO_PROTOCOL_CONTENT_TYPE) return DROPPED
    const isEvent = REQUIRED.every((name) => headers[`ce-${name}`] !== undefined)
    const id = isEvent ? headers['ce-id'] : undefined
    if (!isId(id)) throw noCloudEvent(contentType)
    return withId(parseJsonStrict(text), id)
  } catch (thrown) {
    return { ok: false, error: toDittoError(thrown, mappingFailed(contentType)) }
  }
}

function structured(event: JsonValue): MapResult<Adaptable> {
  if (!isJsonObject(event)) throw noCloudEvent(STRUCTURED)
  const isEvent = REQUIRED.every((name) => event[name] !== undefined)
  const { id, data, data_base64: base64 } = event
  if (!isEvent || !isId(id)) throw noCloudEvent(STRUCTURED)
  if (base64 !== undefined) return withId(parseJsonStrict(decoded(base64)), id)
  if (data === undefined) throw noCloudEvent(STRUCTURED)
  return withId(data, id)
}

/** An event without an id would make a signal without a correlation id. */
function isId(id: JsonValue | undefined): id is string {
  return typeof id === 'string' && id !== ''
}

function decoded(base64: JsonValue): string {
  const bytes = typeof base64 === 'string' ? bytesOfBase64(base64) : undefined
  if (bytes === undefined) throw new DittoException(mappingFailed(STRUCTURED, NO_BASE64))
  return bytes.toString('utf8')
}

/** The event's id is the signal's correlation id. */
function withId(json: JsonValue, id: string): MapResult<Adaptable> {
  const adaptable = parseAdaptable(json)
  const headers = { ...adaptable.headers, 'correlation-id': id }
  return { ok: true, values: [{ ...adaptable, headers }] }
}

/** A signal as a structured cloud event. */
export function cloudEventOutbound(adaptable: Adaptable): MapResult<ExternalMessage> {
  const { topic, timestamp, headers } = adaptable
  const correlationId = headers['correlation-id']
  // Namespace and name are told by the subject.
  const type = topic.full.split('/').slice(2).join('/')
  const event: JsonObject = {
    data: adaptableToJson(adaptable),
    specversion: '1.0',
    id: correlationId === undefined ? randomUUID() : headerText(correlationId),
    source: SOURCE,
    type: `${TYPE_PREFIX}:${type}`,
    datacontenttype: DITTO_PROTOCOL_CONTENT_TYPE,
    time: timestamp ?? new Date().toISOString(),
    subject: `${topic.namespace}:${topic.name}`,
  }
  const payload = JSON.stringify(event)
  return { ok: true, values: [{ headers: { 'content-type': STRUCTURED }, payload }] }
}

function noCloudEvent(contentType: string): DittoException {
  return new DittoException(mappingFailed(contentType, 'This is not a CloudEvent'))
}
