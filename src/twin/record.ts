/**
 * How a record is stored. This is a format on disk: what is written today must be readable for ever.
 *
 * ```
 * living  = revision " " created " " modified " " JSON of the thing
 * deleted = revision
 * ```
 * The JSON stands alone at the end, so that its length is the size of the thing.
 */
import type { ThingRecord } from './thing.ts'

/** The text that is stored for a record. */
export function encodeRecord(record: ThingRecord): string {
  if (record.thing === undefined) return String(record.revision)
  const { revision, created, modified, thing } = record
  return `${revision} ${created} ${modified} ${JSON.stringify(thing)}`
}

/** The record that a stored text is. Throws when it is none. */
export function decodeRecord(text: string): ThingRecord {
  const revisionEnd = text.indexOf(' ')
  if (revisionEnd === -1) return { thing: undefined, revision: revisionOf(text) }
  const createdEnd = text.indexOf(' ', revisionEnd + 1)
  const modifiedEnd = text.indexOf(' ', createdEnd + 1)
  return {
    thing: JSON.parse(text.slice(modifiedEnd + 1)),
    revision: revisionOf(text.slice(0, revisionEnd)),
    created: text.slice(revisionEnd + 1, createdEnd),
    modified: text.slice(createdEnd + 1, modifiedEnd),
    sizeBound: text.length - modifiedEnd - 1,
  }
}

function revisionOf(text: string): number {
  const revision = Number(text)
  if (!Number.isSafeInteger(revision) || revision < 1) {
    throw new SyntaxError(`A stored thing begins with "${text.slice(0, 20)}" and not a revision.`)
  }
  return revision
}
