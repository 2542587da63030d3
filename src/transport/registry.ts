/**
 * The bindings there are, by connection type. Client libraries load when a binding is first used, so
 * that whoever only asks what is supported pays for none of them.
 */
import type { ConnectionType } from '../connection/types.ts'
import type { TransportFactory } from './transport.ts'

/** Adding a protocol: its folder, and one line here. */
export const transports: Partial<Record<ConnectionType, () => Promise<TransportFactory>>> = {
  'amqp-10': async () => (await import('./amqp10/transport.ts')).createAmqp10Transport,
  'amqp-091': async () => (await import('./amqp091/transport.ts')).createAmqp091Transport,
  mqtt: async () => (await import('./mqtt/transport.ts')).createMqttTransport,
}

/** Whether connections of this type can be opened. */
export function isSupported(type: ConnectionType): boolean {
  return transports[type] !== undefined
}
