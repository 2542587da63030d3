/**
 * What create, modify, merge and delete make of the JSON of a thing (Ditto documentation, "Protocol
 * specification for Things"). Pure; knows no revisions, no headers and no answers.
 */
import { isDeepStrictEqual } from 'node:util'
import { mergePatch } from '../json/merge-patch.ts'
import { setOwn } from '../json/own.ts'
import { getAt, removeAt, setAt } from '../json/pointer.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json/types.ts'
import { parseThingId } from '../protocol/entity-id.ts'
import { DittoException } from '../protocol/errors.ts'
import { signalUnsupported, unknownCommand } from '../protocol/protocol-errors.ts'
import { inlinePolicyNotAllowed, thingConflict, thingNotFound } from '../protocol/things-errors.ts'
import { requireFeature, requireIn } from './lookup.ts'
import type { Resource } from './resources.ts'
import { checkedValue } from './thing-json.ts'

/** The action of an event. */
export type EventAction = 'created' | 'modified' | 'merged' | 'deleted'

/** What a command changes. */
export interface Change {
  readonly action: EventAction
  /** The thing afterwards; undefined when it is deleted. */
  readonly thing: JsonObject | undefined
  /** What the event tells: the value, or the merge patch; undefined for deletions. */
  readonly value: JsonValue | undefined
}

/** A command on a thing, as far as changes are concerned. */
export interface ChangeCommand {
  readonly action: string
  readonly thingId: string
  readonly resource: Resource
  readonly value: JsonValue | undefined
}

/**
 * The change that a command makes of the thing, undefined when there is none yet. Throws the 404 of
 * what is missing, 409 `things:thing.conflict`, and the 400 of a value that does not fit.
 */
export function changeOf(before: JsonObject | undefined, command: ChangeCommand): Change {
  switch (command.action) {
    case 'create':
      return create(before, command)
    case 'modify':
      return modify(before, command)
    case 'merge':
      return merge(before, command)
    case 'delete':
      return remove(before, command)
    default:
      throw new DittoException(signalUnsupported(`things.commands:${command.action}`))
  }
}

function create(before: JsonObject | undefined, command: ChangeCommand): Change {
  const { resource, thingId } = command
  if (resource.kind !== 'thing') {
    throw new DittoException(unknownCommand(`things.commands:create${resource.kind}`))
  }
  if (before !== undefined) throw new DittoException(thingConflict(thingId))
  const given = checkedValue(resource, command.value, thingId, 'replace')
  return created(given as JsonObject, thingId)
}

function modify(before: JsonObject | undefined, command: ChangeCommand): Change {
  const { resource, thingId } = command
  if (resource.kind === 'thing') {
    const given = checkedValue(resource, command.value, thingId, 'replace') as JsonObject
    if (before === undefined) return created(given, thingId)
    refuseInlinePolicy(command)
    const thing = inOrder({ ...given, policyId: given.policyId ?? before.policyId! })
    return { action: 'modified', thing, value: thing }
  }
  const existing = existingThing(before, thingId)
  const value = checkedValue(resource, command.value, thingId, 'replace')
  requireFeature(existing, resource, thingId)
  const isNew = getAt(existing, resource.pointer) === undefined
  return {
    action: isNew ? 'created' : 'modified',
    thing: setAt(existing, resource.pointer, value),
    value,
  }
}

function merge(before: JsonObject | undefined, command: ChangeCommand): Change {
  const { resource, thingId } = command
  const patch = checkedValue(resource, command.value, thingId, 'patch')
  if (before === undefined) {
    if (resource.kind !== 'thing') throw new DittoException(thingNotFound(thingId))
    return created(mergePatch(undefined, patch) as JsonObject, thingId)
  }
  if (resource.kind === 'thing') refuseInlinePolicy(command)
  return { action: 'merged', thing: merged(before, resource, patch), value: patch }
}

function remove(before: JsonObject | undefined, command: ChangeCommand): Change {
  const { resource, thingId } = command
  if (resource.kind === 'policyId') {
    throw new DittoException(unknownCommand('things.commands:deletePolicyId'))
  }
  const existing = existingThing(before, thingId)
  requireIn(existing, resource, thingId)
  const thing = resource.kind === 'thing' ? undefined : removeAt(existing, resource.pointer)
  return { action: 'deleted', thing, value: undefined }
}

/** The thing after a merge patch of one of its resources. */
export function merged(thing: JsonObject, resource: Resource, patch: JsonValue): JsonObject {
  let whole = patch
  for (const segment of resource.pointer.toReversed()) {
    const parent: JsonObject = {}
    setOwn(parent, segment, whole)
    whole = parent
  }
  return mergePatch(thing, whole) as JsonObject
}

/**
 * The merge patch without what it would not change: Ditto's `if-equal: skip-minimizing-merge`.
 * Undefined when nothing is left.
 */
export function minimalPatch(
  current: JsonValue | undefined,
  patch: JsonValue,
): JsonValue | undefined {
  if (patch === null) return current === undefined ? undefined : null
  if (!isJsonObject(patch) || !isJsonObject(current)) {
    return isDeepStrictEqual(current, patch) ? undefined : patch
  }
  const minimal: JsonObject = {}
  for (const name of Object.keys(patch)) {
    const rest = minimalPatch(getAt(current, [name]), patch[name]!)
    if (rest !== undefined) setOwn(minimal, name, rest)
  }
  return Object.keys(minimal).length === 0 ? undefined : minimal
}

/**
 * A new thing; without a policy id it has the one of the thing itself, as in Ditto. Throws 400
 * `things:id.invalid`: an id that is none would be stored for ever.
 */
function created(given: JsonObject, thingId: string): Change {
  parseThingId(thingId)
  const thing = inOrder({ ...given, thingId, policyId: given.policyId ?? thingId })
  return { action: 'created', thing, value: thing }
}

function inOrder(thing: JsonObject): JsonObject {
  const { thingId, policyId, ...rest } = thing
  return { thingId: thingId!, policyId: policyId!, ...rest }
}

function existingThing(before: JsonObject | undefined, thingId: string): JsonObject {
  if (before === undefined) throw new DittoException(thingNotFound(thingId))
  return before
}

/** A policy can be given to a thing when it is created, and never again. */
function refuseInlinePolicy({ value, thingId }: ChangeCommand): void {
  if (isJsonObject(value) && ('_policy' in value || '_copyPolicyFrom' in value)) {
    throw new DittoException(inlinePolicyNotAllowed(thingId))
  }
}
