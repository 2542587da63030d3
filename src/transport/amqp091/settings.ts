/**
 * What a connection of type `amqp-091` says about its sessions: endpoint, credentials, virtual host and
 * the name under which the broker lists them (Ditto documentation, "AMQP 0.9.1 protocol binding").
 */
import type { Connection } from '../../connection/types.ts'
import { brokerOf, clientSuffix } from '../endpoint.ts'
import type { Endpoint } from '../socket.ts'

/** How we introduce ourselves (SASL). */
export type Login =
  | { readonly mechanism: 'PLAIN'; readonly username: string; readonly password: string }
  /** By the client certificate. */
  | { readonly mechanism: 'EXTERNAL' }

/** Settings of one client of a connection. */
export interface AmqpSettings {
  readonly endpoint: Endpoint
  readonly login: Login
  readonly virtualHost: string
  /** What the broker's management shows as the name of the connection. */
  readonly name: string
}

const DEFAULT_VIRTUAL_HOST = '/'
/** What RabbitMQ and its clients agree on where nothing is said. */
const DEFAULT_USER = 'guest'

/** Reads the settings of client number `clientIndex` from a validated connection. */
export function toSettings(
  connection: Connection,
  clientIndex: number,
  dryRun: boolean,
): AmqpSettings {
  const { endpoint, username, password, path } = brokerOf(connection)
  return {
    endpoint,
    login: toLogin(username, password, endpoint.tls?.cert !== undefined),
    virtualHost: virtualHostOf(path),
    name: connection.id + clientSuffix(connection, clientIndex, dryRun),
  }
}

function toLogin(
  username: string | undefined,
  password: string | undefined,
  hasCertificate: boolean,
): Login {
  if (username === undefined && hasCertificate) return { mechanism: 'EXTERNAL' }
  return {
    mechanism: 'PLAIN',
    username: username ?? DEFAULT_USER,
    password: username === undefined ? DEFAULT_USER : (password ?? ''),
  }
}

/** The path without its slash, URL-decoded; an empty one stands for the default virtual host. */
function virtualHostOf(path: string): string {
  const encoded = path.slice(1)
  if (encoded === '') return DEFAULT_VIRTUAL_HOST
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}
