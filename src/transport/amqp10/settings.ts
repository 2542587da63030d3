/**
 * What a connection of type `amqp-10` says about its sessions: endpoint, credentials, identity and time
 * limits (Ditto documentation, "AMQP 1.0 protocol binding"; Qpid JMS documentation for the options).
 */
import type { Connection } from '../../connection/types.ts'
import { brokerOf, clientSuffix } from '../endpoint.ts'
import type { Endpoint } from '../socket.ts'
import { ConnectError, type TransportOptions } from '../transport.ts'
import { reviewOptions } from './options.ts'
import type { Introduction, SaslMechanism, SaslMechanisms } from './rhea.ts'

/** Settings of one client of a connection. Times are in milliseconds. */
export interface AmqpSettings extends Introduction {
  readonly endpoint: Endpoint
  readonly connectTimeoutMs: number
  /** How long a message may wait for the broker's outcome. */
  readonly sendTimeoutMs: number
  /** How long the broker may take to attach a link. */
  readonly requestTimeoutMs: number
  /** How long the broker may take to say goodbye. */
  readonly closeTimeoutMs: number
  /** Names of options that have no effect here. */
  readonly ignoredOptions: readonly string[]
}

const DEFAULT_IDLE_TIMEOUT_MS = 60_000
const DEFAULT_REQUEST_TIMEOUT_MS = 5_000
const DEFAULT_MAX_FRAME_BYTES = 1_048_576
/** No frame may be limited to less (AMQP 1.0, section 2.7.1). */
const MIN_FRAME_BYTES = 512
const MAX_FRAME_BYTES = 4_294_967_295
/** Whoever closes a connection does not wait longer, whatever the options say. */
const CLOSE_TIMEOUT_MS = 1_000
/** The longest time a timer of Node can wait. */
const MAX_TIMEOUT_MS = 2_147_483_647

/** What the settings depend on. */
export type SettingsInput = Pick<
  TransportOptions,
  'connection' | 'clientIndex' | 'dryRun' | 'connectTimeoutMs' | 'publishTimeoutMs'
>

/** Reads the settings of one client; throws a {@link ConnectError} for options that cannot be had. */
export function toSettings(input: SettingsInput): AmqpSettings {
  const { connection, clientIndex, dryRun, connectTimeoutMs, publishTimeoutMs } = input
  const { specificConfig: config } = connection
  const { ignored, refused } = reviewOptions(config)
  if (refused.length > 0) fail(refused.join(' '))
  const { endpoint, username, password } = broker(connection)
  const numbers = new Numbers(config)
  return {
    endpoint,
    containerId:
      (config['jms.clientID'] || connection.id) + clientSuffix(connection, clientIndex, dryRun),
    hostname: config['amqp.vhost'] ?? endpoint.host,
    idleTimeoutMs: numbers.milliseconds('amqp.idleTimeout', DEFAULT_IDLE_TIMEOUT_MS),
    maxFrameBytes: numbers.frameBytes('amqp.maxFrameSize'),
    mechanisms:
      config['amqp.saslLayer'] === 'false'
        ? undefined
        : toMechanisms(connection, username, password),
    connectTimeoutMs: Math.min(
      connectTimeoutMs,
      numbers.limit('jms.connectTimeout'),
      numbers.limit('transport.connectTimeout'),
    ),
    sendTimeoutMs: Math.min(publishTimeoutMs, numbers.limit('jms.sendTimeout')),
    requestTimeoutMs: numbers.limit('jms.requestTimeout', DEFAULT_REQUEST_TIMEOUT_MS),
    closeTimeoutMs: Math.min(CLOSE_TIMEOUT_MS, numbers.limit('jms.closeTimeout')),
    ignoredOptions: ignored,
  }
}

/** Endpoint and name; credentials of their own win over those of the URI. */
function broker(connection: Connection): ReturnType<typeof brokerOf> {
  const { credentials } = connection
  const found = brokerOf(connection)
  if (credentials === undefined || credentials.type === 'client-cert') return found
  if (credentials.type !== 'plain') {
    fail(`Credentials of type '${credentials.type}' are not supported for AMQP 1.0.`)
  }
  return { ...found, username: credentials.username, password: credentials.password }
}

/** The strongest first: a client certificate says more than a password. */
function toMechanisms(
  { credentials, specificConfig }: Connection,
  username: string | undefined,
  password: string | undefined,
): SaslMechanisms {
  const possible: Record<string, () => SaslMechanism> = {
    ...(credentials?.type === 'client-cert' && { EXTERNAL: () => answering('') }),
    ...(username !== undefined && { PLAIN: () => answering(`\0${username}\0${password ?? ''}`) }),
  }
  if (Object.keys(possible).length === 0) possible.ANONYMOUS = () => answering('anonymous')
  const wanted = specificConfig['amqp.saslMechanisms']?.split(',').map((name) => name.trim())
  if (wanted === undefined) return possible
  const allowed = Object.entries(possible).filter(([name]) => wanted.includes(name))
  if (allowed.length === 0) {
    fail(
      `Option 'amqp.saslMechanisms' allows ${wanted.join(', ')}, but the connection has what it ` +
        `takes for ${Object.keys(possible).join(', ')}.`,
    )
  }
  return Object.fromEntries(allowed)
}

/** A mechanism with one answer to everything. rhea's own PLAIN cuts names that are not ASCII. */
function answering(text: string): SaslMechanism {
  const response = Buffer.from(text)
  return {
    start: (answer) => answer(undefined, response),
    step: (_challenge, answer) => answer(undefined, response),
  }
}

/** Reads numbers, and says which one is none. */
class Numbers {
  readonly #config: Connection['specificConfig']

  constructor(config: Connection['specificConfig']) {
    this.#config = config
  }

  milliseconds(name: string, defaultMs: number): number {
    return this.#read(name, 0, MAX_TIMEOUT_MS) ?? defaultMs
  }

  /** A time limit; 0 and below mean none, as in Qpid JMS. */
  limit(name: string, defaultMs = MAX_TIMEOUT_MS): number {
    const value = this.#read(name, -MAX_TIMEOUT_MS, MAX_TIMEOUT_MS) ?? defaultMs
    return value > 0 ? value : MAX_TIMEOUT_MS
  }

  frameBytes(name: string): number {
    return this.#read(name, MIN_FRAME_BYTES, MAX_FRAME_BYTES) ?? DEFAULT_MAX_FRAME_BYTES
  }

  #read(name: string, min: number, max: number): number | undefined {
    const text = this.#config[name]
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || value < min || value > max) {
      fail(`Option '${name}' is '${text}', but must be a whole number between ${min} and ${max}.`)
    }
    return value
  }
}

function fail(message: string): never {
  throw new ConnectError('misconfigured', 'misconfigured', message)
}
