/**
 * The ImplicitThingCreation mapper (Ditto documentation, "Payload mapping"): makes a thing for a device
 * that is heard of for the first time, from a template. Inbound; outbound it only tells errors.
 */
import { z } from 'zod'
import type { ExpressionContext } from '../expression/context.ts'
import type { Template } from '../expression/template.ts'
import { DELETED } from '../expression/values.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { type Adaptable, parseAdaptable } from '../protocol/adaptable.ts'
import {
  mapperConfigFailed,
  mapperConfigInvalid,
  mappingFailed,
} from '../protocol/connectivity-errors.ts'
import { parseThingId, policyIdInvalid, thingIdInvalid } from '../protocol/entity-id.ts'
import { type DittoError, DittoException, toDittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { placeholderUnresolved } from '../protocol/placeholder-errors.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import {
  compileHeaders,
  compileJson,
  contextOf,
  type HeadersTemplate,
  type JsonTemplate,
} from './message-context.ts'
import { checkOptionId, optionBoolean, optionObject, readOptions } from './options.ts'

const schema = z.object({
  thing: z.union([optionObject, z.string()], 'must be an object').optional(),
  allowPolicyLockout: optionBoolean.default(true),
  commandHeaders: optionObject.default({}),
})

/** A thing that is there already stays as it is. */
const DEFAULT_HEADERS: JsonObject = { 'if-none-match': '*' }

/** Compiled options. */
interface Options {
  readonly thing: JsonTemplate
  readonly headers: HeadersTemplate
  readonly allowPolicyLockout: boolean
}

/** The engine `ImplicitThingCreation`. */
export const implicitThingCreationEngine: MapperEngine = {
  contentTypeBlocklist: [],
  wantsSubjects: true,
  checkOptions: (options) => void compile(options),
  create: (_, definition) => {
    const options = compile(definition.options)
    return perMessage(
      (message) => implicitThingCreationInbound(message, options),
      implicitThingCreationOutbound,
    )
  },
}

function compile(given: JsonObject): Options {
  const { thing, allowPolicyLockout, commandHeaders } = readOptions(schema, given)
  if (thing === undefined) throw new DittoException(mapperConfigInvalid('thing'))
  return {
    thing: compileJson('thing', readTemplate(thing), resolveFully),
    headers: compileHeaders(
      'commandHeaders',
      { ...DEFAULT_HEADERS, ...commandHeaders },
      (template, context) => template.resolve(context),
    ),
    allowPolicyLockout,
  }
}

/** The template as an object with ids that are valid, as far as that can be known. */
function readTemplate(thing: JsonObject | string): JsonObject {
  const json = typeof thing === 'string' ? parsed(thing) : thing
  if (!isJsonObject(json)) {
    throw new DittoException(mapperConfigFailed('The option <thing> must be a JSON object.'))
  }
  const { thingId, policyId } = json
  if (thingId === undefined) throw new DittoException(mapperConfigInvalid('thing/thingId'))
  checkOptionId('thing/thingId', thingId, thingIdInvalid)
  if (policyId !== undefined) checkOptionId('thing/policyId', policyId, policyIdInvalid)
  return json
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Without a value there is no thing; what is deleted leaves an empty text. */
function resolveFully(template: Template, context: ExpressionContext): string {
  const value = template.resolve(context)
  if (value !== undefined) return value
  if (template.resolveAll(context) === DELETED) return ''
  throw new DittoException(placeholderUnresolved(template.text))
}

/** The command that creates the thing of this message. */
export function implicitThingCreationInbound(
  message: ExternalMessage,
  { thing, headers, allowPolicyLockout }: Options,
): MapResult<Adaptable> {
  const context = contextOf(message)
  try {
    const value = thing(context) as JsonObject
    const { namespace, name } = parseThingId(String(value.thingId))
    const create = parseAdaptable({
      topic: `${namespace}/${name}/things/twin/commands/create`,
      headers: { ...headers(context), 'allow-policy-lockout': allowPolicyLockout },
      path: '/',
      value,
    })
    return { ok: true, values: [create] }
  } catch (thrown) {
    const unknown = mappingFailed(message.headers['content-type'])
    return { ok: false, error: toDittoError(thrown, unknown) }
  }
}

/** An error that answers the creation shows in the log; everything else is not for the outside. */
export function implicitThingCreationOutbound(adaptable: Adaptable): MapResult<never> {
  const { topic, value } = adaptable
  if (topic.criterion !== 'errors' || !isJsonObject(value)) return DROPPED
  const { status, error, message, description } = value
  const unknown = mappingFailed(undefined)
  const told: DittoError = {
    status: Number(adaptable.status ?? status ?? unknown.status),
    error: String(error ?? unknown.error),
    message: String(message ?? unknown.message),
    ...(typeof description === 'string' ? { description } : {}),
  }
  return { ok: false, error: told }
}
