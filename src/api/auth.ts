/**
 * Who may use the API: HTTP Basic authentication (RFC 7617) of the one DevOps user. Knows no
 * resource and not where the password comes from.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { authenticationFailed, renderError } from './errors.ts'

/** Whether these are the credentials of the DevOps user. */
export type VerifyDevops = (username: string, password: string) => boolean | Promise<boolean>

const CHALLENGE = 'Basic realm="DITTO-DEVOPS", charset="UTF-8"'
const BASIC = /^basic +([a-z0-9+/_-]+=*) *$/i

/** A check against one user that takes the same time whatever is wrong. */
export function createDevopsVerifier(username: string, password: string): VerifyDevops {
  const [expectedName, expectedPassword] = [digest(username), digest(password)]
  return (givenName, givenPassword) => {
    const nameFits = timingSafeEqual(digest(givenName), expectedName)
    const passwordFits = timingSafeEqual(digest(givenPassword), expectedPassword)
    return nameFits && passwordFits
  }
}

/** Lets requests of the DevOps user pass, and those for public paths; answers 401 to all others. */
export function requireDevops(
  verify: VerifyDevops,
  isPublic: (path: string) => boolean,
): MiddlewareHandler {
  return async (c, next) => {
    if (isPublic(c.req.path)) return next()
    const credentials = parseBasic(c.req.header('authorization'))
    if (credentials !== undefined && (await verify(...credentials))) return next()
    c.header('WWW-Authenticate', CHALLENGE)
    return renderError(
      c,
      authenticationFailed(
        credentials === undefined
          ? 'The request carries no credentials of HTTP Basic authentication.'
          : 'The DevOps user could not be authenticated.',
      ),
    )
  }
}

/** Digests have one length, whatever the text has: {@link timingSafeEqual} asks for that. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function parseBasic(header: string | undefined): readonly [string, string] | undefined {
  const encoded = header === undefined ? undefined : BASIC.exec(header)?.[1]
  if (encoded === undefined) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon < 0 ? undefined : [decoded.slice(0, colon), decoded.slice(colon + 1)]
}
