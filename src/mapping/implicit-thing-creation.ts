/**
 * The ImplicitThingCreation mapper (Ditto documentation, "Payload mapping"): makes a thing for a device
 * that is heard of for the first time, from a template. Inbound; outbound it only tells errors.
 */
import { z } from 'zod'
import type { Template } from '../expression/template.ts'
import { hasExpressions } from '../expression/template.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { type Adaptable, parseAdaptable } from '../protocol/adaptable.ts'
import {
  mapperConfigFailed,
  mapperConfigInvalid,
  mappingFailed,
} from '../protocol/connectivity-errors.ts'
import {
  isValidThingId,
  parseThingId,
  policyIdInvalid,
  thingIdInvalid,
} from '../protocol/entity-id.ts'
import { type DittoError, DittoException, toDittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import { compileForMessage, compileJson, contextOf, type JsonTemplate } from './message-context.ts'
import { optionBoolean, optionObject, readOptions } from './options.ts'

const schema = z.object({
  thing: z.union([z.record(z.string(), z.json()), z.string()], 'must be an object').optional(),
  allowPolicyLockout: optionBoolean.optional(),
  commandHeaders: optionObject.optional(),
})

/** Compiled options. */
interface Options {
  readonly thing: JsonTemplate
  readonly headers: readonly (readonly [string, Template])[]
  readonly allowPolicyLockout: boolean
}

/** The engine `ImplicitThingCreation`. */
export const implicitThingCreationEngine: MapperEngine = {
  contentTypeBlocklist: [],
  wantsSubjects: true,
  checkOptions: (options) => void compile(options),
  create: (_, definition) => {
    const options = compile(definition.options)
    return perMessage((message) => implicitThingCreationInbound(message, options), errorsOnly)
  },
}

function compile(given: JsonObject): Options {
  const { thing, allowPolicyLockout = true, commandHeaders = {} } = readOptions(schema, given)
  if (thing === undefined) throw new DittoException(mapperConfigInvalid('thing'))
  const template = readTemplate(thing)
  const headers = { 'if-none-match': '*', ...commandHeaders }
  return {
    thing: compileJson(template),
    headers: Object.entries(headers).map(([name, value]) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      return [name, compileForMessage(text)] as const
    }),
    allowPolicyLockout,
  }
}

/** The template as an object with a thing id that is valid, as far as that can be known. */
function readTemplate(thing: JsonObject | string): JsonObject {
  const json: unknown = typeof thing === 'string' ? parsed(thing) : thing
  if (!isJsonObject(json as JsonValue)) {
    throw new DittoException(mapperConfigFailed('The option <thing> must be a JSON object.'))
  }
  const { thingId, policyId } = json as JsonObject
  if (thingId === undefined) throw new DittoException(mapperConfigInvalid('thing/thingId'))
  checkId('thing/thingId', thingId, thingIdInvalid)
  if (policyId !== undefined) checkId('thing/policyId', policyId, policyIdInvalid)
  return json as JsonObject
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function checkId(option: string, id: JsonValue, invalid: (id: string) => DittoError): void {
  const text = typeof id === 'string' ? id : JSON.stringify(id)
  if (typeof id === 'string' && (hasExpressions(id) || isValidThingId(id))) return
  const { message } = invalid(text)
  throw new DittoException(mapperConfigFailed(`The option <${option}> is not valid. ${message}`))
}

/** The command that creates the thing of this message. */
function implicitThingCreationInbound(
  message: ExternalMessage,
  { thing, headers, allowPolicyLockout }: Options,
): MapResult<Adaptable> {
  const context = contextOf(message)
  try {
    const value = thing(context) as JsonObject
    const { namespace, name } = parseThingId(String(value.thingId))
    const resolved: JsonObject = { 'allow-policy-lockout': allowPolicyLockout }
    for (const [header, template] of headers) {
      const text = template.resolve(context)
      if (text !== undefined) resolved[header] = text
    }
    const topic = `${namespace}/${name}/things/twin/commands/create`
    return { ok: true, values: [parseAdaptable({ topic, headers: resolved, path: '/', value })] }
  } catch (thrown) {
    return {
      ok: false,
      error: toDittoError(thrown, mappingFailed(message.headers['content-type'])),
    }
  }
}

/** An error that answers the creation shows in the log; everything else is not for the outside. */
function errorsOnly({ topic, value, status = 500 }: Adaptable): MapResult<never> {
  if (topic.criterion !== 'errors') return DROPPED
  const told = isJsonObject(value) ? (value as Partial<Record<keyof DittoError, JsonValue>>) : {}
  const { error = 'connectivity:message.mapping.failed', message = 'Unknown error.' } = told
  const known: DittoError = { status, error: String(error), message: String(message) }
  const { description } = told
  return {
    ok: false,
    error: typeof description === 'string' ? { ...known, description } : known,
  }
}
