/** AMQP 0.9.1 with amqplib; an address is a queue, which is declared. */
import { type Channel, connect } from 'amqplib'
import type { Letters } from '../letters.ts'
import type { Ends, Outlet } from './end.ts'

export const amqp091Ends: Ends = {
  async openOutlet({ port, address }, letters, onEnd) {
    const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`)
    connection.on('error', (error: Error) => onEnd(error.message))
    const channel = await connection.createChannel()
    await channel.assertQueue(address)
    return new Amqp091Outlet(channel, address, letters, () => void connection.close())
  },

  async openInlet({ port, address }, sink) {
    const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`)
    connection.on('error', (error: Error) => sink.onEnd(error.message))
    const channel = await connection.createChannel()
    await channel.assertQueue(address)
    let scheduled = false
    const burst = (): void => {
      scheduled = false
      sink.onBurst()
    }
    const onMessage = (message: { content: Buffer } | null): void => {
      if (message === null) {
        sink.onEnd(`queue ${address} is gone`)
        return
      }
      sink.onMessage(message.content, 0, message.content.length)
      if (scheduled) return
      scheduled = true
      setImmediate(burst)
    }
    await channel.consume(address, onMessage, { noAck: true })
    return { close: () => void connection.close() }
  },
}

class Amqp091Outlet implements Outlet {
  readonly #channel: Channel
  readonly #queue: string
  readonly #letters: Letters
  readonly close: () => void
  isFull = false

  constructor(channel: Channel, queue: string, letters: Letters, close: () => void) {
    this.#channel = channel
    this.#queue = queue
    this.#letters = letters
    this.close = close
    channel.on('drain', () => {
      this.isFull = false
    })
  }

  send(first: number, count: number): void {
    for (let number = first; number < first + count; number++) {
      this.isFull = !this.#channel.sendToQueue(this.#queue, this.#letters.numbered(number))
    }
  }

  post(queue: string, payload: Buffer): void {
    this.#channel.sendToQueue(queue, payload)
  }
}
