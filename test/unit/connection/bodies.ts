/** Connections for the tests of this room: small right ones, to be changed by each test. */
import * as assert from 'uvu/assert'
import { DEFAULT_CONFIG } from '../../../src/config.ts'
import { type ParseOptions, parseConnection } from '../../../src/connection/model.ts'
import type { Connection, ConnectionType } from '../../../src/connection/types.ts'
import { validateConnection } from '../../../src/connection/validate.ts'
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

/** Made once for 100 years; its key was thrown away. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBQjCB9aADAgECAhQrilkHdA13Qvai2dyWIgFfMMDtCTAFBgMrZXAwFjEUMBIG
A1UEAwwLc2x1aWNlLXRlc3QwIBcNMjYxMTIyMjAzNzAwWhgPMjEyNjEwMjkyMDM3
MDBaMBYxFDASBgNVBAMMC3NsdWljZS10ZXN0MCowBQYDK2VwAyEAOQ0neeBqGfk6
5u5sjR9/gZ0CcIbL/WQpTwmuqqwLvJGjUzBRMB0GA1UdDgQWBBRGrLN39Te0kMKL
fBPG11DkOwgYADAfBgNVHSMEGDAWgBRGrLN39Te0kMKLfBPG11DkOwgYADAPBgNV
HRMBAf8EBTADAQH/MAUGAytlcANBAK2nbcgq80cblWjBefG8VCyNx/3s5NBrSzN9
Nzr91DTdIilkL7w79ohb/eZ9wpakyzabrmwLoyarrGeR9t/7kAQ=
-----END CERTIFICATE-----
`

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

/** Parses and validates a body with the default limits. */
export function validate(type: ConnectionType, changes: JsonObject): void {
  validateConnection(parse(body(type, changes)), DEFAULT_CONFIG.connections)
}

/** A body that is refused, and with what; without a description it is the one of all. */
export type Refusal = readonly [
  title: string,
  type: ConnectionType,
  changes: JsonObject,
  message: string,
  description?: string | undefined,
  error?: string,
]

/** Fails unless the body is refused with exactly that error, status 400 and no canary in it. */
export function assertRefused([, type, changes, message, description, error]: Refusal): void {
  const actual = errorOf(() => validate(type, changes))
  assert.is(actual.message, message)
  assert.is(
    actual.description,
    description ?? 'Make sure all required properties are set and valid in the configuration.',
  )
  assert.is(actual.error, error ?? 'connectivity:connection.configuration.invalid')
  assert.is(actual.status, 400)
  assert.not.match(JSON.stringify(actual), /canary/)
}
