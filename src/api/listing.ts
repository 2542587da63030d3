/**
 * Which part of all connections a list shows: filters, and pages by cursor. Without parameters it shows
 * all, as Ditto does. The next page is where `Link` says (RFC 8288).
 */

import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { CONNECTION_TYPES } from '../connection/schema.ts'
import { type DittoError, DittoException, dittoError } from '../protocol/errors.ts'
import type { StoredConnection } from '../supervisor/service.ts'

const LIVE_STATUSES = ['open', 'closed', 'failed', 'misconfigured', 'unknown'] as const
const PAGE_MAX = 1_000

/** The query parameters of a list, for the OpenAPI document. */
export const listParameters = {
  tag: z.string().optional().openapi({ description: 'Only connections with this tag.' }),
  type: z.enum(CONNECTION_TYPES).optional().openapi({ description: 'Only of this type.' }),
  status: z
    .enum(LIVE_STATUSES)
    .optional()
    .openapi({ description: 'Only those that are in this live status.' }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(PAGE_MAX)
    .optional()
    .openapi({ description: 'So many at most; the next page is where the header Link says.' }),
  cursor: z.string().optional().openapi({ description: 'Where a page begins; taken from Link.' }),
}

/**
 * The connections that the request asks for, in the order given. Sets the header `Link` when there are
 * more. Throws 400 `connectivity:query.invalid` for a parameter that cannot be understood.
 */
export function pageOf(
  c: Context,
  all: readonly StoredConnection[],
  liveStatus: (id: string) => string,
): readonly StoredConnection[] {
  const tag = c.req.query('tag')
  const type = oneOf(c, 'type', CONNECTION_TYPES)
  const status = oneOf(c, 'status', LIVE_STATUSES)
  const after = cursorOf(c)
  const limit = limitOf(c)
  const page: StoredConnection[] = []
  for (const stored of all) {
    const { id, tags, connectionType } = stored.connection
    if (after !== undefined && id <= after) continue
    if (tag !== undefined && !tags.includes(tag)) continue
    if (type !== undefined && connectionType !== type) continue
    if (status !== undefined && liveStatus(id) !== status) continue
    if (page.length === limit) {
      c.header('Link', `<${nextPage(c, page.at(-1)!.connection.id)}>; rel="next"`)
      break
    }
    page.push(stored)
  }
  return page
}

function nextPage(c: Context, lastId: string): string {
  const url = new URL(c.req.url)
  url.searchParams.set('cursor', Buffer.from(lastId).toString('base64url'))
  return `${url.pathname}${url.search}`
}

function cursorOf(c: Context): string | undefined {
  const cursor = c.req.query('cursor')
  if (cursor === undefined) return undefined
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (/^[a-zA-Z0-9\-_:]{1,100}$/.test(id)) return id
  throw new DittoException(queryInvalid('cursor', cursor, 'Take it from the header Link.'))
}

function limitOf(c: Context): number {
  const text = c.req.query('limit')
  if (text === undefined) return Number.POSITIVE_INFINITY
  const limit = Number(text)
  if (/^\d{1,4}$/.test(text) && limit >= 1 && limit <= PAGE_MAX) return limit
  throw new DittoException(
    queryInvalid('limit', text, `Give a whole number from 1 to ${PAGE_MAX}.`),
  )
}

function oneOf<T extends string>(c: Context, name: string, known: readonly T[]): T | undefined {
  const text = c.req.query(name)
  if (text === undefined || known.includes(text as T)) return text as T | undefined
  throw new DittoException(queryInvalid(name, text, `Choose one of: ${known.join(', ')}.`))
}

function queryInvalid(name: string, value: string, hint: string): DittoError {
  const shown = value.slice(0, 100)
  return dittoError(
    400,
    'connectivity:query.invalid',
    `The value <${shown}> of the query parameter <${name}> is invalid.`,
    hint,
  )
}
