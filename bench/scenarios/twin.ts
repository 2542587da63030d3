/**
 * The main job of the gateway: a reading comes in over MQTT, a script makes a command of it, the twin
 * applies it, and the event goes out over MQTT.
 */
import { startMosquitto } from '../../test/support/broker.ts'
import type { EndOrder } from '../peers/ends/end.ts'
import type { LoadOrder } from '../peers/load.ts'
import { BROKER_CONFIG } from './mosquitto.ts'
import type { Scenario, ScenarioSettings, Stage } from './scenario.ts'
import { stageOf } from './stage.ts'

export const twin: Scenario = {
  name: 'twin',
  summary: 'MQTT → JavaScript → twin → MQTT at QoS 0',
  qos: 0,
  prepare: (settings) => prepareTwin(settings),
}

const READING_TOPIC = 'bench/{device}/in'
const SETUP_TOPIC = 'bench-setup'
const EVENT_FILTER = 'bench-out/+'

/** Readings are not Ditto Protocol: this makes commands of them. */
const incomingScript = (
  work: string,
): string => `function mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) {
  const device = headers['mqtt.topic'].split('/')[1];
  const reading = JSON.parse(textPayload);
  ${work}
  return Ditto.buildDittoProtocolMsg(
    'bench', device, 'things', 'twin', 'commands', 'modify', '/features/reading/properties',
    { 'content-type': 'application/json', 'response-required': false },
    reading
  );
}`

/** A command in Ditto Protocol that creates the thing of a device. */
const SETUP_PAYLOAD = JSON.stringify({
  topic: 'bench/{device}/things/twin/commands/modify',
  headers: { 'response-required': false },
  path: '/',
  value: { thingId: 'bench:{device}', features: { reading: { properties: {} } } },
})

/** `work`: JavaScript that the script also does for each reading. */
export async function prepareTwin(settings: ScenarioSettings, work = ''): Promise<Stage> {
  const { qos } = settings
  const broker = await startMosquitto({ config: BROKER_CONFIG })
  const { port } = broker
  const order: LoadOrder = {
    ...settings,
    from: { protocol: 'mqtt', port, address: READING_TOPIC, qos },
    to: { protocol: 'mqtt', port, address: EVENT_FILTER, qos },
    envelope: '{reading}',
    setup: { address: SETUP_TOPIC, payload: SETUP_PAYLOAD },
  }
  const from: EndOrder = { ...order.from, address: filterOf(READING_TOPIC) }
  const to: EndOrder = { ...order.to, address: 'bench-out/relay' }
  return stageOf({
    connections: [inbound(port, qos, incomingScript(work)), outbound(port, qos)],
    order,
    relay: { from, to },
    stop: () => broker.stop(),
  })
}

function filterOf(topic: string): string {
  return topic.replace('{device}', '+')
}

function inbound(brokerPort: number, qos: 0 | 1, script: string): object {
  const authorizationContext = ['integration:bench']
  return {
    name: 'readings',
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: `tcp://127.0.0.1:${brokerPort}`,
    sources: [
      {
        addresses: [filterOf(READING_TOPIC)],
        qos,
        authorizationContext,
        payloadMapping: ['reading'],
        ...(qos === 1 && { acknowledgementRequests: { includes: ['twin-persisted'] } }),
      },
      { addresses: [SETUP_TOPIC], qos: 1, authorizationContext, payloadMapping: ['Ditto'] },
    ],
    mappingDefinitions: {
      reading: { mappingEngine: 'JavaScript', options: { incomingScript: script } },
    },
  }
}

/** A connection of its own: none receives the events that it caused itself. */
function outbound(brokerPort: number, qos: 0 | 1): object {
  return {
    name: 'events',
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: `tcp://127.0.0.1:${brokerPort}`,
    targets: [
      {
        address: 'bench-out/{{ thing:name }}',
        qos,
        topics: ['_/_/things/twin/events'],
        authorizationContext: ['integration:bench'],
      },
    ],
  }
}
