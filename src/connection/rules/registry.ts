/** Which rules belong to which connection type. */
import type { ConnectionType } from '../types.ts'
import { amqp10Rules, amqp091Rules } from './amqp.ts'
import { honoRules } from './hono.ts'
import { httpPushRules } from './http-push.ts'
import { kafkaRules } from './kafka.ts'
import { mqttRules } from './mqtt.ts'
import { mqtt5Rules } from './mqtt-5.ts'
import type { TypeRules } from './rule.ts'

export const RULES: Readonly<Record<ConnectionType, TypeRules>> = {
  'amqp-091': amqp091Rules,
  'amqp-10': amqp10Rules,
  mqtt: mqttRules,
  'mqtt-5': mqtt5Rules,
  kafka: kafkaRules,
  'http-push': httpPushRules,
  hono: honoRules,
}
