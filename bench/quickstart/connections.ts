/** The two example connections of the quickstart: one brings readings in, one carries events out. */

/** What the devices send is not Ditto Protocol: this script makes it so. */
export const INCOMING_SCRIPT = `function mapToDittoProtocolMsg(headers, textPayload, bytePayload) {
  const reading = JSON.parse(textPayload);
  const device = headers['mqtt.topic'].split('/')[1];
  return Ditto.buildDittoProtocolMsg(
    'demo', device, 'things', 'twin', 'commands', 'merge', '/',
    { 'content-type': 'application/merge-patch+json' },
    { features: { environment: { properties: { temperature: reading.t, humidity: reading.h } } } }
  );
}`

/** Consumes readings, maps them to merge commands for the devices' twins, answers each device. */
export function inboundConnection(brokerPort: number) {
  return {
    name: 'readings from devices',
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: `tcp://127.0.0.1:${brokerPort}`,
    sources: [
      {
        addresses: ['devices/+/readings'],
        qos: 1,
        authorizationContext: ['integration:quickstart'],
        payloadMapping: ['readings'],
        replyTarget: { enabled: true, address: 'devices/{{ thing:name }}/replies' },
      },
    ],
    mappingDefinitions: {
      readings: { mappingEngine: 'JavaScript', options: { incomingScript: INCOMING_SCRIPT } },
    },
  }
}

/** Publishes what changed in the twins, in Ditto Protocol. */
export function outboundConnection(brokerPort: number) {
  return {
    name: 'events of twins',
    connectionType: 'mqtt',
    connectionStatus: 'open',
    uri: `tcp://127.0.0.1:${brokerPort}`,
    targets: [
      {
        address: 'twins/{{ thing:name }}/events',
        qos: 0,
        topics: ['_/_/things/twin/events?filter=exists(features/environment)'],
        authorizationContext: ['integration:quickstart'],
      },
    ],
  }
}
