/**
 * What a connection of type `mqtt` says about its sessions: endpoint, credentials, client ids, last
 * will, keep-alive (Ditto documentation, "MQTT 3.1.1 protocol binding", specific configuration).
 */
import { randomBytes } from 'node:crypto'
import type { Connection } from '../../connection/types.ts'
import type { Endpoint } from '../socket.ts'
import { ConnectError } from '../transport.ts'
import type { Qos } from './client.ts'

/** Settings of one client of a connection. */
export interface MqttSettings {
  readonly endpoint: Endpoint
  readonly username: string | undefined
  readonly password: string | undefined
  readonly clientId: string
  /** Undefined: the consuming client publishes too. */
  readonly publisherId: string | undefined
  /** False: the broker keeps subscriptions and unacknowledged messages for the next session. */
  readonly cleanSession: boolean
  readonly keepAliveSeconds: number
  readonly will: LastWill | undefined
  /** Undefined: a message that should be delivered again is acknowledged all the same. */
  readonly redeliveryDelayMs: number | undefined
}

export interface LastWill {
  readonly topic: string
  readonly payload: string
  readonly qos: Qos
  readonly retain: boolean
}

const DEFAULT_KEEP_ALIVE_MS = 60_000
const MAX_KEEP_ALIVE_SECONDS = 65_535
const DEFAULT_REDELIVERY_DELAY_MS = 10_000
const MIN_REDELIVERY_DELAY_MS = 1_000

/**
 * Reads the settings of client number `clientIndex`. Throws a {@link ConnectError} `misconfigured`
 * when a value cannot be used; validation at the edge has told the user before.
 */
export function toSettings(
  connection: Connection,
  clientIndex: number,
  dryRun: boolean,
): MqttSettings {
  const { specificConfig: config } = connection
  const uri = parseUri(connection.uri)
  const suffix = idSuffix(connection, clientIndex, dryRun)
  const clientId = config.clientId ?? connection.id
  const separate = config.separatePublisherClient === 'true'
  return {
    endpoint: {
      host: uri.host,
      port: uri.port,
      tls: uri.secure ? tlsSettings(connection) : undefined,
    },
    username: uri.username,
    password: uri.password,
    clientId: clientId + suffix,
    publisherId: separate ? (config.publisherId ?? `${clientId}p`) + suffix : undefined,
    cleanSession: dryRun || config.cleanSession === 'true',
    keepAliveSeconds: keepAliveSeconds(config.keepAlive),
    // A dry run must not announce anybody's death.
    will: dryRun ? undefined : lastWill(config),
    redeliveryDelayMs: redeliveryDelayMs(config),
  }
}

/**
 * Several clients need different ids. Ditto appends a random one at every start; with a persistent
 * session that would leave the old session, with its unacknowledged messages, orphaned at the broker.
 * So the number of the client is appended, and the session is found again.
 */
function idSuffix(connection: Connection, clientIndex: number, dryRun: boolean): string {
  if (dryRun) return `_test_${randomBytes(4).toString('hex')}`
  return connection.clientCount > 1 ? `_${clientIndex}` : ''
}

interface ParsedUri {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
}

/** Not `new URL`: its errors repeat the input, which holds the password. */
function parseUri(uri: string): ParsedUri {
  const parts = /^(tcp|ssl):\/\/(?:([^/]*)@)?(\[[^\]]+\]|[^:/@]+)(?::(\d+))?(?:\/.*)?$/.exec(uri)
  if (parts === null)
    throw misconfigured('The URI must look like tcp://host:port or ssl://host:port.')
  const [, scheme, userinfo, host = '', port] = parts
  const secure = scheme === 'ssl'
  const colon = userinfo?.indexOf(':') ?? -1
  return {
    secure,
    host: host.replace(/^\[|\]$/g, ''),
    port: port === undefined ? (secure ? 8883 : 1883) : Number(port),
    username: decode(colon === -1 ? userinfo : userinfo?.slice(0, colon)),
    password: decode(colon === -1 ? undefined : userinfo?.slice(colon + 1)),
  }
}

function decode(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    throw misconfigured('User name and password in the URI must be percent-encoded.')
  }
}

function tlsSettings({ ca, credentials, validateCertificates }: Connection): Endpoint['tls'] {
  const client = credentials?.type === 'client-cert' ? credentials : undefined
  return { ca, cert: client?.cert, key: client?.key, validateCertificates }
}

function keepAliveSeconds(text: string | undefined): number {
  const seconds = Math.ceil(durationMs('keepAlive', text, DEFAULT_KEEP_ALIVE_MS) / 1000)
  if (seconds <= MAX_KEEP_ALIVE_SECONDS) return seconds
  throw misconfigured(`keepAlive '${text}' is longer than ${MAX_KEEP_ALIVE_SECONDS} s.`)
}

function redeliveryDelayMs(config: Connection['specificConfig']): number | undefined {
  if (config.reconnectForRedelivery !== 'true') return undefined
  const key = 'reconnectForRedeliveryDelay'
  return Math.max(
    MIN_REDELIVERY_DELAY_MS,
    durationMs(key, config[key], DEFAULT_REDELIVERY_DELAY_MS),
  )
}

function lastWill(config: Connection['specificConfig']): LastWill | undefined {
  const topic = config.lastWillTopic
  if (topic === undefined || topic === '') return undefined
  const qos = Number(config.lastWillQos ?? 0)
  if (qos !== 0 && qos !== 1 && qos !== 2) {
    throw misconfigured(`lastWillQos '${config.lastWillQos}' is not 0, 1 or 2.`)
  }
  return {
    topic,
    payload: config.lastWillMessage ?? '',
    qos,
    retain: config.lastWillRetain === 'true',
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function durationMs(key: string, text: string | undefined, defaultMs: number): number {
  if (text === undefined) return defaultMs
  const parts = /^\s*(\d+)\s*(ms|s|m|h)?\s*$/.exec(text)
  if (parts === null) throw misconfigured(`${key} '${text}' is not a duration such as 30s.`)
  return Number(parts[1]) * UNIT_MS[parts[2] ?? 's']!
}

function misconfigured(message: string): ConnectError {
  return new ConnectError('misconfigured', 'misconfigured', message)
}
