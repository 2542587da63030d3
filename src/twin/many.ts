/**
 * Retrieving many things with one command (Ditto documentation, "Retrieve multiple things"): it becomes
 * one retrieve for each, wherever that thing is, and their answers become one again.
 */
import { isJsonObject, type JsonValue } from '../json/types.ts'
import type { Adaptable } from '../protocol/adaptable.ts'
import { parseThingId } from '../protocol/entity-id.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import { jsonInvalid, jsonTypeInvalid } from '../protocol/json-errors.ts'
import { errorResponse } from '../protocol/responses.ts'
import type { Signal } from '../protocol/signal.ts'
import { buildTopicPath, errorTopic } from '../protocol/topic-path.ts'
import { successResponse } from './answers.ts'
import { internalError, thingIdsMissing } from './errors.ts'
import type { Outcome } from './twin.ts'

/** Things that one command may name: its response holds all of them. */
export const MAX_THINGS_PER_RETRIEVE = 200

/** The name in a topic path that is about several things. */
const MANY = '_'

/** A command that is about many things, and what it becomes. */
export interface RetrieveMany {
  readonly command: Signal
  /** One retrieve for each thing; none when the command is wrong. */
  readonly retrieves: readonly Signal[]
  readonly error?: DittoError
}

/** Whether a command is about many things. */
export function isRetrieveMany({ adaptable: { topic } }: Signal): boolean {
  return topic.name === MANY && topic.action === 'retrieve' && topic.group === 'things'
}

/** Takes the command apart. */
export function retrieveMany(command: Signal): RetrieveMany {
  try {
    const thingIds = thingIdsOf(command.adaptable.value)
    return { command, retrieves: thingIds.map((thingId) => retrieveOne(command, thingId)) }
  } catch (thrown) {
    const error = thrown instanceof DittoException ? thrown.error : internalError(String(thrown))
    return { command, retrieves: [], error }
  }
}

/**
 * The outcome of a retrieve of many things from those of its parts: the things that are there and may
 * be read, in the order they were asked for.
 */
export function gathered({ command, error }: RetrieveMany, parts: readonly Outcome[]): Outcome {
  const { adaptable } = command
  if (error !== undefined) {
    return { response: errorResponse(adaptable, error, adaptable.headers) }
  }
  const things: JsonValue[] = []
  for (const { response } of parts) {
    if (response.status === 200 && response.value !== undefined) things.push(response.value)
    else if (response.status !== 404) return { response: asAnswerTo(command, response) }
  }
  return { response: successResponse(adaptable, { status: 200, path: '/', value: things }) }
}

function thingIdsOf(value: JsonValue | undefined): readonly string[] {
  const thingIds = isJsonObject(value) ? value.thingIds : undefined
  if (thingIds === undefined) throw new DittoException(thingIdsMissing())
  if (!Array.isArray(thingIds)) {
    throw new DittoException(jsonTypeInvalid(thingIds, '/thingIds', 'JsonArray'))
  }
  if (thingIds.length === 0) throw new DittoException(thingIdsMissing())
  if (thingIds.length > MAX_THINGS_PER_RETRIEVE) throw new DittoException(tooMany(thingIds.length))
  return [...new Set(thingIds.map(String))]
}

function retrieveOne(command: Signal, thingId: string): Signal {
  const topic = buildTopicPath({
    ...parseThingId(thingId),
    group: 'things',
    channel: 'twin',
    criterion: 'commands',
    action: 'retrieve',
  })
  const { fields } = command.adaptable
  const adaptable = { topic, headers: {}, path: '/' }
  return {
    ...command,
    entityId: thingId,
    adaptable: fields === undefined ? adaptable : { ...adaptable, fields },
  }
}

/** The error response of a part, as one to the whole command. */
function asAnswerTo({ adaptable }: Signal, part: Adaptable): Adaptable {
  return {
    ...part,
    topic: errorTopic(adaptable.topic),
    headers: { ...adaptable.headers, ...part.headers },
  }
}

function tooMany(count: number): DittoError {
  return jsonInvalid(
    `The command names ${count} things at </thingIds>, but at most ${MAX_THINGS_PER_RETRIEVE} can ` +
      'be retrieved at once.',
    'Retrieve them with several commands.',
  )
}
