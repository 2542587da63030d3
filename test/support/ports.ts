/** Free TCP ports on the loopback interface. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves when something accepts connections on the port; rejects after `limitMs`. */
export async function portOpen(port: number, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await accepts(port))) {
    if (Date.now() > deadline)
      throw new Error(`nothing listens on port ${port} after ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
