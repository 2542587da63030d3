/**
 * The UpdateTwinWithLiveResponse mapper (Ditto documentation, "Payload mapping"): a live response that
 * tells something of a thing updates its twin, too. Inbound only; used beside the Ditto mapper, which
 * hands on the response itself.
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { JsonObject } from '../json/types.ts'
import { type Adaptable, adaptableFromText, parseAdaptable } from '../protocol/adaptable.ts'
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import { toDittoError } from '../protocol/errors.ts'
import { type ExternalMessage, payloadText } from '../protocol/external-message.ts'
import { headerText } from '../protocol/headers.ts'
import { HONO_NOTIFICATIONS } from './ditto.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import { compileForMessage, contextOf } from './message-context.ts'
import { optionObject, readOptions } from './options.ts'

const DEFAULT_HEADERS: JsonObject = { 'response-required': false, 'if-match': '*' }
const CORRELATION_SUFFIX = '-merge-into-twin'
const MERGE_PATCH = 'application/merge-patch+json'

const schema = z.object({ dittoHeadersForMerge: optionObject.optional() })

/** The headers of the command; placeholders that are not resolved stay as they are. */
type Headers = (message: ExternalMessage) => JsonObject

/** The engine `UpdateTwinWithLiveResponse`. */
export const updateTwinWithLiveResponseEngine: MapperEngine = {
  contentTypeBlocklist: HONO_NOTIFICATIONS,
  wantsSubjects: true,
  checkOptions: (options) => void compile(options),
  create: (_, definition) => {
    const headersFor = compile(definition.options)
    return perMessage(
      (message) => updateTwinInbound(message, headersFor),
      () => DROPPED,
    )
  },
}

function compile(options: JsonObject): Headers {
  const { dittoHeadersForMerge = DEFAULT_HEADERS } = readOptions(schema, options)
  const templates = Object.entries(dittoHeadersForMerge).map(([name, value]) => {
    const template = typeof value === 'string' ? compileForMessage(value) : undefined
    return [name, value, template] as const
  })
  return (message) => {
    const context = contextOf(message)
    return Object.fromEntries(
      templates.map(([name, value, template]) => [name, template?.resolve(context) ?? value]),
    )
  }
}

function updateTwinInbound(message: ExternalMessage, headersFor: Headers): MapResult<Adaptable> {
  const response = liveResponseOf(message)
  if (response === undefined) return DROPPED
  const { topic, path, value, headers } = response
  const correlationId = headerText(headers['correlation-id'] ?? randomUUID())
  try {
    const merge = parseAdaptable({
      topic: `${topic.namespace}/${topic.name}/things/twin/commands/merge`,
      headers: {
        ...headersFor(message),
        'content-type': MERGE_PATCH,
        'correlation-id': `${correlationId}${CORRELATION_SUFFIX}`,
      },
      path,
      value: value ?? null,
    })
    return { ok: true, values: [merge] }
  } catch (thrown) {
    return {
      ok: false,
      error: toDittoError(thrown, mappingFailed(message.headers['content-type'])),
    }
  }
}

/** Of a live command that retrieved something of a thing; undefined for anything else. */
function liveResponseOf(message: ExternalMessage): Adaptable | undefined {
  let response: Adaptable
  try {
    response = adaptableFromText(payloadText(message) ?? '')
  } catch {
    return undefined
  }
  const { group, channel, criterion, action } = response.topic
  const retrieved = group === 'things' && criterion === 'commands' && action === 'retrieve'
  const { status = 0 } = response
  return retrieved && channel === 'live' && status >= 200 && status < 300 ? response : undefined
}
