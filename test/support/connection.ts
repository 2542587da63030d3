/** Connections for tests: complete models from the few fields a test cares about. */
import type { Connection, Source, Target } from '../../src/connection/types.ts'

/** A source with these addresses. */
export function testSource(addresses: readonly string[], fields: Partial<Source> = {}): Source {
  return {
    addresses,
    consumerCount: 1,
    authorizationContext: ['test:subject'],
    headerMapping: {},
    payloadMapping: [],
    replyTarget: { enabled: false },
    declaredAcks: [],
    ...fields,
  }
}

/** A target with this address. */
export function testTarget(address: string, fields: Partial<Target> = {}): Target {
  return {
    address,
    topics: ['_/_/things/twin/events'],
    authorizationContext: ['test:subject'],
    headerMapping: {},
    payloadMapping: [],
    ...fields,
  }
}

/** A connection of type `mqtt`, unless the fields say otherwise. */
export function testConnection(fields: Partial<Connection>): Connection {
  return {
    id: 'test-connection',
    name: null,
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: 'tcp://127.0.0.1:1883',
    sources: [],
    targets: [],
    clientCount: 1,
    failoverEnabled: true,
    validateCertificates: true,
    processorPoolSize: 1,
    specificConfig: {},
    mappingDefinitions: {},
    tags: [],
    ...fields,
  }
}
