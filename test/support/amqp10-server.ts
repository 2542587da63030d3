/**
 * A peer for AMQP 1.0 that does on demand what RabbitMQ 3 cannot: grant no credit, modify and release,
 * detach with an error, offer a link without an address, refuse, end sessions, fall silent. A fake, made
 * of rhea's listening side: what a real broker accepts is tested with a real broker.
 */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import rhea, {
  type AmqpError,
  type Connection,
  type Container,
  type Delivery,
  type Message,
  type Receiver,
  type Sender,
} from 'rhea'

/** What a test wants of its peer. */
export interface Amqp10ServerOptions {
  /** Credit for each link that messages arrive on; 100 unless given. */
  readonly credit?: number
  /** What it says in its `open` frame: capabilities, idle time-out … */
  readonly open?: Record<string, unknown>
  /** What it says of the sources of its links: outcomes … */
  readonly source?: Record<string, unknown>
  /** Why a link is refused; undefined: it is attached. */
  refuse?(address: string, role: 'sender' | 'receiver'): AmqpError | undefined
  /** The largest message that it takes. */
  readonly maxMessageBytes?: number
  /** Addresses that are never answered. */
  readonly silent?: readonly string[]
  /** User name and password that it wants; without it anybody may connect. */
  readonly user?: readonly [name: string, password: string]
  /** Called with each message; accepts it unless given. */
  onMessage?(delivery: Delivery, message: Message, receiver: Receiver): void
}

/** The running peer. */
export interface Amqp10Server {
  readonly port: number
  readonly uri: string
  readonly container: Container
  /** Every connection that was opened. */
  readonly connections: readonly Connection[]
  /** Messages that arrived. */
  readonly received: readonly Message[]
  /** How many links were attached to an address. */
  attachments(address: string): number
  /** The link on which messages leave from an address; waits for it. */
  source(address: string): Promise<Sender>
  /** The link on which messages arrive at an address (undefined: at any); waits for it. */
  target(address: string | undefined): Promise<Receiver>
  stop(): Promise<void>
}

/** Starts a peer on a free port. */
export async function startAmqp10Server(options: Amqp10ServerOptions = {}): Promise<Amqp10Server> {
  const container = rhea.create_container({ id: 'server' })
  const connections: Connection[] = []
  const received: Message[] = []
  const links = new Map<string, (Sender | Receiver)[]>()
  let changed = Promise.withResolvers<void>()
  const attached = (role: string, address: string, link: Sender | Receiver): void => {
    const key = `${role} ${address}`
    links.set(key, [...(links.get(key) ?? []), link])
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const latest = async (key: string): Promise<Sender | Receiver> => {
    for (;;) {
      const link = links.get(key)?.findLast((known) => known.is_open())
      if (link !== undefined) return link
      await Promise.race([changed.promise, new Promise((resolve) => setTimeout(resolve, 10))])
    }
  }
  for (const name of ['error', 'disconnected', 'protocol_error']) {
    container.on(name, () => undefined)
  }
  if (options.user !== undefined) {
    const [name, password] = options.user
    const mechanisms = container.sasl_server_mechanisms
    mechanisms.enable_plain((user: string, given: string) => user === name && given === password)
  }
  container.on('connection_open', ({ connection }) => connections.push(connection))
  container.on('sender_open', ({ sender }) => {
    const address = sender.source?.address ?? ''
    const refusal = options.refuse?.(address, 'sender')
    if (refusal === undefined) sender.set_source({ ...options.source, address })
    sender.set_target({ address: '' })
    if (options.silent?.includes(address)) keepSilent(sender)
    if (refusal !== undefined) sender.close(refusal)
    attached('sender', address, sender)
  })
  container.on('receiver_open', ({ receiver }) => {
    const address = receiver.target?.address ?? ''
    const refusal = options.refuse?.(address, 'receiver')
    if (refusal === undefined) receiver.set_target({ address })
    receiver.set_source({ address: '' })
    const { maxMessageBytes } = options
    if (maxMessageBytes !== undefined) limitMessages(receiver, maxMessageBytes)
    if (options.silent?.includes(address)) keepSilent(receiver)
    if (refusal !== undefined) receiver.close(refusal)
    else if (options.credit !== 0) receiver.add_credit(options.credit ?? 100)
    attached('receiver', address, receiver)
  })
  container.on('message', ({ delivery, message, receiver }) => {
    received.push(message)
    if (options.onMessage !== undefined) options.onMessage(delivery, message, receiver)
    else delivery.accept()
  })
  const server = container.listen({
    port: 0,
    host: '127.0.0.1',
    ...options.open,
    receiver_options: { autoaccept: false, credit_window: 0 },
    sender_options: { autosettle: true, treat_modified_as_released: false },
  } as Parameters<Container['listen']>[0])
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  return {
    port,
    uri: `amqp://127.0.0.1:${port}`,
    container,
    connections,
    received,
    attachments: (address) =>
      ['sender', 'receiver'].reduce(
        (sum, role) => sum + (links.get(`${role} ${address}`)?.length ?? 0),
        0,
      ),
    source: async (address) => (await latest(`sender ${address}`)) as Sender,
    target: async (address) => (await latest(`receiver ${address ?? ''}`)) as Receiver,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      // Its timers would keep the process.
      for (const connection of connections) connection.eof()
      server.close()
      await once(server, 'close').catch(() => undefined)
    },
  }
}

/** Takes back the answer that rhea is about to give. */
function keepSilent(link: Sender | Receiver): void {
  const { state } = link as unknown as { state: { need_open(): boolean; local_open: boolean } }
  state.need_open()
  state.local_open = false
}

function limitMessages(link: Receiver, bytes: number): void {
  const { local } = link as unknown as { local: { attach: { max_message_size: number } } }
  local.attach.max_message_size = bytes
}
