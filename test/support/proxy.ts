/** A TCP proxy that misbehaves on demand: the network's faults, without the network. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * How bytes travel: `pass` them on; `refuse` connections; accept them and stay `silent`; `blackhole`
 * everything, or one direction of it, while connections stay up; `delayMs` each chunk; let through so many
 * `bytesPerSecond` in each direction; close the connection after `cutAfter` bytes towards the client.
 */
export type ProxyMode =
  | 'pass'
  | 'refuse'
  | 'silent'
  | 'blackhole'
  | 'blackhole-to-server'
  | 'blackhole-to-client'
  | { readonly delayMs: number }
  | { readonly bytesPerSecond: number }
  | { readonly cutAfter: number }

/** A running proxy. */
export interface TcpProxy {
  readonly port: number
  /** Connections that clients hold. */
  readonly connections: number
  /** How many connections clients have made so far. */
  readonly accepted: number
  setMode(mode: ProxyMode): Promise<void>
  /** Closes every connection: in order (FIN), or with a reset (RST). */
  cut(how?: 'fin' | 'rst'): void
  stop(): Promise<void>
}

/** Starts a proxy in front of a port of this machine. */
export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const proxy = new FaultProxy(targetPort)
  await proxy.listen(0)
  return proxy
}

class FaultProxy implements TcpProxy {
  port = 0
  accepted = 0
  readonly #targetPort: number
  readonly #pairs = new Set<Pair>()
  #server: Server | undefined
  #mode: ProxyMode = 'pass'
  /** What of each socket is still to be written, later. */
  readonly #delayed = new WeakMap<Socket, Promise<void>>()

  constructor(targetPort: number) {
    this.#targetPort = targetPort
  }

  get connections(): number {
    return this.#pairs.size
  }

  async listen(port: number): Promise<void> {
    const server = createServer((client) => this.#accept(client)).listen(port, '127.0.0.1')
    await once(server, 'listening')
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  async setMode(mode: ProxyMode): Promise<void> {
    this.#mode = mode
    if (mode === 'refuse') this.#server?.close()
    else if (this.#server?.listening === false) await this.listen(this.port)
  }

  cut(how: 'fin' | 'rst' = 'fin'): void {
    for (const { client, server } of this.#pairs) {
      if (how === 'rst') client.resetAndDestroy()
      else client.destroy()
      server?.destroy()
    }
  }

  async stop(): Promise<void> {
    this.#server?.close()
    this.cut()
  }

  #accept(client: Socket): void {
    this.accepted += 1
    const isSilent = this.#mode === 'silent'
    const server = isSilent ? undefined : connect({ port: this.#targetPort, host: '127.0.0.1' })
    const pair: Pair = { client, server }
    this.#pairs.add(pair)
    client.on('error', ignore)
    client.on('close', () => {
      this.#pairs.delete(pair)
      server?.destroy()
    })
    if (server === undefined) {
      client.resume()
      return
    }
    server.on('error', ignore)
    server.on('close', () => client.destroySoon())
    let sent = 0
    client.on('data', (chunk) => this.#forward(chunk, client, server, 'blackhole-to-server'))
    server.on('data', (chunk) => {
      const { cutAfter = Number.POSITIVE_INFINITY } =
        typeof this.#mode === 'object' && 'cutAfter' in this.#mode ? this.#mode : {}
      const part = chunk.subarray(0, cutAfter - sent)
      this.#forward(part, server, client, 'blackhole-to-client')
      sent += chunk.length
      if (sent >= cutAfter) client.destroySoon()
    })
  }

  #forward(chunk: Buffer, from: Socket, to: Socket, swallowing: ProxyMode): void {
    const mode = this.#mode
    if (mode === 'blackhole' || mode === swallowing || to.destroyed) return
    const delayed = this.#delayed.get(from)
    if ((typeof mode === 'object' && 'delayMs' in mode) || delayed !== undefined) {
      const dueMs =
        performance.now() + (typeof mode === 'object' && 'delayMs' in mode ? mode.delayMs : 0)
      this.#delay(chunk, from, to, dueMs, delayed)
    } else if (typeof mode === 'object' && 'bytesPerSecond' in mode) {
      void this.#trickle(chunk, from, to)
    } else {
      to.write(chunk)
    }
  }

  /** After everything that is delayed already: bytes never overtake each other. */
  #delay(chunk: Buffer, from: Socket, to: Socket, dueMs: number, before = Promise.resolve()): void {
    const written = before
      .then(() => delay(Math.max(0, dueMs - performance.now())))
      .then(() => {
        if (to.writable) to.write(chunk)
        if (this.#delayed.get(from) === written) this.#delayed.delete(from)
      })
    this.#delayed.set(from, written)
  }

  /** In slices of a tenth of a second; nothing more is read meanwhile. */
  async #trickle(chunk: Buffer, from: Socket, to: Socket): Promise<void> {
    from.pause()
    for (let start = 0; start < chunk.length; ) {
      const mode = this.#mode
      const slow = typeof mode === 'object' && 'bytesPerSecond' in mode
      const end = start + (slow ? Math.ceil(mode.bytesPerSecond / 10) : chunk.length)
      if (slow) await delay(SLICE_MS)
      if (to.writable) to.write(chunk.subarray(start, end))
      start = end
    }
    from.resume()
  }
}

const SLICE_MS = 100

interface Pair {
  readonly client: Socket
  readonly server: Socket | undefined
}

function ignore(): void {}
