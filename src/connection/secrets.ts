/**
 * The one place that knows which parts of a connection are secret: the password of a URI, and
 * fields of credentials. Masks them for readers, and puts them back when a reader sends the mask
 * back.
 */
import { failConfiguration } from './errors.ts'
import type { Connection, Credentials } from './types.ts'
import { MASK, replaceUriPassword } from './uri.ts'

export { MASK, redactUri } from './uri.ts'

/** Gives what shall stand in the place of a secret; the pointer says where (RFC 6901). */
export type SecretTransform = (pointer: string, secret: string) => string

const SECRET_FIELDS: Readonly<Record<Exclude<Credentials['type'], 'hmac'>, readonly string[]>> = {
  'client-cert': ['key'],
  plain: ['password'],
  'public-key': ['privateKey'],
  'oauth-client-credentials': ['clientSecret'],
  'oauth-password': ['clientSecret', 'password'],
}

/** Of HMAC credentials every parameter is secret but these: algorithms may come with new names. */
const PUBLIC_HMAC_PARAMETERS: ReadonlySet<string> = new Set([
  'region',
  'service',
  'doubleEncode',
  'canonicalHeaders',
  'xAmzContentSha256',
  'workspaceId',
  'sharedKeyName',
  'endpoint',
  'ttl',
])

/** Under these a wrong value could be a secret in the wrong place. */
const SECRET_ROOTS = ['/uri', '/credentials', '/sshTunnel'] as const

/** Whether an error may repeat the value at the pointer. */
export function mayBeShown(pointer: string): boolean {
  return pointer !== '' && !SECRET_ROOTS.some((root) => `${pointer}/`.startsWith(`${root}/`))
}

/** A copy in which every secret that is not empty is replaced by what `transform` gives. */
export function mapSecrets(connection: Connection, transform: SecretTransform): Connection {
  const { uri, credentials, sshTunnel } = connection
  return {
    ...connection,
    uri: replaceUriPassword(uri, (password) => transform('/uri', password)),
    ...(credentials && { credentials: mapCredentials(credentials, '/credentials', transform) }),
    ...(sshTunnel && {
      sshTunnel: {
        ...sshTunnel,
        uri: replaceUriPassword(sshTunnel.uri, (secret) => transform('/sshTunnel/uri', secret)),
        credentials: mapCredentials(sshTunnel.credentials, '/sshTunnel/credentials', transform),
      },
    }),
  }
}

/** The connection as readers see it: {@link MASK} for every secret. */
export function maskSecrets(connection: Connection): Connection {
  return mapSecrets(connection, () => MASK)
}

/** All secrets by their pointer; that of a URI as it stands there, URL-encoded. */
export function secretsOf(connection: Connection): ReadonlyMap<string, string> {
  const secrets = new Map<string, string>()
  mapSecrets(connection, (pointer, secret) => {
    secrets.set(pointer, secret)
    return secret
  })
  return secrets
}

/**
 * `next` with the stored secret wherever it carries the mask. Throws 400
 * `connectivity:connection.configuration.invalid` when nothing is stored there, as for every new
 * connection (`stored` undefined): the mask was copied from another one. And when the secret would be
 * sent elsewhere than before: a mask must not be a way to learn what it hides.
 */
export function restoreSecrets(next: Connection, stored: Connection | undefined): Connection {
  const known = stored === undefined ? new Map<string, string>() : secretsOf(stored)
  return mapSecrets(next, (pointer, secret) => {
    if (secret !== MASK) return secret
    const restored = known.get(pointer)
    if (stored === undefined || restored === undefined) return failMasked(pointer)
    if (receiverOf(next, pointer) !== receiverOf(stored, pointer)) failDiverted(pointer)
    return restored
  })
}

/** Who is sent the secret at the pointer; empty for keys, which prove themselves without being sent. */
function receiverOf({ uri, credentials, sshTunnel }: Connection, pointer: string): string {
  if (pointer === '/uri') return authorityOf(uri)
  const isTunnel = pointer.startsWith('/sshTunnel')
  const receiver = authorityOf(isTunnel ? (sshTunnel?.uri ?? '') : uri)
  if (pointer === '/sshTunnel/uri') return receiver
  const used = isTunnel ? sshTunnel?.credentials : credentials
  if (used !== undefined && 'tokenEndpoint' in used) return used.tokenEndpoint
  return used?.type === 'plain' ? receiver : ''
}

/** Scheme, user name, host and port. */
function authorityOf(uri: string): string {
  return /^[^/]*:\/\/[^/?#]*/.exec(replaceUriPassword(uri, () => MASK))?.[0] ?? ''
}

function failDiverted(pointer: string): never {
  failConfiguration(
    `The secret at <${pointer}> is masked, and the stored one was given for another receiver.`,
    `Scheme, user name, host or port have changed: replace ${MASK} by the secret itself.`,
  )
}

function failMasked(pointer: string): never {
  failConfiguration(
    `The secret at <${pointer}> is masked, but none is stored that it could stand for.`,
    `Replace ${MASK} by the secret itself.`,
  )
}

function mapCredentials(
  credentials: Credentials,
  pointer: string,
  transform: SecretTransform,
): Credentials {
  if (credentials.type === 'hmac') {
    const at = `${pointer}/parameters`
    const names = Object.keys(credentials.parameters).filter(
      (name) => !PUBLIC_HMAC_PARAMETERS.has(name),
    )
    return { ...credentials, parameters: mapFields(credentials.parameters, names, at, transform) }
  }
  return mapFields(credentials, SECRET_FIELDS[credentials.type], pointer, transform)
}

function mapFields<T extends object>(
  object: T,
  names: readonly string[],
  pointer: string,
  transform: SecretTransform,
): T {
  const copy = { ...object } as Record<string, unknown>
  for (const name of names) {
    const value = copy[name]
    if (typeof value !== 'string' || value === '') continue
    copy[name] = transform(`${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, value)
  }
  return copy as T
}
