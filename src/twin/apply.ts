/**
 * One command applied to one thing: the heart of the twin. Pure: a function of what is stored, the
 * command and the instant; it never throws and never changes what it is given.
 */
import { isDeepStrictEqual } from 'node:util'
import { parseFieldSelector, selectFields } from '../json/field-selector.ts'
import { getAt } from '../json/pointer.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import type { DittoHeaders } from '../protocol/adaptable.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import { booleanHeader } from '../protocol/headers.ts'
import { signalUnsupported } from '../protocol/protocol-errors.ts'
import { errorResponse } from '../protocol/responses.ts'
import type { Signal } from '../protocol/signal.ts'
import { thingNotFound } from '../protocol/things-errors.ts'
import { eventOf, successResponse } from './answers.ts'
import { type Change, type ChangeCommand, changeOf, merged, minimalPatch } from './changes.ts'
import { checkCondition } from './condition.ts'
import { internalError, thingNotModifiable, thingTooLarge, thingUnchanged } from './errors.ts'
import { findIn } from './lookup.ts'
import type { PolicyEnforcer } from './policy.ts'
import { checkPreconditions, etagOf, etagOfRevision, etagOfText } from './preconditions.ts'
import { type Resource, resourceOf } from './resources.ts'
import { type LivingThing, sizeOf, type ThingRecord, withSpecialFields } from './thing.ts'
import type { Outcome } from './twin.ts'

/** What the twin knows beside thing and command. */
export interface ApplyContext {
  /** ISO-8601 instant of the change. */
  readonly now: string
  readonly policy: PolicyEnforcer
  /** See `DEFAULT_MAX_THING_CHARS`. */
  readonly maxThingChars: number
}

/** What became of a command: `after` is the very object `before` when nothing changed. */
export interface Applied {
  readonly outcome: Outcome
  readonly after: ThingRecord | undefined
}

/** Applies a command to what is stored of its thing; undefined when there never was one. */
export function applyCommand(
  before: ThingRecord | undefined,
  command: Signal,
  context: ApplyContext,
): Applied {
  const { adaptable } = command
  try {
    checkSupported(command)
    const resource = resourceOf(adaptable.path)
    const living = before?.thing === undefined ? undefined : before
    checkAuthorized(command, living, resource, context.policy)
    checkCondition(command, living, context.now)
    checkPreconditions(adaptable.headers, adaptable.topic.action!, living, resource)
    if (adaptable.topic.action === 'retrieve') {
      return { outcome: retrieve(living, command, resource), after: before }
    }
    return change(before, living, command, resource, context)
  } catch (thrown) {
    const response = errorResponse(adaptable, errorOf(thrown), adaptable.headers)
    return { outcome: { response }, after: before }
  }
}

/** Throws 404 for what may not be read, as if it was not there, and 403 for what may not be changed. */
function checkAuthorized(
  { adaptable, entityId, subjects }: Signal,
  living: LivingThing | undefined,
  { pointer }: Resource,
  policy: PolicyEnforcer,
): void {
  if (living === undefined) return
  const policyId = String(living.thing.policyId)
  if (adaptable.topic.action === 'retrieve') {
    if (!policy.mayRead(subjects, policyId, pointer)) {
      throw new DittoException(thingNotFound(entityId))
    }
  } else if (!policy.mayWrite(subjects, policyId, pointer)) {
    throw new DittoException(thingNotModifiable(entityId))
  }
}

function retrieve(living: LivingThing | undefined, command: Signal, resource: Resource): Outcome {
  const { adaptable, entityId } = command
  if (living === undefined) throw new DittoException(thingNotFound(entityId))
  return {
    response: successResponse(adaptable, {
      status: 200,
      path: resource.path,
      revision: living.revision,
      etag: etagOf(living, resource),
      value: selected(living, resource, entityId, adaptable.fields),
    }),
  }
}

function selected(
  living: LivingThing,
  resource: Resource,
  thingId: string,
  fields: string | undefined,
): JsonValue {
  const value = findIn(living.thing, resource, thingId)
  if (fields === undefined || !isJsonObject(value)) return value
  const whole = resource.kind === 'thing' ? withSpecialFields(living) : value
  return selectFields(whole, parseFieldSelector(fields))
}

