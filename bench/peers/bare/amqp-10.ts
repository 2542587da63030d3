/** rhea: unsettled deliveries both ways, accepted one by one; rhea merges the dispositions of a turn. */
import rhea from 'rhea'
import { bytesOf, openAmqp10 } from '../ends/amqp-10.ts'
import { type Bare, CONTENT_TYPE, CORRELATION_ID } from './bare.ts'

const CREDIT = 1_000

export const bareAmqp10: Bare = {
  name: 'rhea',
  async openPublisher({ port, address }) {
    const connection = await openAmqp10(port, () => process.exit(1))
    const sender = connection.open_sender(address)
    const properties = {
      durable: true,
      to: address,
      content_type: CONTENT_TYPE,
      correlation_id: CORRELATION_ID,
    }
    const waiting: Buffer[] = []
    const flush = (): void => {
      while (waiting.length > 0 && sender.sendable()) {
        sender.send({ ...properties, body: rhea.message.data_section(waiting.shift()!) })
      }
    }
    sender.on('sendable', flush)
    await new Promise((resolve) => sender.once('sendable', resolve))
    return (payload) => {
      waiting.push(payload)
      flush()
    }
  },
  async consume({ port, address }, publish) {
    const connection = await openAmqp10(port, () => process.exit(1))
    const receiver = connection.open_receiver({ source: address, credit_window: CREDIT })
    receiver.on('message', ({ message }) => publish(bytesOf(message.body)))
    await new Promise((resolve) => receiver.once('receiver_open', resolve))
  },
}
