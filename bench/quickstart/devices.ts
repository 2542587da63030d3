/** Simulated devices: each publishes a reading twice a second and listens for its replies. */
import { connectAsync, type MqttClient } from 'mqtt'

const INTERVAL_MS = 500

/** Running devices. */
export interface Devices {
  stop(): Promise<void>
}

/** Starts devices that publish to `devices/<name>/readings`. */
export async function startDevices(
  brokerPort: number,
  names: readonly string[],
  onReply: () => void,
): Promise<Devices> {
  const devices = await Promise.all(names.map((name) => startDevice(brokerPort, name, onReply)))
  return {
    async stop() {
      await Promise.all(devices.map((device) => device.stop()))
    },
  }
}

async function startDevice(port: number, name: string, onReply: () => void): Promise<Devices> {
  const client: MqttClient = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: name })
  client.on('message', onReply)
  await client.subscribeAsync(`devices/${name}/replies`)
  let temperature = 20 + Math.random() * 5
  const timer = setInterval(() => {
    temperature += Math.random() - 0.5
    const reading = { t: Number(temperature.toFixed(1)), h: Math.round(40 + Math.random() * 20) }
    client.publish(`devices/${name}/readings`, JSON.stringify(reading), { qos: 1 })
  }, INTERVAL_MS)
  return {
    async stop() {
      clearInterval(timer)
      await client.endAsync()
    },
  }
}
