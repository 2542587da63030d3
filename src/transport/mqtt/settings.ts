/**
 * What a connection of type `mqtt` says about its sessions: endpoint, credentials, client ids, last
 * will, keep-alive (Ditto documentation, "MQTT 3.1.1 protocol binding", specific configuration).
 */
import type { Connection } from '../../connection/types.ts'
import { parseDurationMs } from '../../protocol/duration.ts'
import { brokerOf, clientSuffix } from '../endpoint.ts'
import type { Endpoint } from '../socket.ts'
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
const DEFAULT_REDELIVERY_DELAY_MS = 10_000
const MIN_REDELIVERY_DELAY_MS = 1_000

/** Reads the settings of client number `clientIndex` from a validated connection. */
export function toSettings(
  connection: Connection,
  clientIndex: number,
  dryRun: boolean,
): MqttSettings {
  const { specificConfig: config } = connection
  const { endpoint, username, password } = brokerOf(connection)
  const suffix = clientSuffix(connection, clientIndex, dryRun)
  const clientId = config.clientId ?? connection.id
  const separate = config.separatePublisherClient === 'true'
  return {
    endpoint,
    username,
    password,
    clientId: clientId + suffix,
    publisherId: separate ? (config.publisherId ?? `${clientId}p`) + suffix : undefined,
    cleanSession: dryRun || config.cleanSession === 'true',
    keepAliveSeconds: Math.ceil(durationMs(config.keepAlive, DEFAULT_KEEP_ALIVE_MS) / 1000),
    // A dry run must not announce anybody's death.
    will: dryRun ? undefined : lastWill(config),
    redeliveryDelayMs: redeliveryDelayMs(config),
  }
}

function redeliveryDelayMs(config: Connection['specificConfig']): number | undefined {
  if (config.reconnectForRedelivery !== 'true') return undefined
  const delayMs = durationMs(config.reconnectForRedeliveryDelay, DEFAULT_REDELIVERY_DELAY_MS)
  return Math.max(MIN_REDELIVERY_DELAY_MS, delayMs)
}

function lastWill(config: Connection['specificConfig']): LastWill | undefined {
  const topic = config.lastWillTopic
  if (topic === undefined || topic === '') return undefined
  return {
    topic,
    payload: config.lastWillMessage ?? '',
    qos: Number(config.lastWillQos ?? 0) as Qos,
    retain: config.lastWillRetain === 'true',
  }
}

function durationMs(text: string | undefined, defaultMs: number): number {
  return (text === undefined ? undefined : parseDurationMs(text)) ?? defaultMs
}
