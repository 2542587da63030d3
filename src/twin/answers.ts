/**
 * The messages that leave the twin: responses and events (Ditto documentation, "Protocol specification
 * for Things – response and event conventions"). Knows no storage.
 */
import type { JsonValue } from '../json/types.ts'
import type { Adaptable, DittoHeaders } from '../protocol/adaptable.ts'
import type { Signal } from '../protocol/signal.ts'
import { buildTopicPath, eventTopic, type TopicPath } from '../protocol/topic-path.ts'
import type { EventAction } from './changes.ts'

const JSON_TYPE = 'application/json'
const MERGE_PATCH_TYPE = 'application/merge-patch+json'

/** What a successful response says. */
export interface Success {
  readonly status: 200 | 201 | 204
  readonly path: string
  readonly revision?: number
  readonly etag?: string | undefined
  readonly value?: JsonValue | undefined
}

/** The response to a command that succeeded. Headers of the command are carried over. */
export function successResponse(command: Adaptable, success: Success): Adaptable {
  const { status, path, revision, etag, value } = success
  const { topic } = command
  const headers: DittoHeaders = { ...command.headers, 'response-required': false }
  headers['content-type'] = topic.action === 'merge' ? MERGE_PATCH_TYPE : JSON_TYPE
  if (revision !== undefined) headers['entity-revision'] = revision
  if (etag !== undefined) headers.etag = etag
  const created = path === '/' && status === 201 && topic.action !== 'create'
  const response = { topic: created ? createTopic(topic) : topic, headers, path, status }
  return value === undefined ? response : { ...response, value }
}

/** What an event tells beside the command that caused it. */
export interface Happening {
  readonly action: EventAction
  readonly path: string
  readonly revision: number
  /** ISO-8601 instant. */
  readonly timestamp: string
  readonly value: JsonValue | undefined
}

/** The event that a command caused. Its originator is the first subject the command acted with. */
export function eventOf(command: Signal, happening: Happening): Adaptable {
  const { action, path, revision, timestamp, value } = happening
  const headers: DittoHeaders = { ...command.adaptable.headers, 'response-required': false }
  headers['content-type'] = action === 'merged' ? MERGE_PATCH_TYPE : JSON_TYPE
  headers['entity-revision'] = revision
  const requested = headers['requested-acks']
  if (Array.isArray(requested)) headers['requested-acks'] = withoutOwn(requested)
  const originator = command.subjects[0]
  if (originator !== undefined) headers['ditto-originator'] = originator
  const topic = eventTopic(command.adaptable.topic, action)
  return value === undefined
    ? { topic, headers, path, revision, timestamp }
    : { topic, headers, path, value, revision, timestamp }
}

/** The twin has acknowledged its own label; the others are for whoever receives the event. */
function withoutOwn(requested: readonly JsonValue[]): JsonValue[] {
  return requested.filter((label) => label !== 'twin-persisted')
}

/** Ditto turns a modify or merge of a thing that does not exist into its creation, and says so. */
function createTopic({ namespace, name, group, channel, criterion }: TopicPath): TopicPath {
  return buildTopicPath({ namespace, name, group, channel, criterion, action: 'create' })
}
