/** amqplib: acknowledgements for a hundred messages at a time, and publisher confirms. */
import { connect } from 'amqplib'
import { type Bare, CONTENT_TYPE, CORRELATION_ID } from './bare.ts'

const PREFETCH = 1_000
const ACKNOWLEDGED_TOGETHER = 100

export const bareAmqp091: Bare = {
  name: 'amqplib',
  async openPublisher({ port, address }) {
    const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`)
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue(address)
    const options = {
      mandatory: true,
      persistent: true,
      contentType: CONTENT_TYPE,
      correlationId: CORRELATION_ID,
      headers: { 'content-type': CONTENT_TYPE, 'correlation-id': CORRELATION_ID },
    }
    const onConfirmed = (): void => {}
    return (payload) => void channel.publish('', address, payload, options, onConfirmed)
  },
  async consume({ port, address }, publish) {
    const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`)
    const channel = await connection.createChannel()
    await channel.assertQueue(address)
    await channel.prefetch(PREFETCH)
    let unacknowledged = 0
    await channel.consume(address, (message) => {
      if (message === null) return
      publish(message.content)
      unacknowledged += 1
      if (unacknowledged < ACKNOWLEDGED_TOGETHER) return
      unacknowledged = 0
      channel.ack(message, true)
    })
  },
}
