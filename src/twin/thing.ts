/** What a partition keeps for a thing, and the views of it that leave the twin. Knows no command. */
import type { JsonObject } from '../json/types.ts'

/**
 * The state of a thing, immutable: every change makes a new one. Of a deleted thing only the revision
 * is left, so that a thing created again under its id goes on counting (as in Ditto).
 */
export type ThingRecord = LivingThing | DeletedThing

/** A thing that exists. */
export interface LivingThing {
  /** Members in Ditto's order: thingId, policyId, definition, attributes, features. */
  readonly thing: JsonObject
  /** Counts every change of the thing, 1 for its creation. */
  readonly revision: number
  /** ISO-8601 instants. */
  readonly created: string
  readonly modified: string
  /** No fewer characters than the thing has as JSON; see {@link sizeOf}. */
  readonly sizeBound: number
}

/** What is remembered of a deleted thing. */
export interface DeletedThing {
  readonly thing: undefined
  readonly revision: number
}

/** Characters that a thing may have as JSON; Ditto's `LIMITS_THINGS_MAX_SIZE`, counted as Ditto does. */
export const DEFAULT_MAX_THING_CHARS = 100 * 1024

/** Characters of the JSON text of a thing. */
export function sizeOf(thing: JsonObject): number {
  return JSON.stringify(thing).length
}

/**
 * The thing with what Ditto knows about it beside its own members: `_namespace`, `_revision`, `_created`
 * and `_modified` (Ditto documentation, "Thing – Special fields").
 */
export function withSpecialFields(record: LivingThing): JsonObject {
  const thingId = String(record.thing.thingId)
  return {
    ...record.thing,
    _namespace: thingId.slice(0, thingId.indexOf(':')),
    _revision: record.revision,
    _created: record.created,
    _modified: record.modified,
  }
}