function change(
  before: ThingRecord | undefined,
  living: LivingThing | undefined,
  command: Signal,
  resource: Resource,
  context: ApplyContext,
): Applied {
  const { adaptable, entityId } = command
  const request: ChangeCommand = {
    action: adaptable.topic.action!,
    thingId: entityId,
    resource,
    value: adaptable.value,
  }
  const made = onlyIfNotEqual(changeOf(living?.thing, request), living, request, adaptable.headers)
  const revision = (before?.revision ?? 0) + 1
  const after = recordAfter(made, living, revision, resource, context)
  return {
    after,
    outcome: {
      response: responseTo(command, made, revision, resource),
      event: eventOf(command, {
        action: made.action,
        path: resource.path,
        revision,
        timestamp: context.now,
        value: made.value,
      }),
    },
  }
}

/**
 * Ditto's `if-equal`: `skip` refuses what would change nothing, `skip-minimizing-merge` leaves what is
 * equal out of a merge patch too. Other values, and commands on nothing, pass.
 */
function onlyIfNotEqual(
  made: Change,
  living: LivingThing | undefined,
  { resource }: ChangeCommand,
  headers: DittoHeaders,
): Change {
  const ifEqual = headers['if-equal']
  if (ifEqual === undefined || ifEqual === 'update') return made
  if (living === undefined || made.thing === undefined || made.action === 'deleted') return made
  if (isDeepStrictEqual(made.thing, living.thing)) throw new DittoException(thingUnchanged())
  if (ifEqual !== 'skip-minimizing-merge' || made.action !== 'merged') return made
  const value = minimalPatch(getAt(living.thing, resource.pointer), made.value!) ?? made.value!
  return { ...made, value, thing: merged(living.thing, resource, value) }
}

function recordAfter(
  made: Change,
  living: LivingThing | undefined,
  revision: number,
  resource: Resource,
  context: ApplyContext,
): ThingRecord {
  const { thing } = made
  if (thing === undefined) return { thing: undefined, revision }
  const created = living?.created ?? context.now
  const sizeBound = checkedSize(thing, made, living, resource, context.maxThingChars)
  return { thing, revision, created, modified: context.now, sizeBound }
}

/** Characters that a path and its value add to the JSON of a thing at most, for each of the path's. */
const MAX_JSON_CHARS_PER_PATH_CHAR = 6

/**
 * An upper bound of the size of the thing. Counting a whole thing for every small change would cost
 * more than the change: what is added is counted, and the whole only when that could be too much.
 */
function checkedSize(
  thing: JsonObject,
  { value }: Change,
  living: LivingThing | undefined,
  { path }: Resource,
  maxThingChars: number,
): number {
  if (living !== undefined) {
    const added = value === undefined ? 0 : JSON.stringify(value).length
    const bound = living.sizeBound + added + MAX_JSON_CHARS_PER_PATH_CHAR * (path.length + 1)
    if (bound <= maxThingChars) return bound
  }
  const size = sizeOf(thing)
  if (size > maxThingChars && value !== undefined) {
    throw new DittoException(thingTooLarge(size, maxThingChars))
  }
  return size
}

function responseTo(command: Signal, made: Change, revision: number, resource: Resource) {
  const created = made.action === 'created'
  return successResponse(command.adaptable, {
    status: created ? 201 : 204,
    path: resource.path,
    revision,
    // Hashing what nobody will read would cost as much as the change itself.
    etag: isResponseWanted(command) ? etagAfter(made, revision, resource) : undefined,
    value: created ? made.value : undefined,
  })
}

function isResponseWanted({ adaptable }: Signal): boolean {
  return booleanHeader(adaptable.headers, 'response-required', true)
}

function etagAfter({ thing, action }: Change, revision: number, resource: Resource) {
  if (action === 'deleted') return undefined
  if (resource.kind === 'thing') return etagOfRevision(revision)
  const value = getAt(thing, resource.pointer)
  return value === undefined ? undefined : etagOfText(JSON.stringify(value))
}

/** Throws for what Ditto knows and Sluice does not serve yet, so that nobody takes silence for a yes. */
function checkSupported({ adaptable }: Signal): void {
  const { topic, headers } = adaptable
  if (topic.group !== 'things') {
    throw new DittoException({
      ...signalUnsupported(`${topic.group}.${topic.criterion}:${topic.action ?? ''}`),
      description:
        'Policies are not available yet: every authorized subject may read and write every thing.',
    })
  }
  if (headers['at-historical-revision'] ?? headers['at-historical-timestamp']) {
    throw new DittoException({
      ...signalUnsupported(`things.commands:${topic.action ?? ''}`),
      description: 'The history of things is not kept. Retrieve without historical headers.',
    })
  }
}

function errorOf(thrown: unknown): DittoError {
  if (thrown instanceof DittoException) return thrown.error
  return internalError(thrown instanceof Error ? thrown.message : String(thrown))
}
