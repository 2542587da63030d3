/** What every connection says about its broker: where it listens, who we are, how TLS is checked. */
import { randomBytes } from 'node:crypto'
import type { Connection } from '../connection/types.ts'
import { type BrokerUri, parseBrokerUri } from '../connection/uri.ts'
import type { Endpoint, TlsSettings } from './socket.ts'

/** A broker, taken from the URI and the credentials of a validated connection. */
export interface Broker {
  readonly endpoint: Endpoint
  readonly username: string | undefined
  readonly password: string | undefined
  /** Of the URI, as written; empty when there is none. */
  readonly path: BrokerUri['path']
}

/** The broker of a connection. */
export function brokerOf(connection: Connection): Broker {
  const { host, port, secure, username, password, path } = parseBrokerUri(connection.uri)
  const endpoint = { host, port, tls: secure ? tlsSettings(connection) : undefined }
  return { endpoint, username, password, path }
}

/**
 * What is appended to an id by which a broker knows this client. Several clients need different ones:
 * Ditto appends a random text at every start, which would leave a persistent session and its
 * unacknowledged messages orphaned; the number of the client finds them again. That of a dry run is
 * random, so that it disturbs nobody.
 */
export function clientSuffix(connection: Connection, index: number, dryRun: boolean): string {
  if (dryRun) return `_test_${randomBytes(4).toString('hex')}`
  return connection.clientCount > 1 ? `_${index}` : ''
}

function tlsSettings({ ca, credentials, validateCertificates }: Connection): TlsSettings {
  const client = credentials?.type === 'client-cert' ? credentials : undefined
  return { ca, cert: client?.cert, key: client?.key, validateCertificates }
}
