/** Error responses: what a signal's sender, or whoever sent something unreadable, is told. */
import type { JsonObject } from '../json/types.ts'
import type { Adaptable, DittoHeaders } from './adaptable.ts'
import type { DittoError } from './errors.ts'
import { buildTopicPath, errorTopic, type TopicPath } from './topic-path.ts'

const UNKNOWN_THING = buildTopicPath({
  namespace: 'unknown',
  name: 'unknown',
  group: 'things',
  channel: 'twin',
  criterion: 'errors',
})
const UNKNOWN_POLICY = buildTopicPath({
  namespace: 'unknown',
  name: 'unknown',
  group: 'policies',
  channel: 'none',
  criterion: 'errors',
})

/**
 * The error response to a request, which is undefined when it could not even be read. Headers are the
 * given ones, as a source's header mapping made them; the correlation-id of the request is kept.
 */
export function errorResponse(
  request: Adaptable | undefined,
  error: DittoError,
  headers: DittoHeaders,
): Adaptable {
  const correlationId = headers['correlation-id'] ?? request?.headers['correlation-id']
  const responseHeaders: DittoHeaders = { ...headers }
  if (correlationId !== undefined) responseHeaders['correlation-id'] = correlationId
  responseHeaders['response-required'] = false
  responseHeaders['content-type'] = 'application/json'
  return {
    topic: topicOf(request, error),
    headers: responseHeaders,
    path: '/',
    value: errorJson(error),
    status: error.status,
  }
}

/** The JSON of an error; what it lacks is left out. */
export function errorJson(error: DittoError): JsonObject {
  const json: JsonObject = {
    status: error.status,
    error: error.error,
    message: error.message,
  }
  if (error.description !== undefined) json.description = error.description
  if (error.href !== undefined) json.href = error.href
  return json
}

function topicOf(request: Adaptable | undefined, error: DittoError): TopicPath {
  if (request !== undefined && request.topic.group !== 'connections') {
    return errorTopic(request.topic)
  }
  return error.error.startsWith('policies:') ? UNKNOWN_POLICY : UNKNOWN_THING
}
