/**
 * A Sluice of one's own: the real service as a child process with a store in a temporary folder.
 * Used by the quickstart, the benchmark and the system tests.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../test/support/ports.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const START_LIMIT_MS = 30_000
const POLL_INTERVAL_MS = 25

/** How to start. */
export interface SluiceOptions {
  /** Keys of config.toml by section, as `{ workers: { threads: 2 } }`; nested sections with dots. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>
  readonly env?: Readonly<Record<string, string>>
  /** Use this folder instead of a temporary one, and leave it there. */
  readonly folder?: string
  readonly password?: string
}

/** What a request answered. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON, to be looked into without types; undefined when there is none. */
  readonly json: ReturnType<typeof JSON.parse>
}

/** A running service. */
export interface Sluice {
  readonly url: string
  readonly username: string
  readonly password: string
  readonly folder: string
  readonly process: ChildProcess
  /** Everything the process wrote so far. */
  output(): string
  /** An authenticated request; a body that is no string is sent as JSON. */
  request(method: string, path: string, body?: unknown, headers?: object): Promise<Answer>
  /** SIGTERM, then waits; resolves with the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL to the control plane; its engine must notice by itself. */
  kill(): Promise<void>
}

/** Starts the service; resolves once it is ready. */
export async function startSluice(options: SluiceOptions = {}): Promise<Sluice> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'sluice-')))
  const port = await freePort()
  const password = options.password ?? 'devops-secret'
  const file = join(folder, 'config.toml')
  const http = { port, ...options.config?.http }
  const devops = { password, ...options.config?.devops }
  await writeFile(file, toToml({ ...options.config, http, devops }))
  const child = spawn(process.execPath, ['--no-node-snapshot', MAIN, '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  })
  const output = collect(child)
  const url = `http://127.0.0.1:${port}`
  const exited = new Promise<number | null>((done) => child.on('exit', done))
  const sluice: Sluice = {
    url,
    username: 'devops',
    password,
    folder,
    process: child,
    output,
    request: (method, path, body, headers) => request(sluice, method, path, body, headers),
    async stop() {
      child.kill('SIGTERM')
      const code = await exited
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true })
      return code
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
  await untilReady(sluice)
  return sluice
}

async function untilReady(sluice: Sluice): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS
  while (performance.now() < deadline) {
    if (sluice.process.exitCode !== null || sluice.process.signalCode !== null) break
    const ready = await fetch(`${sluice.url}/health`).then(
      (response) => response.ok,
      () => false,
    )
    if (ready) return
    await delay(POLL_INTERVAL_MS)
  }
  sluice.process.kill('SIGKILL')
  throw new Error(`Sluice did not become ready:\n${sluice.output()}`)
}

async function request(
  { url, username, password }: Sluice,
  method: string,
  path: string,
  body: unknown,
  headers: object = {},
): Promise<Answer> {
  const credentials = Buffer.from(`${username}:${password}`).toString('base64')
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Basic ${credentials}`,
      ...(body === undefined ? {} : { 'content-type': type }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const json = isJson && text !== '' ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, json }
}

function collect(child: ChildProcess): () => string {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return () => output
}

function toToml(config: NonNullable<SluiceOptions['config']>): string {
  return Object.entries(config)
    .map(([section, keys]) => {
      const lines = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
      return `[${section}]\n${lines.join('\n')}\n`
    })
    .join('\n')
}
