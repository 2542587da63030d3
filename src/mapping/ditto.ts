/**
 * The Ditto mapper (Ditto documentation, "Payload mapping", Ditto mapper): protocol JSON as it
 * is.
 */

import type { Adaptable } from '../protocol/adaptable.ts'
import { adaptableFromText, adaptableToText } from '../protocol/adaptable.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import { toDittoError } from '../protocol/errors.ts'
import { type ExternalMessage, payloadText } from '../protocol/external-message.ts'
import { headerText } from '../protocol/headers.ts'
import { type Mapper, type MapperEngine, type MapResult, perMessage } from './mapper.ts'

/** Content type of Ditto Protocol messages at transport level. */
export const DITTO_PROTOCOL_CONTENT_TYPE = 'application/vnd.eclipse.ditto+json'

const MAPPER: Mapper = perMessage(dittoInbound, dittoOutbound)

/** Why a mapper that needs a payload fails. */
export const PAYLOAD_MISSING =
  'As payload was absent or empty, please make sure to send payload in your messages.'

/** Notifications of Eclipse Hono, which carry nothing for a thing. */
export const HONO_NOTIFICATIONS: readonly string[] = [
  'application/vnd.eclipse-hono-empty-notification',
  'application/vnd.eclipse-hono-device-provisioning-notification',
  'application/vnd.eclipse-hono-dc-notification+json',
  'application/vnd.eclipse-hono-delivery-failure-notification+json',
]

/** The engine `Ditto`; it has no options of its own. */
export const dittoEngine: MapperEngine = {
  contentTypeBlocklist: HONO_NOTIFICATIONS,
  checkOptions: () => undefined,
  create: () => MAPPER,
}

/** One external message as a Ditto Protocol message. */
export function dittoInbound(message: ExternalMessage): MapResult<Adaptable> {
  const contentType = message.headers['content-type']
  try {
    const text = payloadText(message)
    if (text === undefined || text === '') {
      return { ok: false, error: mappingFailed(contentType, PAYLOAD_MISSING) }
    }
    return { ok: true, values: [adaptableFromText(text)] }
  } catch (thrown) {
    return { ok: false, error: toDittoError(thrown, mappingFailed(contentType)) }
  }
}

/** One Ditto Protocol message as text; of its headers only the correlation id leaves. */
export function dittoOutbound(adaptable: Adaptable): MapResult<ExternalMessage> {
  const headers: Record<string, string> = { 'content-type': DITTO_PROTOCOL_CONTENT_TYPE }
  const correlationId = adaptable.headers['correlation-id']
  if (correlationId !== undefined) headers['correlation-id'] = headerText(correlationId)
  return { ok: true, values: [{ headers, payload: adaptableToText(adaptable) }] }
}
