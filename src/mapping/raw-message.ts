/**
 * The RawMessage mapper (Ditto documentation, "Payload mapping", RawMessage mapper): the payload of live
 * messages as it is, and what surrounds it in headers.
 */
import { z } from 'zod'
import type { Template } from '../expression/template.ts'
import { parseJsonStrict } from '../json/guard.ts'
import { formatPointer } from '../json/pointer.ts'
import type { JsonObject, JsonValue } from '../json/types.ts'
import { type Adaptable, parseAdaptable } from '../protocol/adaptable.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import { parseThingId } from '../protocol/entity-id.ts'
import { type DittoError, DittoException, dittoError, toDittoError } from '../protocol/errors.ts'
import { type ExternalMessage, payloadBytes, payloadText } from '../protocol/external-message.ts'
import { headerText } from '../protocol/headers.ts'
import { formOf, mediaTypeOf } from './content-type.ts'
import {
  DITTO_PROTOCOL_CONTENT_TYPE,
  dittoInbound,
  dittoOutbound,
  HONO_NOTIFICATIONS,
} from './ditto.ts'
import { type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import { compileForMessage, contextOf } from './message-context.ts'
import { optionObject, optionText, readOptions } from './options.ts'

const CONTENT_TYPE = 'content-type'
const DIRECTION = 'ditto-message-direction'
const THING_ID = 'ditto-message-thing-id'
const SUBJECT = 'ditto-message-subject'
const FEATURE_ID = 'ditto-message-feature-id'
const STATUS = 'status'

const DEFAULT_HEADERS: Readonly<Record<string, string>> = {
  [CONTENT_TYPE]: `{{header:${CONTENT_TYPE}|fn:default('application/octet-stream')}}`,
  [DIRECTION]: `{{header:${DIRECTION}|fn:default('TO')}}`,
  [THING_ID]: `{{header:${THING_ID}}}`,
  [SUBJECT]: `{{header:${SUBJECT}}}`,
  [STATUS]: `{{header:${STATUS}}}`,
  [FEATURE_ID]: `{{header:${FEATURE_ID}}}`,
}

const schema = z.object({
  outgoingContentType: optionText.default('text/plain; charset=UTF-8'),
  incomingMessageHeaders: optionObject.default({}),
})

/** Compiled options. */
interface Options {
  readonly outgoingContentType: string
  readonly headers: Readonly<Record<string, Template>>
}

/** The engine `RawMessage`. */
export const rawMessageEngine: MapperEngine = {
  contentTypeBlocklist: HONO_NOTIFICATIONS,
  wantsSubjects: true,
  checkOptions: (options) => void compile(options),
  create: (_, definition) => {
    const options = compile(definition.options)
    return perMessage(
      (message) => rawMessageInbound(message, options),
      (adaptable) => rawMessageOutbound(adaptable, options),
    )
  },
}

function compile(given: JsonObject): Options {
  const { outgoingContentType, incomingMessageHeaders } = readOptions(schema, given)
  const texts: Record<string, string> = { ...DEFAULT_HEADERS }
  for (const [name, value] of Object.entries(incomingMessageHeaders)) {
    texts[name] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  const headers = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      compileForMessage(`incomingMessageHeaders/${name}`, text),
    ]),
  )
  return { outgoingContentType, headers }
}

/** A live message around the payload; Ditto Protocol as it is. */
function rawMessageInbound(message: ExternalMessage, { headers }: Options): MapResult<Adaptable> {
  const context = contextOf(message)
  const resolved = (name: string) => headers[name]?.resolve(context)
  const contentType = resolved(CONTENT_TYPE)
  if (contentType === undefined) return { ok: false, error: NO_CONTENT_TYPE }
  if (mediaTypeOf(contentType) === DITTO_PROTOCOL_CONTENT_TYPE) return dittoInbound(message)
  try {
    const missing = [THING_ID, SUBJECT, DIRECTION].find((name) => resolved(name) === undefined)
    if (missing !== undefined) throw new DittoException(headerMissing(missing))
    const { namespace, name } = parseThingId(resolved(THING_ID)!)
    const subject = resolved(SUBJECT)!
    const status = statusOf(resolved(STATUS))
    const value = payloadValue(message, contentType)
    const json: JsonObject = {
      topic: `${namespace}/${name}/things/live/messages/${subject}`,
      headers: { [CONTENT_TYPE]: contentType },
      path: pathOf(subject, resolved(DIRECTION)!, resolved(FEATURE_ID)),
      ...(value === undefined ? {} : { value }),
      ...(status === undefined ? {} : { status }),
    }
    return { ok: true, values: [parseAdaptable(json)] }
  } catch (thrown) {
    return { ok: false, error: toDittoError(thrown, mappingFailed(contentType)) }
  }
}

