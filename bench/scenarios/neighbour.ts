/**
 * What a neighbour costs: the main way at QoS 0, while another connection's script burns its full time
 * on every message. With `--threads 1` both live on one thread; the latencies to compare with are those
 * of `twin` at the same `--rate`.
 */
import { connectAsync } from 'mqtt'
import { startMosquitto } from '../../test/support/broker.ts'
import { BROKER_CONFIG } from './mosquitto.ts'
import type { Scenario } from './scenario.ts'
import { prepareTwin } from './twin.ts'

export const neighbour: Scenario = {
  name: 'twin-beside-slow',
  summary: 'the same as twin, beside a connection whose script uses up its time on every message',
  qos: 0,
  prepare: async (settings) => {
    const stage = await prepareTwin(settings)
    const broker = await startMosquitto({ config: BROKER_CONFIG })
    const device = await connectAsync(broker.url())
    const feeding = setInterval(() => device.publish('slow', 'x'), FEED_MS)
    return {
      ...stage,
      connections: [...stage.connections, slow(broker.url())],
      stop: async () => {
        clearInterval(feeding)
        await device.endAsync(true)
        await Promise.all([stage.stop(), broker.stop()])
      },
    }
  },
}

/** More often than the script can take them. */
const FEED_MS = 20

function slow(uri: string): object {
  return {
    name: 'slow',
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri,
    sources: [
      {
        addresses: ['slow'],
        qos: 0,
        authorizationContext: ['integration:bench'],
        payloadMapping: ['slow'],
      },
    ],
    mappingDefinitions: {
      slow: {
        mappingEngine: 'JavaScript',
        options: { incomingScript: 'function mapToDittoProtocolMsg() { for (;;); }' },
      },
    },
  }
}
