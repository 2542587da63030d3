/** Connections for the tests of this room: small right ones, to be changed by each test. */
import { type ParseOptions, parseConnection } from '../../../src/connection/model.ts'
import type { Connection, ConnectionType } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import { type DittoError, DittoException } from '../../../src/protocol/errors.ts'

const URIS: Readonly<Record<ConnectionType, string>> = {
  'amqp-091': 'amqp://broker:5672',
  'amqp-10': 'amqp://broker:5672',
  mqtt: 'tcp://broker:1883',
  'mqtt-5': 'tcp://broker:1883',
  kafka: 'tcp://broker:9092',
  'http-push': 'http://server:80',
  hono: '',
}

/** A source with these members added or replaced. */
export function source(changes: JsonObject = {}): JsonObject {
  return { addresses: ['in'], authorizationContext: ['subject'], ...changes }
}

/** A target with these members added or replaced. */
export function target(changes: JsonObject = {}): JsonObject {
  return { address: 'out', authorizationContext: ['subject'], ...changes }
}

/** The body of a connection of that type. */
export function body(connectionType: ConnectionType, changes: JsonObject = {}): JsonObject {
  return { connectionType, connectionStatus: 'open', uri: URIS[connectionType], ...changes }
}

/** Parses a body for the connection `my-id`. */
export function parse(json: unknown, mode: ParseOptions['mode'] = 'modify'): Connection {
  return parseConnection(json, { mode, id: 'my-id' })
}

/** The error that the action throws. */
export function errorOf(action: () => unknown): DittoError {
  try {
    action()
  } catch (thrown) {
    if (thrown instanceof DittoException) return thrown.error
    throw thrown
  }
  throw new Error('nothing was refused')
}
