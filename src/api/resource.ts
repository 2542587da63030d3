/**
 * What the operations on one connection have in common. Knows neither the service nor the store.
 */
import type { Context } from 'hono'
import { connectionIdInvalid } from '../protocol/connectivity-errors.ts'
import { DittoException } from '../protocol/errors.ts'

const CONNECTION_ID = /^[a-zA-Z0-9\-_:]{1,100}$/

/** The id in the path. Throws 400 `connectivity:connection.id.invalid`. */
export function connectionId(c: Context): string {
  const id = c.req.param('id') ?? ''
  if (!CONNECTION_ID.test(id)) throw new DittoException(connectionIdInvalid(id))
  return id
}
