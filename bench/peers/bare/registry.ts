/** The client libraries that the gateway is compared with. */
import type { Protocol } from '../ends/end.ts'
import { bareAmqp10 } from './amqp-10.ts'
import { bareAmqp091 } from './amqp-091.ts'
import type { Bare } from './bare.ts'
import { bareMqtt } from './mqtt.ts'

export const bare: Readonly<Record<Protocol, Bare>> = {
  mqtt: bareMqtt,
  'amqp-091': bareAmqp091,
  'amqp-10': bareAmqp10,
}
