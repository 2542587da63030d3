/**
 * What the headers of a command demand of the current state before it may happen: `if-match`,
 * `if-none-match` (RFC 9110, section 13; Ditto documentation, "Conditional requests") and the entity
 * tags they name. Changes nothing.
 */
import { getAt } from '../json/pointer.ts'
import type { JsonValue } from '../json/types.ts'
import type { DittoHeaders } from '../protocol/adaptable.ts'
import { DittoException } from '../protocol/errors.ts'
import { headerText } from '../protocol/headers.ts'
import { thingPreconditionFailed } from '../protocol/things-errors.ts'
import { thingNotModified } from './errors.ts'
import { fnv1a } from './hash.ts'
import type { Resource } from './resources.ts'
import type { LivingThing } from './thing.ts'

/** The entity tag of a whole thing. */
export function etagOfRevision(revision: number): string {
  return `"rev:${revision}"`
}

/** The entity tag of a part of a thing, given as the JSON text it has where it is stored. */
export function etagOfText(json: string): string {
  return `"hash:${fnv1a(json).toString(16)}"`
}

/** The entity tag of what a resource is; undefined when there is nothing. */
export function etagOf(record: LivingThing | undefined, resource: Resource): string | undefined {
  if (record === undefined) return undefined
  if (resource.kind === 'thing') return etagOfRevision(record.revision)
  const value: JsonValue | undefined = getAt(record.thing, resource.pointer)
  return value === undefined ? undefined : etagOfText(JSON.stringify(value))
}

/**
 * Throws 412 `things:precondition.failed`, or 304 `things:precondition.notmodified` for a retrieve
 * whose `if-none-match` matches. As in Ditto, a part of a thing that does not exist, and what
 * retrieves and deletes do not find, is for the command to tell and no precondition.
 */
export function checkPreconditions(
  headers: DittoHeaders,
  action: string,
  record: LivingThing | undefined,
  resource: Resource,
): void {
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  if (ifMatch === undefined && ifNoneMatch === undefined) return
  if (record === undefined && resource.kind !== 'thing') return
  const etag = etagOf(record, resource)
  if (etag === undefined && (action === 'retrieve' || action === 'delete')) return
  if (ifMatch !== undefined && !matches(headerText(ifMatch), etag)) {
    throw failed('if-match', headerText(ifMatch), etag)
  }
  if (ifNoneMatch !== undefined && matches(headerText(ifNoneMatch), etag)) {
    if (action === 'retrieve') {
      throw new DittoException(thingNotModified(headerText(ifNoneMatch), String(etag)))
    }
    throw failed('if-none-match', headerText(ifNoneMatch), etag)
  }
}

/** Strong comparison with each tag of a comma-separated list; `*` is every tag there is. */
function matches(header: string, etag: string | undefined): boolean {
  if (etag === undefined) return false
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim() === etag)
}

function failed(header: string, expected: string, etag: string | undefined): DittoException {
  return new DittoException(thingPreconditionFailed(header, expected, String(etag ?? null)))
}
