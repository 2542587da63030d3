/** The protocols that load can be sent and received with. */

import { amqp10Ends } from './amqp-10.ts'
import { amqp091Ends } from './amqp-091.ts'
import type { Ends, Protocol } from './end.ts'
import { mqttEnds } from './mqtt.ts'

export const ends: Readonly<Record<Protocol, Ends>> = {
  mqtt: mqttEnds,
  'amqp-091': amqp091Ends,
  'amqp-10': amqp10Ends,
}
