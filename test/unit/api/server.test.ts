import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import * as assert from 'uvu/assert'
import {
  type ApiServer,
  ListenError,
  type ServerOptions,
  serveApi,
} from '../../../src/api/server.ts'
import { suite } from '../../support/suite.ts'
import { BODY, CREDENTIALS, createHarness, type Harness } from './fake-service.ts'

const it = suite('API server')

const PATH = '/api/2/connections'
const AUTH = `Host: x\r\nAuthorization: ${CREDENTIALS}\r\n`
const POST_JSON = `POST ${PATH} HTTP/1.1\r\n${AUTH}Content-Type: application/json\r\n`

interface Running extends Harness {
  readonly server: ApiServer
}

async function withServer(
  test: (running: Running) => Promise<void>,
  options: Partial<ServerOptions> = {},
): Promise<void> {
  const harness = createHarness({ maxBodyBytes: 10_000 })
  const server = await serveApi(harness.app, { host: '127.0.0.1', port: 0, ...options })
  try {
    await test({ ...harness, server })
  } finally {
    await server.close(0)
  }
}

async function open({ server }: Running): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** All that the server sends until it closes the socket. */
async function readAll(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  // Not events.once: it would reject when the server closes while the test still writes.
  await new Promise((done) => socket.once('close', done))
  return text
}

async function exchange(running: Running, request: string): Promise<string> {
  const socket = await open(running)
  const answer = readAll(socket)
  socket.write(request)
  return await answer
}

it('serves requests with and without length', () =>
  withServer(async (running) => {
    const body = JSON.stringify(BODY)
    const close = 'Connection: close\r\n'
    const sized = await exchange(
      running,
      `${POST_JSON}${close}Content-Length: ${body.length}\r\n\r\n${body}`,
    )
    assert.match(sized, /^HTTP\/1\.1 201 /)
    assert.match(sized, `location: http://x${PATH}/generated-id`)
    running.service.stored.clear()
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const chunked = await exchange(
      running,
      `${POST_JSON}${close}Transfer-Encoding: chunked\r\n\r\n${chunk}`,
    )
    assert.match(chunked, /^HTTP\/1\.1 201 /)
  }))

it('leaves the global Request and Response alone', () => {
  const { Request, Response } = globalThis
  return withServer(async () => {
    assert.is(globalThis.Request, Request)
    assert.is(globalThis.Response, Response)
  })
})

it('refuses a body that is announced as too large without waiting for it', () =>
  withServer(async (running) => {
    const answer = await exchange(running, `${POST_JSON}Content-Length: 100000000\r\n\r\n{`)
    assert.match(answer, /^HTTP\/1\.1 413 /)
    assert.match(answer, '"error":"gateway:request.toolarge"')
    assert.is(running.service.stored.size, 0)
  }))

it('refuses a chunked body as soon as it is too large', () =>
  withServer(async (running) => {
    const socket = await open(running)
    const answer = readAll(socket)
    socket.write(`${POST_JSON}Transfer-Encoding: chunked\r\n\r\n`)
    const chunk = `2710\r\n${'x'.repeat(10_000)}\r\n`
    const timer = setInterval(() => socket.write(chunk), 1)
    socket.once('close', () => clearInterval(timer))
    assert.match(await answer, /^HTTP\/1\.1 413 [\s\S]*"error":"gateway:request\.toolarge"/)
  }))

it('answers what is no HTTP in the shape of every error', () =>
  withServer(async (running) => {
    const cases = [
      ['NONSENSE\r\n\r\n', 400, 'gateway:request.invalid'],
      [`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'gateway:headers.toolarge'],
      [`${POST_JSON}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400, 'gateway:request.in'],
    ] as const
    for (const [request, status, error] of cases) {
      const answer = await exchange(running, request)
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*"error":"${error}`))
    }
  }))

it('gives up on headers that do not come, and serves others meanwhile', () =>
  withServer(
    async (running) => {
      const slow = await Promise.all(Array.from({ length: 50 }, () => open(running)))
      const answers = slow.map(readAll)
      for (const socket of slow) socket.write('GET /health HTTP/1.1\r\nHost: x\r\nX-Slow:')
      const health = await exchange(
        running,
        'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      )
      assert.match(health, /^HTTP\/1\.1 200 /)
      for (const answer of await Promise.all(answers)) {
        assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*"error":"gateway:request\.timeout"/)
      }
    },
    { headersTimeoutMs: 100 },
  ))

it('gives up on a body that does not come', () =>
  withServer(
    async (running) => {
      const answer = await exchange(running, `${POST_JSON}Content-Length: 100\r\n\r\n{`)
      assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/)
      assert.is(running.service.stored.size, 0)
    },
    { headersTimeoutMs: 100, requestTimeoutMs: 200 },
  ))

it('survives clients that go away in the middle', () =>
  withServer(async (running) => {
    running.service.put('c1')
    const requests = [
      `${POST_JSON}Content-Length: 100\r\n\r\n{`,
      `${POST_JSON}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a"`,
      `GET ${PATH} HTTP/1.1\r\n${AUTH}\r\n`,
      `DELETE ${PATH}/c1 HTTP/1.1\r\n${AUTH}\r\n`,
      'GET /docs HTTP/1.1\r\n',
    ]
    for (let round = 0; round < 20; round++) {
      const sockets = await Promise.all(requests.map(() => open(running)))
      for (const [index, socket] of sockets.entries()) {
        await new Promise((resolve) => socket.write(requests[index]!, resolve))
        socket.resetAndDestroy()
      }
    }
    const health = await exchange(
      running,
      'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    )
    assert.match(health, /^HTTP\/1\.1 200 /)
  }))

it('takes no more connections than it may', () =>
  withServer(
    async (running) => {
      const first = await open(running)
      const second = await open(running)
      const refused = await open(running)
      assert.is(await readAll(refused), '')
      first.destroy()
      second.destroy()
    },
    { maxConnections: 2 },
  ))

it('says when it cannot listen', () =>
  withServer(async ({ server, app }) => {
    let thrown: unknown
    await serveApi(app, { host: '127.0.0.1', port: server.port }).catch((error: unknown) => {
      thrown = error
    })
    assert.instance(thrown, ListenError)
    assert.match(String(thrown), /another program/)
  }))

it('lets requests finish before it closes', () =>
  withServer(async (running) => {
    const { service, server } = running
    service.put('c1')
    const work = Promise.withResolvers<void>()
    service.delay = work.promise
    const idle = await open(running)
    const answer = exchange(running, `DELETE ${PATH}/c1 HTTP/1.1\r\n${AUTH}\r\n`)
    while (service.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const closed = server.close(10_000)
    idle.destroy()
    work.resolve()
    assert.match(await answer, /^HTTP\/1\.1 204 /)
    await closed
  }))

it('cuts what does not finish in time', () =>
  withServer(async (running) => {
    const { service, server } = running
    service.put('c1')
    service.delay = new Promise(() => {})
    const half = await open(running)
    half.write('GET /health HTTP/1.1\r\n')
    const answer = exchange(running, `DELETE ${PATH}/c1 HTTP/1.1\r\n${AUTH}\r\n`)
    while (service.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await server.close(50)
    assert.is(await answer, '')
  }))
