/** AMQP 1.0 with rhea; an address is a queue of RabbitMQ, which declares it. */
import rhea, { type Connection, type Sender } from 'rhea'
import type { Letters } from '../letters.ts'
import type { Ends, Outlet } from './end.ts'

const CREDIT = 1_000
/** Settled by the sender (AMQP 1.0, 2.8.2). */
const SETTLED = 1

export const amqp10Ends: Ends = {
  async openOutlet({ port, address }, letters, onEnd) {
    const connection = await openAmqp10(port, onEnd)
    const sender = connection.open_sender({ target: address, snd_settle_mode: SETTLED })
    await new Promise((resolve) => sender.once('sendable', resolve))
    return new Amqp10Outlet(connection, sender, letters)
  },

  async openInlet({ port, address }, sink) {
    const connection = await openAmqp10(port, (reason) => sink.onEnd(reason))
    const receiver = connection.open_receiver({
      source: address,
      snd_settle_mode: SETTLED,
      credit_window: CREDIT,
    })
    let scheduled = false
    const burst = (): void => {
      scheduled = false
      sink.onBurst()
    }
    receiver.on('message', ({ message }) => {
      const bytes = bytesOf(message.body)
      sink.onMessage(bytes, 0, bytes.length)
      if (scheduled) return
      scheduled = true
      setImmediate(burst)
    })
    await new Promise((resolve) => receiver.once('receiver_open', resolve))
    return { close: () => connection.close() }
  },
}

/** A connection to RabbitMQ that does not come back by itself. */
export async function openAmqp10(
  port: number,
  onEnd: (reason: string) => void,
): Promise<Connection> {
  const connection = rhea.create_container().connect({
    host: '127.0.0.1',
    port,
    username: 'guest',
    password: 'guest',
    reconnect: false,
  })
  connection.on('connection_error', ({ connection: { error } }) => onEnd(String(error)))
  connection.on('disconnected', () => onEnd('the broker closed the connection'))
  await new Promise((resolve) => connection.once('connection_open', resolve))
  return connection
}

/** The bytes of a body, whatever section it came in. */
export function bytesOf(body: unknown): Buffer {
  if (typeof body === 'string') return Buffer.from(body)
  if (Buffer.isBuffer(body)) return body
  return (body as { content: Buffer }).content
}

class Amqp10Outlet implements Outlet {
  readonly #connection: Connection
  readonly #sender: Sender
  readonly #letters: Letters
  /** Numbers that wait for credit. */
  #next = 0
  #end = 0

  constructor(connection: Connection, sender: Sender, letters: Letters) {
    this.#connection = connection
    this.#sender = sender
    this.#letters = letters
    sender.on('sendable', () => this.#flush())
  }

  get isFull(): boolean {
    return this.#next < this.#end
  }

  send(first: number, count: number): void {
    this.#end = first + count
    this.#flush()
  }

  post(): never {
    throw new Error('readings are all that is sent over AMQP 1.0')
  }

  close(): void {
    this.#connection.removeAllListeners('disconnected')
    this.#connection.close()
  }

  #flush(): void {
    while (this.#next < this.#end && this.#sender.sendable()) {
      const body = rhea.message.data_section(this.#letters.numbered(this.#next++))
      this.#sender.send({ body })
    }
  }
}
