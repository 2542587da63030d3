/** Private endpoints for published logs: a Forward protocol server, and sockets that misbehave. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { type EventTime, FluentServer } from '@fluent-org/logger'

/** One record as it arrived. */
export interface Published {
  readonly tag: string
  readonly seconds: number
  readonly nanoseconds: number
  readonly fields: Readonly<Record<string, string>>
}

/** A running endpoint. */
export interface FluentdEndpoint {
  readonly port: number
  /** In the order of arrival. */
  readonly published: Published[]
  stop(): Promise<void>
}

/** A server that takes and, when asked to, acknowledges everything. */
export async function startFluentd(
  options: { readonly port?: number; readonly tls?: TlsOptions } = {},
): Promise<FluentdEndpoint> {
  const published: Published[] = []
  const server = new FluentServer({
    listenOptions: { host: '127.0.0.1', port: options.port ?? 0 },
    ...(options.tls === undefined ? {} : { tlsOptions: options.tls }),
  })
  server.on('entry', (tag: string, time: EventTime, fields: Published['fields']) => {
    published.push({ tag, seconds: time.epoch, nanoseconds: time.nano, fields })
  })
  await server.listen()
  return { port: server.port!, published, stop: () => server.close() }
}

/** An endpoint that does with each connection what the test wants. */
export interface Misbehaving {
  readonly port: number
  /** How many connections it has had. */
  readonly connections: () => number
  stop(): Promise<void>
}

/** A server that speaks no protocol. */
export async function startMisbehaving(
  onSocket: (socket: Socket) => void,
  port = 0,
): Promise<Misbehaving> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onSocket(socket)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => sockets.size,
    stop: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
