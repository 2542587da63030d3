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
import { entityIdOf } from '../protocol/entity-id.ts'
import { toDittoError } from '../protocol/errors.ts'
import { type ExternalMessage, payloadText } from '../protocol/external-message.ts'
import { headerText } from '../protocol/headers.ts'
import { HONO_NOTIFICATIONS } from './ditto.ts'
import { DROPPED, type MapperEngine, type MapResult, perMessage } from './mapper.ts'
import { compileHeaders, contextOf, type HeadersTemplate } from './message-context.ts'
import { optionObject, readOptions } from './options.ts'

/** Nobody asked for the update, and it makes no thing. */
const DEFAULT_HEADERS: JsonObject = { 'response-required': false, 'if-match': '*' }
const CORRELATION_SUFFIX = '-merge-into-twin'
const MERGE_PATCH = 'application/merge-patch+json'
/** The only status with which Ditto answers a retrieval; others bring no value. */
const RETRIEVED = 200

const schema = z.object({ dittoHeadersForMerge: optionObject.default(DEFAULT_HEADERS) })

/** The engine `UpdateTwinWithLiveResponse`. */
export const updateTwinWithLiveResponseEngine: MapperEngine = {
  contentTypeBlocklist: HONO_NOTIFICATIONS,
  wantsSubjects: true,
  checkOptions: (options) => void compile(options),
  create: (_, definition) => {
    const headers = compile(definition.options)
    return perMessage(
      (message) => updateTwinInbound(message, headers),
      () => DROPPED,
    )
  },
}

/** Expressions that a message does not resolve stay as they are. */
function compile(options: JsonObject): HeadersTemplate {
  const { dittoHeadersForMerge } = readOptions(schema, options)
  return compileHeaders('dittoHeadersForMerge', dittoHeadersForMerge, (template, context) =>
    template.resolvePartially(context),
  )
}

/** The command that merges what a live response retrieved into the twin. */
export function updateTwinInbound(
  message: ExternalMessage,
  headers: HeadersTemplate,
): MapResult<Adaptable> {
  const response = retrievedIn(message)
  if (response === undefined) return DROPPED
  const { topic, path, value } = response
  const correlationId = headerText(response.headers['correlation-id'] ?? randomUUID())
  try {
    const merge = parseAdaptable({
      topic: `${topic.namespace}/${topic.name}/things/twin/commands/merge`,
      headers: {
        ...headers(contextOf(message)),
        'content-type': MERGE_PATCH,
        'correlation-id': `${correlationId}${CORRELATION_SUFFIX}`,
      },
      path,
      value: value!,
    })
    return { ok: true, values: [merge] }
  } catch (thrown) {
    const unknown = mappingFailed(message.headers['content-type'])
    return { ok: false, error: toDittoError(thrown, unknown) }
  }
}

/** A live response with what was retrieved of one thing; undefined for anything else. */
function retrievedIn(message: ExternalMessage): Adaptable | undefined {
  let response: Adaptable
  try {
    response = adaptableFromText(payloadText(message) ?? '')
  } catch {
    return undefined
  }
  const { topic, status, value } = response
  const { group, channel, criterion, action } = topic
  const isRetrieval = group === 'things' && criterion === 'commands' && action === 'retrieve'
  if (!isRetrieval || channel !== 'live' || entityIdOf(topic) === '') return undefined
  // Without a value there is nothing to merge: a null would delete.
  return status === RETRIEVED && value !== undefined ? response : undefined
}
