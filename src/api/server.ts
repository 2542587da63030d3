/**
 * Puts the API on a socket: every wait and every count has a limit, and closing ends. Knows no
 * resource.
 */

import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { type DittoError, dittoError } from '../protocol/errors.ts'

/** Where to listen, and what to put up with; times in milliseconds. */
export interface ServerOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** From the first byte of a request to the end of its headers. */
  readonly headersTimeoutMs?: number
  /** From the first byte of a request to the end of its body. */
  readonly requestTimeoutMs?: number
  /** How long a connection may idle between two requests. */
  readonly keepAliveTimeoutMs?: number
  /** How long a socket may be silent while an answer is awaited or taken. */
  readonly socketTimeoutMs?: number
  /** Further connections are closed at once. */
  readonly maxConnections?: number
}

/** A listening server. */
export interface ApiServer {
  readonly port: number
  /**
   * Takes no new connections, lets requests finish for `graceMs`, then cuts what is left. Resolves
   * when no connection is left.
   */
  close(graceMs: number): Promise<void>
}

const DEFAULTS = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 10_000,
  // Longer than the longest timeout that a caller may ask for.
  socketTimeoutMs: 90_000,
  maxConnections: 1_000,
}
/** How often Node looks for requests that are late. */
const CHECK_INTERVAL_MS = 1_000
/** How often connections that have become idle are closed while the server closes. */
const SWEEP_INTERVAL_MS = 50
const MAX_HEADER_BYTES = 16_384

/** The address of the API cannot be taken; for the operator, at the start. */
export class ListenError extends Error {}

/** Listens; rejects with a {@link ListenError} when the address cannot be taken. */
export async function serveApi(app: OpenAPIHono, options: ServerOptions): Promise<ApiServer> {
  const limits = { ...DEFAULTS, ...options }
  const server = createAdaptorServer({
    fetch: app.fetch,
    // The standard Request and Response stay what they are for everything else in this process.
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headersTimeoutMs),
      maxHeaderSize: MAX_HEADER_BYTES,
    },
  }) as Server
  server.maxConnections = limits.maxConnections
  server.setTimeout(limits.socketTimeoutMs)
  server.on('clientError', answerClientError)
  await new Promise<void>((resolve, reject) => {
    const onError = (error: Error): void => reject(listenError(error, limits))
    server.once('error', onError)
    server.listen(limits.port, limits.host, () => {
      server.off('error', onError)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  return { port, close: (graceMs) => close(server, graceMs) }
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: ServerOptions): ListenError {
  const reason = LISTEN_REASONS[cause.code ?? ''] ?? cause.message
  return new ListenError(
    `The API cannot listen on ${host}:${port} ([http] host, port): ${reason}`,
    {
      cause,
    },
  )
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program does already. Stop that one, or choose another port.',
  EADDRNOTAVAIL: 'this machine does not have that address.',
  ENOTFOUND: 'there is no host of that name.',
  EACCES: 'this user may not use that port. Choose one from 1024.',
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  // Node closes idle connections once; those that finish a request later would stay for a while.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_INTERVAL_MS)
  await closed
  clearTimeout(cut)
  clearInterval(sweep)
}

/** What never became a request is answered here, in the shape of every other error. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const answer = clientError(error.code)
  const body = JSON.stringify(answer)
  socket.end(
    `HTTP/1.1 ${answer.status} \r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    // Whoever does not take the answer does not keep the socket either.
    () => socket.destroy(),
  )
}

function clientError(code: string | undefined): DittoError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return dittoError(
      408,
      'gateway:request.timeout',
      'The request took too long to arrive.',
      'Send the whole request without delay.',
    )
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return dittoError(
      431,
      'gateway:headers.toolarge',
      `The headers of the request are larger than ${MAX_HEADER_BYTES} bytes.`,
      'Send fewer or shorter headers.',
    )
  }
  return dittoError(
    400,
    'gateway:request.invalid',
    'The request is no valid HTTP.',
    'Check the request line, the headers and the framing of the body.',
  )
}
