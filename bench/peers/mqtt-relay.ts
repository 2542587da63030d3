/**
 * The bare client library, a process of its own: receives readings with mqtt.js and publishes them as
 * they are. Nothing that uses this library can cost less; this is what the gateway is compared with.
 */
import { once } from 'node:events'
import { connectAsync } from 'mqtt'

/** What the relay is started with. */
export interface MqttRelayOrder {
  readonly brokerPort: number
  readonly qos: 0 | 1
  /** The readings; their second level is the device. */
  readonly filter: string
}

const [order] = (await once(process, 'message')) as [MqttRelayOrder]
process.on('disconnect', () => process.exit())
const { brokerPort, qos, filter } = order
const client = await connectAsync(`mqtt://127.0.0.1:${brokerPort}`, { protocolVersion: 4 })
client.on('message', (topic, payload) => {
  client.publish(`bench-out/${topic.split('/')[1]}`, payload, { qos })
})
await client.subscribeAsync(filter, { qos })
process.send?.({ kind: 'ready' })
