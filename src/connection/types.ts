/**
 * The connection model: the JSON of `/api/2/connections` after parsing, with every default filled
 * in. Field names are Ditto's. `model.ts` holds the schemas that produce these types.
 */
import type { JsonObject } from '../json/types.ts'

export type ConnectionType =
  | 'amqp-091'
  | 'amqp-10'
  | 'mqtt'
  | 'mqtt-5'
  | 'kafka'
  | 'http-push'
  | 'hono'

/** The desired status, as stored; only `open` starts clients. */
export type ConnectivityStatus = 'open' | 'closed' | 'failed' | 'misconfigured' | 'unknown'

export type ResponseType = 'response' | 'error' | 'nack'

/** What happens to a signal for which a target has no room. */
export type Overflow = 'block' | 'drop'

export type HeaderMapping = Readonly<Record<string, string>>

export interface Enforcement {
  readonly input: string
  readonly filters: readonly string[]
}

export interface AcknowledgementRequests {
  readonly includes: readonly string[]
  readonly filter?: string
}

export interface ReplyTarget {
  readonly enabled: boolean
  readonly address?: string
  readonly headerMapping?: HeaderMapping
  readonly expectedResponseTypes?: readonly ResponseType[]
}

export interface Source {
  readonly addresses: readonly string[]
  readonly consumerCount: number
  readonly qos?: number
  readonly authorizationContext: readonly string[]
  readonly enforcement?: Enforcement
  readonly acknowledgementRequests?: AcknowledgementRequests
  readonly headerMapping: HeaderMapping
  /** Ids of mapping definitions or mapper aliases; empty: the `Ditto` mapper. */
  readonly payloadMapping: readonly string[]
  readonly replyTarget: ReplyTarget
  readonly declaredAcks: readonly string[]
  readonly messagesPerSecond?: number
}

export interface Target {
  readonly address: string
  /** Normalised text: `topic?namespaces=a,b&filter=..&extraFields=..`, values URL-decoded. */
  readonly topics: readonly string[]
  readonly qos?: number
  readonly authorizationContext: readonly string[]
  readonly issuedAcknowledgementLabel?: string
  /** Undefined: `block` for signals whose acknowledgement by the target is wanted, else `drop`. */
  readonly overflow?: Overflow
  readonly headerMapping: HeaderMapping
  readonly payloadMapping: readonly string[]
}

export interface MappingDefinition {
  readonly mappingEngine: string
  readonly options: JsonObject
  readonly incomingConditions?: Readonly<Record<string, string>>
  readonly outgoingConditions?: Readonly<Record<string, string>>
}

export type Credentials =
  | { readonly type: 'client-cert'; readonly cert?: string; readonly key?: string }
  | { readonly type: 'plain'; readonly username: string; readonly password: string }
  | {
      readonly type: 'public-key'
      readonly username: string
      readonly publicKey: string
      readonly privateKey: string
    }
  | { readonly type: 'hmac'; readonly algorithm: string; readonly parameters: JsonObject }
  | {
      readonly type: 'oauth-client-credentials'
      readonly tokenEndpoint: string
      readonly clientId: string
      readonly clientSecret: string
      readonly requestedScopes: string
      readonly audience?: string | null
    }
  | {
      readonly type: 'oauth-password'
      readonly tokenEndpoint: string
      readonly clientId: string
      readonly clientSecret?: string | null
      readonly requestedScopes: string
      readonly audience?: string | null
      readonly username: string
      readonly password: string
    }

export interface SshTunnel {
  readonly enabled: boolean
  readonly credentials: Credentials
  readonly validateHost: boolean
  readonly knownHosts: readonly string[]
  readonly uri: string
}

/** A connection, parsed and validated; secrets in clear, as the engine needs them. */
export interface Connection {
  readonly id: string
  readonly name: string | null
  readonly connectionType: ConnectionType
  readonly connectionStatus: ConnectivityStatus
  readonly uri: string
  readonly sources: readonly Source[]
  readonly targets: readonly Target[]
  readonly clientCount: number
  readonly failoverEnabled: boolean
  readonly validateCertificates: boolean
  readonly processorPoolSize: number
  /** Of all clients and sources together. */
  readonly messagesPerSecond?: number
  readonly specificConfig: Readonly<Record<string, string>>
  readonly mappingDefinitions: Readonly<Record<string, MappingDefinition>>
  readonly credentials?: Credentials
  readonly ca?: string
  readonly sshTunnel?: SshTunnel
  readonly tags: readonly string[]
}
