/**
 * What expressions are evaluated on while they are measured: events of many things, and the messages
 * of devices that cause commands. No two are alike, so that nothing can be known beforehand; they are
 * read from Ditto Protocol, so that their objects are those of the service.
 */
import type { JsonObject } from '../../src/json/types.ts'
import { adaptableFromText } from '../../src/protocol/adaptable.ts'
import { entityIdOf } from '../../src/protocol/entity-id.ts'
import type { Signal, SignalKind } from '../../src/protocol/signal.ts'
import type { Delivery } from '../../src/transport/transport.ts'

/** Different signals, evaluated in turn. */
export const SIGNALS = 64

const NUMBERS = Array.from({ length: SIGNALS }, (_, number) => number)

/** Events of readings: some are created, most modified, some merged. */
export const events: readonly Signal[] = NUMBERS.map((number) => {
  const action = ['created', 'modified', 'modified', 'merged'][number % 4]
  return signalOf('twin-event', {
    topic: `bench/${deviceOf(number)}/things/twin/events/${action}`,
    headers: {
      'content-type': 'application/json',
      'correlation-id': correlationIdOf(number),
      room: `building-${number % 3}/hall-${number}`,
    },
    path: '/features/reading/properties',
    value: {
      temperature: 17.5 + (number % 16) / 2,
      unit: number % 8 === 0 ? 'kelvin' : 'celsius',
      serial: `SN-${1_000 + 37 * number}-${number % 5 === 0 ? 8 : 7}${number % 10}`,
    },
    revision: number + 1,
    timestamp: new Date(1_700_000_000_000 + number).toISOString(),
  })
})

/** Commands that devices send. */
export const commands: readonly Signal[] = NUMBERS.map((number) =>
  signalOf('twin-command', {
    topic: `bench/${deviceOf(number)}/things/twin/commands/modify`,
    headers: { 'content-type': 'application/json', 'correlation-id': correlationIdOf(number) },
    path: '/features/reading/properties/temperature',
    value: number,
  }),
)

/** The messages that brought the commands; half of the devices leave out the namespace. */
export const deliveries: readonly Delivery[] = NUMBERS.map((number) => {
  const topic = `bench/${deviceOf(number)}/in`
  const device = number % 2 === 0 ? `bench:${deviceOf(number)}` : deviceOf(number)
  return {
    message: { headers: { 'mqtt.topic': topic, device }, payload: String(number) },
    source: 0,
    address: topic,
    sourceAddress: 'bench/+/in',
    settle: () => undefined,
  }
})

function deviceOf(number: number): string {
  return `sensor-${100 + number}`
}

function correlationIdOf(number: number): string {
  return `8d1ac7a4-5f0e-4d3b-9d0c-${String(number).padStart(12, '0')}`
}

function signalOf(kind: SignalKind, envelope: JsonObject): Signal {
  const adaptable = adaptableFromText(JSON.stringify(envelope))
  const subjects = ['integration:bench']
  return { kind, adaptable, entityId: entityIdOf(adaptable.topic), origin: 'in', subjects }
}
