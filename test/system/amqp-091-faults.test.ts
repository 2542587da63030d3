/** Faults of the network and of RabbitMQ, over AMQP 0.9.1. */
import { amqpFaults } from '../support/amqp-faults.ts'

amqpFaults({
  connectionType: 'amqp-091',
  queue: (name) => name,
  toQueue: (name) => `/${name}`,
  toExchange: (exchange, key) => `${exchange}/${key}`,
  specificConfig: {},
})
