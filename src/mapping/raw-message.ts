/**
 * The RawMessage mapper (Ditto documentation, "Payload mapping", RawMessage mapper): the payload of live
 * messages as it is, and what surrounds it in headers.
 */
import { z } from 'zod'
import type { ExpressionContext } from '../expression/context.ts'
import type { Template } from '../expression/template.ts'
import { parseJsonStrict } from '../json/guard.ts'
import { formatPointer, parsePointer } from '../json/pointer.ts'
import type { JsonObject, JsonValue } from '../json/types.ts'
import { type Adaptable, parseAdaptable } from '../protocol/adaptable.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import { parseThingId } from '../protocol/entity-id.ts'
import { type DittoError, DittoException, dittoError, toDittoError } from '../protocol/errors.ts'
import { type ExternalMessage, payloadBytes, payloadText } from '../protocol/external-message.ts'
import { headerText } from '../protocol/headers.ts'
import { headerInvalid, messageSubjectInvalid } from '../protocol/protocol-errors.ts'
import { bytesOfBase64 } from './base64.ts'
import { formOf, mediaTypeOf } from './content-type.ts'
import {
  DITTO_PROTOCOL_CONTENT_TYPE,
  dittoInbound,
  dittoOutbound,
  HONO_NOTIFICATIONS,
} from './ditto.ts'
import { type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import { compileForMessage, contextOf } from './message-context.ts'
import { ofOption, optionText, readOptions } from './options.ts'

const CONTENT_TYPE = 'content-type'
const DIRECTION = 'ditto-message-direction'
const THING_ID = 'ditto-message-thing-id'
const SUBJECT = 'ditto-message-subject'
const FEATURE_ID = 'ditto-message-feature-id'
const STATUS = 'status'

const TO = 'TO'
const FROM = 'FROM'
/** Feature id, escaped, in group 1, box in group 2. */
const MESSAGE_PATH = /^(?:\/features\/([^/]+))?\/(inbox|outbox)\/messages(?:\/|$)/

type Headers = ReadonlyMap<string, Template>

const DEFAULT_HEADERS: Headers = new Map([
  [CONTENT_TYPE, headerOr(CONTENT_TYPE, 'application/octet-stream')],
  [DIRECTION, headerOr(DIRECTION, TO)],
  [THING_ID, header(THING_ID)],
  [SUBJECT, header(SUBJECT)],
  [STATUS, header(STATUS)],
  [FEATURE_ID, header(FEATURE_ID)],
])

/** Headers that must make sense; they throw a DittoException. */
const CHECKS: ReadonlyMap<string, (value: string) => unknown> = new Map<
  string,
  (value: string) => unknown
>([
  [DIRECTION, boxOf],
  [THING_ID, parseThingId],
  [SUBJECT, checkedSubject],
  [STATUS, statusOf],
  [FEATURE_ID, pathOf],
])

const headerValue = z.union([z.string(), z.number(), z.boolean()], 'must be a string')

const schema = z.object({
  outgoingContentType: optionText.min(1, 'must not be empty').default('text/plain; charset=utf-8'),
  incomingMessageHeaders: z.record(z.string(), headerValue, 'must be an object').default({}),
})

/** Compiled options. */
interface Options {
  readonly outgoingContentType: string
  /** By name, in lower case. */
  readonly headers: Headers
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
  const headers = new Map(DEFAULT_HEADERS)
  for (const [name, value] of Object.entries(incomingMessageHeaders)) {
    headers.set(name.toLowerCase(), compileHeader(name, String(value)))
  }
  return { outgoingContentType, headers }
}

/** What is the same for every message is checked before there is one. */
function compileHeader(name: string, text: string): Template {
  const option = `incomingMessageHeaders/${name}`
  const template = compileForMessage(option, text)
  const { constant } = template
  if (constant !== undefined) ofOption(option, () => CHECKS.get(name.toLowerCase())?.(constant))
  return template
}

function header(name: string): Template {
  return compileForMessage(name, `{{ header:${name} }}`)
}

function headerOr(name: string, otherwise: string): Template {
  return compileForMessage(name, `{{ header:${name} | fn:default('${otherwise}') }}`)
}

/** A live message around the payload; Ditto Protocol as it is. */
export function rawMessageInbound(
  message: ExternalMessage,
  { headers }: Options,
): MapResult<Adaptable> {
  const context = contextOf(message)
  const contentType = headers.get(CONTENT_TYPE)!.resolve(context)
  if (contentType === undefined) return { ok: false, error: NO_CONTENT_TYPE }
  if (mediaTypeOf(contentType) === DITTO_PROTOCOL_CONTENT_TYPE) return dittoInbound(message)
  try {
    const { namespace, name } = parseThingId(required(THING_ID, headers, context))
    const subject = checkedSubject(required(SUBJECT, headers, context))
    const box = boxOf(required(DIRECTION, headers, context))
    const featureId = headers.get(FEATURE_ID)!.resolve(context)
    const status = headers.get(STATUS)!.resolve(context)
    const value = payloadValue(message, contentType)
    const json: JsonObject = {
      topic: `${namespace}/${name}/things/live/messages/${subject}`,
      headers: { [CONTENT_TYPE]: contentType },
      path: `${featureId === undefined ? '' : pathOf(featureId)}/${box}/messages/${subject}`,
    }
    if (value !== undefined) json.value = value
    if (status !== undefined) json.status = statusOf(status)
    return { ok: true, values: [parseAdaptable(json)] }
  } catch (thrown) {
    return { ok: false, error: toDittoError(thrown, mappingFailed(contentType)) }
  }
}

function required(name: string, headers: Headers, context: ExpressionContext): string {
  const value = headers.get(name)!.resolve(context)
  if (value !== undefined) return value
  const description =
    `The header <${name}> of the live message could not be resolved: send it, or define it in the ` +
    "mapper's option <incomingMessageHeaders>."
  throw new DittoException(
    mappingFailed(headerText(context.headers[CONTENT_TYPE] ?? ''), description),
  )
}

function checkedSubject(subject: string): string {
  if (subject !== '') return subject
  throw new DittoException(messageSubjectInvalid(subject))
}

function boxOf(direction: string): 'inbox' | 'outbox' {
  if (direction === TO) return 'inbox'
  if (direction === FROM) return 'outbox'
  throw new DittoException(headerInvalid(DIRECTION, direction, 'message direction'))
}

function pathOf(featureId: string): string {
  if (featureId !== '') return formatPointer(['features', featureId])
  throw new DittoException(headerInvalid(FEATURE_ID, featureId, 'feature ID'))
}

function statusOf(text: string): number {
  if (/^[1-5]\d\d$/.test(text)) return Number(text)
  throw new DittoException(headerInvalid(STATUS, text, 'HTTP status code'))
}

function payloadValue(message: ExternalMessage, contentType: string): JsonValue | undefined {
  if (message.payload === undefined) return undefined
  const form = formOf(contentType)
  if (form === 'bytes') return Buffer.from(payloadBytes(message)!).toString('base64')
  const text = payloadText(message)!
  return form === 'json' ? parseJsonStrict(text) : text
}

/** The payload of a live message or its response; any other signal as Ditto Protocol. */
export function rawMessageOutbound(
  adaptable: Adaptable,
  { outgoingContentType }: Options,
): MapResult<ExternalMessage> {
  const { topic, value, headers } = adaptable
  if (topic.criterion !== 'messages') return dittoOutbound(adaptable)
  // As Ditto writes it.
  const contentType = headerText(headers[CONTENT_TYPE] ?? outgoingContentType).toLowerCase()
  if (mediaTypeOf(contentType) === DITTO_PROTOCOL_CONTENT_TYPE) return dittoOutbound(adaptable)
  if (value === undefined) return sent(adaptable, contentType, undefined)
  if (formOf(contentType) !== 'bytes') return sent(adaptable, contentType, headerText(value))
  const bytes = typeof value === 'string' ? bytesOfBase64(value) : undefined
  if (bytes === undefined) return { ok: false, error: notBase64(contentType) }
  return sent(adaptable, contentType, bytes)
}

function sent(
  { topic, path, status }: Adaptable,
  contentType: string,
  payload: ExternalMessage['payload'],
): MapResult<ExternalMessage> {
  const [, featureId, box] = MESSAGE_PATH.exec(path) ?? []
  const headers: Record<string, string> = {
    [DIRECTION]: box === 'outbox' ? FROM : TO,
    [THING_ID]: `${topic.namespace}:${topic.name}`,
    [SUBJECT]: topic.subject ?? '',
    [CONTENT_TYPE]: contentType,
  }
  if (featureId !== undefined) headers[FEATURE_ID] = parsePointer(featureId)[0]!
  if (status !== undefined) headers[STATUS] = String(status)
  return { ok: true, values: [{ headers, payload }] }
}

const NO_CONTENT_TYPE = dittoError(
  400,
  'messages:messageformat.invalid',
  'The RawMessage mapper failed to resolve content-type of an incoming message.',
  "Please ensure that 'content-type' is defined and resolvable in the mapper configuration " +
    "'incomingMessageHeaders'.",
)

function notBase64(contentType: string): DittoError {
  return dittoError(
    400,
    'messages:messageformat.invalid',
    `Expect payload of a message of content-type <${contentType}> to be a base64 encoded string.`,
    'Please make sure the message has the correct content-type.',
  )
}
