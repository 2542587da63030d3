/**
 * The ConnectionStatus mapper (Ditto documentation, "Payload mapping", ConnectionStatus mapper): notes
 * until when a device of Eclipse Hono can be reached. Inbound only; what it cannot read it drops.
 */
import { z } from 'zod'
import { hasExpressions, type Template } from '../expression/template.ts'
import { formatPointer } from '../json/pointer.ts'
import type { JsonObject } from '../json/types.ts'
import { type Adaptable, parseAdaptable } from '../protocol/adaptable.ts'
import { mapperConfigInvalid } from '../protocol/connectivity-errors.ts'
import { isValidThingId, parseThingId, thingIdInvalid } from '../protocol/entity-id.ts'
import { DittoException } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import { compileForMessage, contextOf } from './message-context.ts'
import { optionText, readOptions } from './options.ts'

const CREATION_TIME = 'creation-time'
const TIME_TILL_DISCONNECT = 'ttd'
const DEFINITION = 'org.eclipse.ditto:ConnectionStatus:1.0.0'
/** The device stays connected until it says otherwise. */
const FOR_EVER = '9999-12-31T23:59:59Z'

const schema = z.object({ thingId: optionText.optional(), featureId: optionText.optional() })

/** Compiled options. */
interface Options {
  readonly thingId: Template
  readonly featureId: Template
}

/** The engine `ConnectionStatus`. */
export const connectionStatusEngine: MapperEngine = {
  contentTypeBlocklist: [],
  checkOptions: (options) => void compile(options),
  create: (_, definition) => {
    const options = compile(definition.options)
    return perMessage(
      (message) => connectionStatusInbound(message, options),
      () => DROPPED,
    )
  },
}

function compile(options: JsonObject): Options {
  const { thingId, featureId = 'ConnectionStatus' } = readOptions(schema, options)
  if (thingId === undefined) throw new DittoException(mapperConfigInvalid('thingId'))
  if (!hasExpressions(thingId) && !isValidThingId(thingId)) {
    throw new DittoException({ ...mapperConfigInvalid('thingId'), ...worded(thingId) })
  }
  return { thingId: compileForMessage(thingId), featureId: compileForMessage(featureId) }
}

/** What the headers `creation-time` and `ttd` say of the device's connection. */
function connectionStatusInbound(message: ExternalMessage, options: Options): MapResult<Adaptable> {
  const context = contextOf(message)
  const thingId = options.thingId.resolve(context)
  const featureId = options.featureId.resolve(context)
  const creationTime = wholeNumber(message.headers[CREATION_TIME])
  const ttd = wholeNumber(message.headers[TIME_TILL_DISCONNECT])
  if (thingId === undefined || featureId === undefined || !isValidThingId(thingId)) return DROPPED
  if (creationTime === undefined || ttd === undefined || creationTime < 0 || ttd < -1)
    return DROPPED
  const readySince = instant(creationTime)
  const readyUntil = ttd === -1 ? FOR_EVER : instant(creationTime + ttd * 1_000)
  if (readySince === undefined || readyUntil === undefined) return DROPPED
  const { namespace, name } = parseThingId(thingId)
  const feature = { definition: [DEFINITION], properties: { status: { readySince, readyUntil } } }
  const path = ['features', featureId]
  const json: JsonObject = {
    topic: `${namespace}/${name}/things/twin/commands/modify`,
    headers: { 'response-required': false, 'requested-acks': [] },
    path: formatPointer(ttd === 0 ? [...path, 'properties', 'status', 'readyUntil'] : path),
    value: ttd === 0 ? readyUntil : feature,
  }
  return { ok: true, values: [parseAdaptable(json)] }
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d{1,18}$/.test(text) ? Number(text) : undefined
}

/** As Java writes it: milliseconds only where there are some. */
function instant(ms: number): string | undefined {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().replace('.000Z', 'Z')
}

function worded(thingId: string) {
  const { message, description } = thingIdInvalid(thingId)
  return { message: `${message} (option <thingId>)`, ...(description && { description }) }
}
