/** mqtt.js. */
import { connectAsync } from 'mqtt'
import type { Bare } from './bare.ts'

export const bareMqtt: Bare = {
  name: 'mqtt.js',
  async openPublisher({ port, address, qos }) {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4 })
    return (payload) => void client.publish(address, payload, { qos })
  },
  async consume({ port, address, qos }, publish) {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4 })
    client.on('message', (_topic, payload) => publish(payload))
    await client.subscribeAsync(address, { qos })
  },
}
