/** Free TCP ports on the loopback interface. */
import { connect, createServer } from 'node:net'

/**
 * Below the ports that systems give to connections going out (32,768 and more on Linux, 49,152 elsewhere):
 * one of those could take a server's port while the server is being restarted, or, connecting to a port
 * where nothing listens, even connect to itself.
 */
const FIRST_PORT = 15_000
const LAST_PORT = 32_767

/** A port of the loopback interface that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1))
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
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
