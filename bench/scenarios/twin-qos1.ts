/** The same way as `twin`, with nothing lost: each reading is acknowledged when its change is durable. */
import type { Scenario } from './scenario.ts'
import { prepareTwin } from './twin.ts'

export const twinQos1: Scenario = {
  name: 'twin-qos1',
  summary: 'the same at QoS 1: readings are acknowledged when the twin has them on disk',
  qos: 1,
  prepare: prepareTwin,
}
