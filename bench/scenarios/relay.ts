/**
 * What Sluice adds to a message that it only hands on: a live message comes in as Ditto Protocol over
 * MQTT and leaves over MQTT as it is. No script, no twin.
 */
import { startMosquitto } from '../../test/support/broker.ts'
import type { MqttLoadOrder } from '../peers/mqtt-load.ts'
import type { MqttRelayOrder } from '../peers/mqtt-relay.ts'
import { BROKER_CONFIG } from './mosquitto.ts'
import type { Scenario, ScenarioSettings, Stage } from './scenario.ts'

export const relay: Scenario = {
  name: 'relay',
  summary: 'live messages from MQTT to MQTT: Ditto Protocol in and out, no script, no twin',
  qos: 0,
  prepare,
}

const AUTHORIZATION_CONTEXT = ['integration:bench']

/** A live message to a device's inbox around the reading. */
const ENVELOPE = JSON.stringify({
  topic: 'bench/{device}/things/live/messages/reading',
  headers: { 'content-type': 'application/json', 'response-required': false },
  path: '/inbox/messages/reading',
  value: '{reading}',
}).replace('"{reading}"', '{reading}')

async function prepare(settings: ScenarioSettings): Promise<Stage> {
  const { qos } = settings
  const broker = await startMosquitto({ config: BROKER_CONFIG })
  const generator: MqttLoadOrder = {
    ...settings,
    brokerPort: broker.port,
    readingTopic: 'bench/{device}/in',
    envelope: ENVELOPE,
    eventFilter: 'bench-out/+',
    setup: undefined,
  }
  const bare: MqttRelayOrder = { brokerPort: broker.port, qos, filter: 'bench/+/in' }
  const peer = { module: new URL('../peers/mqtt-load.ts', import.meta.url), order: generator }
  return {
    connections: [inbound(broker.port, qos), outbound(broker.port, qos)],
    generator: peer,
    baseline: {
      name: 'mqtt.js',
      relay: { module: new URL('../peers/mqtt-relay.ts', import.meta.url), order: bare },
      generator: peer,
    },
    stop: () => broker.stop(),
  }
}

function inbound(brokerPort: number, qos: 0 | 1): object {
  return {
    name: 'live messages in',
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: `tcp://127.0.0.1:${brokerPort}`,
    sources: [{ addresses: ['bench/+/in'], qos, authorizationContext: AUTHORIZATION_CONTEXT }],
  }
}

function outbound(brokerPort: number, qos: 0 | 1): object {
  return {
    name: 'live messages out',
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: `tcp://127.0.0.1:${brokerPort}`,
    targets: [
      {
        address: 'bench-out/{{ thing:name }}',
        qos,
        topics: ['_/_/things/live/messages'],
        authorizationContext: AUTHORIZATION_CONTEXT,
      },
    ],
  }
}
