/** Faults of the network and of RabbitMQ, over AMQP 0.9.1 and 1.0. */
import { amqpFaults } from '../support/amqp-faults.ts'
import { sized } from '../support/faults.ts'

amqpFaults([
  {
    connectionType: 'amqp-091',
    queue: (name) => name,
    toQueue: (name) => `/${name}`,
    toExchange: (exchange, key) => `${exchange}/${key}`,
    specificConfig: {},
  },
  {
    connectionType: 'amqp-10',
    queue: (name) => `/amq/queue/${name}`,
    toQueue: (name) => `/amq/queue/${name}`,
    toExchange: (exchange, key) => `/exchange/${exchange}/${key}`,
    specificConfig: { 'amqp.idleTimeout': sized('3000', '10000') },
  },
])
