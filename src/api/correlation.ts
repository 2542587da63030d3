/** Headers that every answer carries, errors too. Knows no resource. */
import { randomUUID } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'

/** What can stand in a header as it is; a query parameter may bring anything. */
const CORRELATION_ID = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/

/** Gives the correlation id of the request back, or one of our own. */
export const answerHeaders: MiddlewareHandler = async (c, next) => {
  await next()
  const id = [
    c.req.query('correlation-id'),
    c.req.header('x-correlation-id'),
    c.req.header('correlation-id'),
  ].find((given) => given !== undefined && CORRELATION_ID.test(given))
  c.header('correlation-id', id ?? randomUUID())
  c.header('X-Content-Type-Options', 'nosniff')
}
