/** Faults of the network and of RabbitMQ, over AMQP 1.0. */
import { amqpFaults } from '../support/amqp-faults.ts'

amqpFaults({
  connectionType: 'amqp-10',
  queue: (name) => `/amq/queue/${name}`,
  toQueue: (name) => `/amq/queue/${name}`,
  toExchange: (exchange, key) => `/exchange/${exchange}/${key}`,
  specificConfig: { 'amqp.idleTimeout': '10000' },
})
