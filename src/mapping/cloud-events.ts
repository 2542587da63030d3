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
import { DITTO_PROTOCOL_CONTENT_TYPE, PAYLOAD_MISSING } from './ditto.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'

const STRUCTURED = 'application/cloudevents+json'
const SOURCE = 'https://github.com/eclipse-ditto/ditto'
const TYPE_PREFIX = 'org.eclipse.ditto.outbound'
/** Attributes that every event has (CloudEvents 1.0, "Required attributes"). */
const REQUIRED = ['id', 'source', 'type', 'specversion'] as const

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
    if (!isEvent) throw noCloudEvent(contentType)
    return withId(parseJsonStrict(text), headers['ce-id']!)
  } catch (thrown) {
    return { ok: false, error: toDittoError(thrown, mappingFailed(contentType)) }
  }
}

function structured(event: JsonValue): MapResult<Adaptable> {
  if (!isJsonObject(event)) throw noCloudEvent(STRUCTURED)
  if (REQUIRED.some((name) => event[name] === undefined)) throw noCloudEvent(STRUCTURED)
  const { data_base64: base64, data, id } = event
  if (typeof base64 === 'string') {
    const text = Buffer.from(base64, 'base64').toString('utf8')
    return withId(parseJsonStrict(text), headerText(id!))
  }
  if (data === undefined) throw noCloudEvent(STRUCTURED)
  return withId(data, headerText(id!))
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
