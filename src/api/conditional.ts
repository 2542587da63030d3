/** Conditional requests (RFC 9110, section 13): the entity tag is the revision of a connection. */
import type { Context } from 'hono'
import { connectionPreconditionFailed } from '../protocol/connectivity-errors.ts'
import { DittoException } from '../protocol/errors.ts'

const TAG = /(?:W\/)?"[^"]*"|\*/g

/** The entity tag of a revision. */
export function entityTag(revision: number): string {
  return `"rev:${revision}"`
}

/** Whether the request carries a condition at all. */
export function isConditional(c: Context): boolean {
  return c.req.header('if-match') !== undefined || c.req.header('if-none-match') !== undefined
}

/**
 * Evaluates `If-Match` and `If-None-Match` against the tag of the stored revision. Says whether a
 * read is answered with 304; throws 412 `connectivity:precondition.failed`.
 */
export function isNotModified(c: Context, tag: string): boolean {
  const ifMatch = c.req.header('if-match')
  if (ifMatch !== undefined && !matches(ifMatch, tag, isSame)) fail('if-match', ifMatch, tag)
  const ifNoneMatch = c.req.header('if-none-match')
  if (ifNoneMatch === undefined || !matches(ifNoneMatch, tag, isWeaklySame)) return false
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return true
  fail('if-none-match', ifNoneMatch, tag)
}

function matches(
  header: string,
  tag: string,
  same: (given: string, tag: string) => boolean,
): boolean {
  return (header.match(TAG) ?? []).some((given) => given === '*' || same(given, tag))
}

/** Strong comparison: a weak tag is never the same. */
function isSame(given: string, tag: string): boolean {
  return given === tag
}

function isWeaklySame(given: string, tag: string): boolean {
  return given.replace(/^W\//, '') === tag
}

function fail(header: string, expected: string, actual: string): never {
  throw new DittoException(connectionPreconditionFailed(header, expected, actual))
}
