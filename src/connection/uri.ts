/**
 * Broker URIs (Ditto documentation, "Connections", `uri`): taking them apart, and hiding their
 * password. Which schemes a connection type accepts is not decided here.
 *
 * ```
 * uri = scheme "://" [ [ username ":" password ] "@" ] host ":" port [ path ]
 * ```
 */
import { connectionUriInvalid } from '../protocol/connectivity-errors.ts'
import { fail } from './errors.ts'

/** A broker URI in its parts. */
export interface BrokerUri {
  readonly scheme: string
  /** Whether the scheme stands for TLS. */
  readonly secure: boolean
  /** IPv6 addresses without their brackets. */
  readonly host: string
  readonly port: number
  /** As written, still URL-encoded; empty when there is none. */
  readonly path: string
  /** URL-decoded; user info without a colon counts as none, as in Ditto. */
  readonly username?: string
  readonly password?: string
}

/** What is shown instead of a secret. */
export const MASK = '*****'

const SECURE_SCHEMES: ReadonlySet<string> = new Set(['ssl', 'amqps', 'https'])

const MAX_PORT = 65_535

/** No query, no fragment, no `@` in the path: these are far more often part of a password. */
const SCHEME = /([a-zA-Z][\w+.-]*):\/\//
const USER_INFO = /(?:([^\s/?#@[\]\\"<>^`{|}]*)@)?/
const HOST_AND_PORT = /(\[[\da-fA-F:.]+\]|[\w.-]+):(\d{1,5})/
const PATH = /(\/[^\s?#@\\"<>^`{|}]*)?/
const PARTS = [SCHEME, USER_INFO, HOST_AND_PORT, PATH]
const BROKER_URI = new RegExp(`^${PARTS.map(({ source }) => source).join('')}$`)

/** Up to the password, the password, and from the `@` on. */
const PASSWORD = /^([^/?#]*:\/\/[^/?#@:]*:)([^/?#]*)(@.*)$/s

const PLAIN_AUTHORITY = /^(\[[^\]@]*\]|[^:@/?#]*)(:\d*)?(?=[/?#]|$)/

/**
 * Takes a broker URI apart. Throws 400 `connectivity:connection.uri.invalid` with the URI in it,
 * but never its password (unlike `new URL`, whose errors carry their input).
 */
export function parseBrokerUri(uri: string): BrokerUri {
  const match = BROKER_URI.exec(uri)
  const port = Number(match?.[4])
  if (match === null || port < 1 || port > MAX_PORT) return failUri(uri)
  const [, scheme, userInfo, host, , path] = match
  const colon = userInfo?.indexOf(':') ?? -1
  return {
    scheme: scheme!,
    secure: SECURE_SCHEMES.has(scheme!),
    host: host!.replace(/^\[|\]$/g, ''),
    port,
    path: path ?? '',
    ...(colon >= 0 && {
      username: decoded(uri, userInfo!.slice(0, colon)),
      password: decoded(uri, userInfo!.slice(colon + 1)),
    }),
  }
}

/**
 * The URI without its password, for errors and logs. Of what is no good URI everything that could
 * belong to a password is hidden: up to the last `@`, or all of it.
 */
export function redactUri(uri: string): string {
  if (BROKER_URI.test(uri)) return replaceUriPassword(uri, () => MASK)
  const separator = uri.indexOf('://')
  const start = separator < 0 ? 0 : separator + '://'.length
  const rest = uri.slice(start)
  const at = rest.lastIndexOf('@')
  if (at < 0 && PLAIN_AUTHORITY.test(rest)) return uri
  const username = /^[^:@/?#]*:/.exec(rest)?.[0] ?? ''
  return uri.slice(0, start) + username + MASK + (at < 0 ? '' : rest.slice(at))
}

/**
 * The URI with another password, both as they stand there: URL-encoded. Empty passwords are none.
 */
export function replaceUriPassword(uri: string, replace: (password: string) => string): string {
  const match = PASSWORD.exec(uri)
  if (match === null || match[2] === '') return uri
  return match[1]! + replace(match[2]!) + match[3]!
}

function decoded(uri: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return failUri(uri)
  }
}

function failUri(uri: string): never {
  fail(connectionUriInvalid(redactUri(uri)))
}
