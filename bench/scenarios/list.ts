/** All that can be measured, the default first. */
import { overload } from '../endurance/overload.ts'
import { soak } from '../endurance/soak.ts'
import { mapping } from '../mapping/mapping.ts'
import { expressions } from '../micro/expressions.ts'
import type { MicroBenchmark } from '../micro/micro.ts'
import { monitoring } from '../monitoring/monitoring.ts'
import type { FigureBenchmark } from '../support/figures.ts'
import { neighbour } from './neighbour.ts'
import { relay } from './relay.ts'
import type { Scenario } from './scenario.ts'
import { twin } from './twin.ts'
import { twinQos1 } from './twin-qos1.ts'

/** Ways through the service. */
export const scenarios: readonly Scenario[] = [
  twin,
  twinQos1,
  neighbour,
  relay('relay', 'mqtt', 'mqtt'),
  relay('relay-amqp-091', 'amqp-091', 'amqp-091'),
  relay('relay-amqp-10', 'amqp-10', 'amqp-10'),
  relay('relay-mqtt-to-amqp-091', 'mqtt', 'amqp-091'),
  relay('relay-amqp-091-to-amqp-10', 'amqp-091', 'amqp-10'),
  relay('relay-amqp-10-to-mqtt', 'amqp-10', 'mqtt'),
]

/** Parts of it, by themselves. */
export const microBenchmarks: readonly MicroBenchmark[] = [expressions]

/** What has a table of its own. */
export const figureBenchmarks: readonly FigureBenchmark[] = [mapping, monitoring, overload, soak]
