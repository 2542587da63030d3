/**
 * Opens the TCP or TLS socket under a session and says in one classified error why it could not.
 * Knows no protocol above TLS and no credentials but the client certificate.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { isOutOfDescriptors, OUT_OF_DESCRIPTORS } from './descriptors.ts'
import { lookupName } from './names.ts'
import { ConnectError } from './transport.ts'

/** Where a broker listens. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  /** Undefined: plain TCP. */
  readonly tls: TlsSettings | undefined
}

/** TLS of the client side; PEM texts. */
export interface TlsSettings {
  /** Trust anchors instead of the system's. */
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  /** False: neither the broker's certificate nor its host name is checked. */
  readonly validateCertificates: boolean
}

/**
 * A connected socket, for TLS after the handshake. Rejects with a {@link ConnectError}; an aborted
 * `signal` closes the socket and rejects with its reason.
 */
export async function openSocket(endpoint: Endpoint, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const socket = connectSocket(endpoint)
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const onAbort = (): void => reject(signal.reason)
  const onEnd = (): void => reject(new Error('the other side closed the connection'))
  let connected = false
  socket.once('connect', () => {
    connected = true
  })
  const ready = endpoint.tls === undefined ? 'connect' : 'secureConnect'
  socket.once(ready, () => resolve(socket))
  socket.once('error', reject)
  socket.once('end', onEnd)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await promise
  } catch (error) {
    socket.destroy()
    if (error === signal.reason) throw error
    throw connected ? tlsError(error, endpoint) : unreachable(error, endpoint)
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.removeListener('end', onEnd)
    // Until its owner listens, a late error must not end the process.
    socket.removeListener('error', reject)
    socket.on('error', ignore)
  }
}

/** Whether an error comes from TLS, also when the peer's alert arrives after the handshake. */
export function isTlsFailure(error: unknown): boolean {
  const code = errorCode(error)
  return code !== undefined && (/^ERR_(SSL|TLS|OSSL)/.test(code) || CERTIFICATE_CODES.has(code))
}

/** The failure of a TLS handshake: the user's to mend, unless the peer just went away. */
export function tlsError(error: unknown, endpoint: Endpoint): ConnectError {
  const mendable = isTlsFailure(error)
  return new ConnectError(
    'tls',
    mendable ? 'misconfigured' : 'failed',
    `TLS handshake with '${endpoint.host}:${endpoint.port}' failed: ${errorText(error)}. ` +
      (mendable
        ? "Check 'ca', 'validateCertificates', the client certificate and the host name in the URI."
        : 'Make sure that the broker speaks TLS on this port.'),
    { cause: error },
  )
}

/** One line for what went wrong with a socket; covers the several addresses of one host name. */
export function errorText(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorText(error.errors[0])
  if (error instanceof Error) return error.message
  return String(error)
}

function connectSocket({ host, port, tls }: Endpoint): Socket | TLSSocket {
  // Small packets are written together already; Nagle's delay would only add latency.
  const base = { host, port, noDelay: true, lookup: lookupName }
  if (tls === undefined) return connectTcp(base)
  try {
    return connectTls({ ...base, ...tlsOptions(host, tls) })
  } catch (error) {
    // A PEM text that OpenSSL cannot read.
    throw tlsError(error, { host, port, tls })
  }
}

/** Node's options for TLS with `host`; for clients that open their sockets themselves. */
export function tlsOptions(
  host: string,
  tls: TlsSettings,
): Pick<ConnectionOptions, 'rejectUnauthorized' | 'servername' | 'ca' | 'cert' | 'key'> {
  return {
    rejectUnauthorized: tls.validateCertificates,
    ...(isIP(host) === 0 && { servername: host }),
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
  }
}

/** There is no TCP connection; unknown host names are the user's to mend. */
export function unreachable(error: unknown, { host, port }: Endpoint): ConnectError {
  const advice = isOutOfDescriptors(error)
    ? OUT_OF_DESCRIPTORS
    : 'Make sure the endpoint is reachable and that no firewall prevents the connection.'
  return new ConnectError(
    'unreachable',
    errorCode(error) === 'ENOTFOUND' ? 'misconfigured' : 'failed',
    `Could not establish a connection on '${host}:${port}'. ${advice} Reason: ${errorText(error)}`,
    { cause: error },
  )
}

function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

function ignore(): void {}

/** Codes of OpenSSL's certificate checks as Node reports them (tls.TLSSocket#authorizationError). */
const CERTIFICATE_CODES = new Set([
  'EPROTO',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_CHAIN_TOO_LONG',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