function pathOf(subject: string, direction: string, featureId: string | undefined): string {
  const box = direction.toUpperCase() === 'FROM' ? 'outbox' : 'inbox'
  const feature = featureId === undefined ? [] : ['features', featureId]
  return formatPointer([...feature, box, 'messages', ...subject.split('/')])
}

function statusOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const status = Number(text)
  if (/^\d{3}$/.test(text) && status >= 100 && status < 600) return status
  throw new DittoException(
    mappingFailed(undefined, `The header <${STATUS}> must be an HTTP status but was <${text}>.`),
  )
}

function payloadValue(message: ExternalMessage, contentType: string): JsonValue | undefined {
  if (message.payload === undefined) return undefined
  const form = formOf(contentType)
  if (form === 'bytes') return Buffer.from(payloadBytes(message)!).toString('base64')
  const text = payloadText(message)!
  return form === 'json' ? parseJsonStrict(text) : text
}

/** The payload of a live message or its response; any other signal as Ditto Protocol. */
function rawMessageOutbound(
  adaptable: Adaptable,
  { outgoingContentType }: Options,
): MapResult<ExternalMessage> {
  const { topic, value, headers } = adaptable
  const own = headers[CONTENT_TYPE]
  const contentType = own === undefined ? outgoingContentType : headerText(own)
  const isProtocol = mediaTypeOf(contentType) === DITTO_PROTOCOL_CONTENT_TYPE
  if (topic.criterion !== 'messages' || isProtocol) return dittoOutbound(adaptable)
  if (value === undefined) return sent(adaptable, contentType, undefined)
  if (formOf(contentType) !== 'bytes') {
    return sent(adaptable, contentType, typeof value === 'string' ? value : JSON.stringify(value))
  }
  const bytes = typeof value === 'string' ? bytesOf(value) : undefined
  if (bytes === undefined) return { ok: false, error: notBase64(contentType) }
  return sent(adaptable, contentType, bytes)
}

function sent(
  { topic, path, status }: Adaptable,
  contentType: string,
  payload: ExternalMessage['payload'],
): MapResult<ExternalMessage> {
  const featureId = /^\/features\/([^/]+)\//.exec(path)?.[1]
  const headers: Record<string, string> = {
    [DIRECTION]: /\/outbox\/messages(?:\/|$)/.test(path) ? 'FROM' : 'TO',
    [THING_ID]: `${topic.namespace}:${topic.name}`,
    [SUBJECT]: topic.subject ?? '',
    [CONTENT_TYPE]: contentType,
  }
  if (featureId !== undefined) {
    headers[FEATURE_ID] = featureId.replaceAll('~1', '/').replaceAll('~0', '~')
  }
  if (status !== undefined) headers[STATUS] = String(status)
  return { ok: true, values: [{ headers, payload }] }
}

/** Undefined for what is no Base64. */
function bytesOf(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64')
}

const NO_CONTENT_TYPE = dittoError(
  400,
  'messages:messageformat.invalid',
  'The RawMessage mapper failed to resolve content-type of an incoming message.',
  "Please ensure that 'content-type' is defined and resolvable in the mapper configuration " +
    "'incomingMessageHeaders'.",
)

function headerMissing(name: string): DittoError {
  return mappingFailed(
    undefined,
    `The header <${name}> of the live message could not be resolved: send it, or define it in the ` +
      "mapper's option <incomingMessageHeaders>.",
  )
}

function notBase64(contentType: string): DittoError {
  return dittoError(
    400,
    'messages:messageformat.invalid',
    `Expect payload of a message of content-type <${contentType}> to be a base64 encoded string.`,
    'Please make sure the message has the correct content-type.',
  )
}
