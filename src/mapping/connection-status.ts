/**
 * The ConnectionStatus mapper (Ditto documentation, "Payload mapping", ConnectionStatus mapper): notes
 * until when a device of Eclipse Hono can be reached. Inbound only; what it cannot read it drops.
 */
import { z } from 'zod'
import { HEADER_ONLY } from '../expression/placeholders.ts'
import type { Template } from '../expression/template.ts'
import { formatPointer } from '../json/pointer.ts'
import type { JsonObject } from '../json/types.ts'
import { type Adaptable, parseAdaptable } from '../protocol/adaptable.ts'
import { mapperConfigInvalid } from '../protocol/connectivity-errors.ts'
import { isValidThingId, parseThingId, thingIdInvalid } from '../protocol/entity-id.ts'
import { DittoException } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import { compileForMessage, contextOf } from './message-context.ts'
import { checkOptionId, optionText, readOptions } from './options.ts'

/** Headers of Hono's device notifications: milliseconds since the epoch, and seconds from then. */
const CREATION_TIME = 'creation-time'
const TIME_TILL_DISCONNECT = 'ttd'
const DEFINITION = 'org.eclipse.ditto:ConnectionStatus:1.0.0'
/** The device stays connected until it says otherwise. */
const FOR_EVER = '9999-12-31T23:59:59Z'

const schema = z.object({
  thingId: optionText.optional(),
  featureId: optionText.min(1, 'must not be empty').default('ConnectionStatus'),
})

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
  const { thingId, featureId } = readOptions(schema, options)
  if (thingId === undefined) throw new DittoException(mapperConfigInvalid('thingId'))
  checkOptionId('thingId', thingId, thingIdInvalid)
  return {
    thingId: compileForMessage('thingId', thingId, HEADER_ONLY),
    featureId: compileForMessage('featureId', featureId, HEADER_ONLY),
  }
}

/** What the headers of a notification say of the device's connection, as a command. */
export function connectionStatusInbound(
  message: ExternalMessage,
  options: Options,
): MapResult<Adaptable> {
  const context = contextOf(message)
  const thingId = options.thingId.resolve(context)
  const featureId = options.featureId.resolve(context)
  const status = statusOf(message.headers)
  if (thingId === undefined || !isValidThingId(thingId)) return DROPPED
  // No name would be all features.
  if (featureId === undefined || featureId === '' || status === undefined) return DROPPED
  const { namespace, name } = parseThingId(thingId)
  const { readySince, readyUntil, isGone } = status
  const feature = { definition: [DEFINITION], properties: { status: { readySince, readyUntil } } }
  const path = ['features', featureId]
  const json: JsonObject = {
    topic: `${namespace}/${name}/things/twin/commands/modify`,
    headers: { 'response-required': false, 'requested-acks': [] },
    path: formatPointer(isGone ? [...path, 'properties', 'status', 'readyUntil'] : path),
    value: isGone ? readyUntil : feature,
  }
  return { ok: true, values: [parseAdaptable(json)] }
}

/** What the headers say. */
interface Status {
  readonly readySince: string
  readonly readyUntil: string
  /** The device has disconnected. */
  readonly isGone: boolean
}

/** Undefined when the headers do not say it. */
function statusOf(headers: ExternalMessage['headers']): Status | undefined {
  const creationTime = wholeNumber(headers[CREATION_TIME])
  const ttd = wholeNumber(headers[TIME_TILL_DISCONNECT])
  if (creationTime === undefined || ttd === undefined || creationTime < 0 || ttd < -1) {
    return undefined
  }
  const readySince = instant(creationTime)
  const readyUntil = ttd === -1 ? FOR_EVER : instant(creationTime + ttd * 1_000)
  if (readySince === undefined || readyUntil === undefined) return undefined
  return { readySince, readyUntil, isGone: ttd === 0 }
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d{1,18}$/.test(text) ? Number(text) : undefined
}

/** As Java writes it: milliseconds only where there are some. */
function instant(ms: number): string | undefined {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().replace('.000Z', 'Z')
}
