/**
 * Connections as JSON, in the order of members that Ditto writes. The only way out for readers is
 * {@link renderConnection}, which shows no secret.
 */
import type { JsonObject } from '../json/types.ts'
import { maskSecrets } from './secrets.ts'
import type {
  Connection,
  Credentials,
  MappingDefinition,
  ReplyTarget,
  Source,
  Target,
} from './types.ts'

/** The connection as the API shows it, secrets masked. */
export function renderConnection(connection: Connection): JsonObject {
  return connectionToJson(maskSecrets(connection))
}

/** The connection with its secrets in clear; parsing it again gives the same connection. */
export function connectionToJson(connection: Connection): JsonObject {
  const { credentials, sshTunnel } = connection
  return present({
    id: connection.id,
    name: connection.name,
    connectionType: connection.connectionType,
    connectionStatus: connection.connectionStatus,
    uri: connection.uri,
    sources: connection.sources.map(sourceToJson),
    targets: connection.targets.map(targetToJson),
    clientCount: connection.clientCount,
    failoverEnabled: connection.failoverEnabled,
    validateCertificates: connection.validateCertificates,
    processorPoolSize: connection.processorPoolSize,
    messagesPerSecond: connection.messagesPerSecond,
    specificConfig: unlessEmpty(connection.specificConfig),
    mappingDefinitions: unlessEmpty(mapDefinitions(connection.mappingDefinitions)),
    credentials: credentials && credentialsToJson(credentials),
    ca: connection.ca,
    sshTunnel: sshTunnel && {
      ...sshTunnel,
      credentials: credentialsToJson(sshTunnel.credentials),
    },
    tags: connection.tags,
  })
}

function sourceToJson(source: Source): JsonObject {
  const { enforcement, acknowledgementRequests } = source
  return present({
    addresses: source.addresses,
    consumerCount: source.consumerCount,
    qos: source.qos,
    authorizationContext: source.authorizationContext,
    enforcement: enforcement && { ...enforcement },
    acknowledgementRequests: acknowledgementRequests && { ...acknowledgementRequests },
    headerMapping: source.headerMapping,
    payloadMapping: unlessEmptyList(source.payloadMapping),
    replyTarget: replyTargetToJson(source.replyTarget),
    declaredAcks: unlessEmptyList(source.declaredAcks),
    messagesPerSecond: source.messagesPerSecond,
  })
}

function replyTargetToJson(target: ReplyTarget): JsonObject {
  return present({
    address: target.address,
    headerMapping: target.headerMapping,
    expectedResponseTypes: target.expectedResponseTypes,
    enabled: target.enabled,
  })
}

function targetToJson(target: Target): JsonObject {
  return present({
    address: target.address,
    topics: target.topics,
    qos: target.qos,
    authorizationContext: target.authorizationContext,
    issuedAcknowledgementLabel: target.issuedAcknowledgementLabel,
    overflow: target.overflow,
    headerMapping: target.headerMapping,
    payloadMapping: unlessEmptyList(target.payloadMapping),
  })
}

function mapDefinitions(definitions: Readonly<Record<string, MappingDefinition>>): JsonObject {
  return Object.fromEntries(
    Object.entries(definitions).map(([id, definition]) => [
      id,
      present({
        mappingEngine: definition.mappingEngine,
        options: definition.options,
        incomingConditions: unlessEmpty(definition.incomingConditions ?? {}),
        outgoingConditions: unlessEmpty(definition.outgoingConditions ?? {}),
      }),
    ]),
  )
}

function credentialsToJson(credentials: Credentials): JsonObject {
  if (!('tokenEndpoint' in credentials)) return present({ ...credentials })
  return present({ ...credentials, audience: credentials.audience ?? null })
}

/** Without the members that are undefined: JSON knows none. Types are shared, not copied. */
function present(members: object): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function unlessEmpty<T extends object>(object: T): T | undefined {
  return Object.keys(object).length === 0 ? undefined : object
}

function unlessEmptyList<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}
