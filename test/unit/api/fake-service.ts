/** A connection service that keeps everything in memory and connects to nothing. */
import { type ApiOptions, createApi } from '../../../src/api/api.ts'
import { createDevopsVerifier } from '../../../src/api/auth.ts'
import { parseConnection } from '../../../src/connection/model.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import { readTrial, type TrialResult } from '../../../src/mapping/trial-schema.ts'
import {
  connectionConflict,
  connectionNotFound,
} from '../../../src/protocol/connectivity-errors.ts'
import { type DittoError, DittoException, dittoError } from '../../../src/protocol/errors.ts'
import type {
  ConnectionLogs,
  ConnectionService,
  Fleet,
  Health,
  LogTail,
  StoredConnection,
} from '../../../src/supervisor/service.ts'

export const GENERATED_ID = 'generated-id'
export const INSTANT = '2026-01-01T00:00:00Z'

/** A body that is a valid connection once it has an id and a status. */
export const BODY: JsonObject = {
  name: 'demo',
  connectionType: 'mqtt',
  uri: 'tcp://user:canary-password@broker:1883',
  sources: [{ addresses: ['in/#'], authorizationContext: ['integration:demo'] }],
}

export class FakeService implements ConnectionService {
  /** What was called, with the id where there is one. */
  readonly calls: string[] = []
  readonly stored = new Map<string, StoredConnection>()
  /** Thrown by every operation that talks to a broker. */
  failure: DittoError | Error | undefined
  /** Awaited by every operation that talks to a broker. */
  delay: Promise<void> = Promise.resolve()
  healthNow: Health = { ready: true, engine: 'up', store: 'writable' }
  /** What whoever watches a log gets; without one it is refused. */
  tail: LogTail | undefined
  logsNow: ConnectionLogs = { entries: [], enabledSince: null, enabledUntil: null }

  async create(body: unknown): Promise<StoredConnection> {
    const connection = parseConnection(body, { mode: 'create', id: GENERATED_ID })
    if (this.stored.has(GENERATED_ID)) throw new DittoException(connectionConflict(GENERATED_ID))
    return this.#put(GENERATED_ID, connection, 1)
  }

  async dryRun(body: unknown): Promise<void> {
    parseConnection(body, { mode: 'dry-run', id: 'x-dry-run' })
    await this.#work('dryRun')
  }

  async modify(id: string, body: unknown): Promise<StoredConnection> {
    const { revision } = this.retrieve(id)
    const connection = parseConnection(body, { mode: 'modify', id })
    await this.#work(`modify ${id}`)
    return this.#put(id, connection, revision + 1)
  }

  async remove(id: string): Promise<void> {
    this.retrieve(id)
    await this.#work(`remove ${id}`)
    this.stored.delete(id)
  }

  async testMapping(id: string | undefined, body: unknown): Promise<TrialResult> {
    if (id !== undefined) this.retrieve(id)
    const { direction } = readTrial(body)
    await this.#work(`testMapping ${id}`)
    return { direction, results: [] }
  }

  retrieve(id: string): StoredConnection {
    const stored = this.stored.get(id)
    if (stored === undefined) throw new DittoException(connectionNotFound(id))
    return stored
  }

  list(): readonly StoredConnection[] {
    return this.ids().map((id) => this.retrieve(id))
  }

  liveStatus(id: string): string {
    return this.retrieve(id).connection.connectionStatus === 'open' ? 'open' : 'closed'
  }

  fleet(): Fleet {
    return { total: 0, states: {}, connections: [] }
  }

  ids(): readonly string[] {
    return [...this.stored.keys()].sort()
  }

  open(id: string): Promise<void> {
    return this.#command('open', id)
  }

  close(id: string): Promise<void> {
    return this.#command('close', id)
  }

  status(id: string): JsonObject {
    this.retrieve(id)
    return { connectionStatus: 'open', liveStatus: 'open', recoveryStatus: 'succeeded' }
  }

  async metrics(id: string): Promise<JsonObject> {
    this.retrieve(id)
    return { connectionMetrics: { inbound: null, outbound: null }, containsFailures: false }
  }

  resetMetrics(id: string): Promise<void> {
    return this.#command('resetMetrics', id)
  }

  async logs(id: string): Promise<ConnectionLogs> {
    this.retrieve(id)
    return this.logsNow
  }

  tailLogs(id: string, cursor: string | undefined): LogTail {
    this.retrieve(id)
    this.calls.push(`tailLogs ${id} ${cursor}`)
    if (this.tail === undefined) throw new DittoException(dittoError(503, 'x:y', 'Too many.'))
    return this.tail
  }

  enableLogs(id: string): Promise<void> {
    return this.#command('enableLogs', id)
  }

  resetLogs(id: string): Promise<void> {
    return this.#command('resetLogs', id)
  }

  health(): Health {
    return this.healthNow
  }

  /** Stores a connection without the API. */
  put(id: string, changes: JsonObject = {}): void {
    const body = { connectionStatus: 'open', ...BODY, ...changes }
    this.#put(id, parseConnection(body, { mode: 'modify', id }), 1)
  }

  #put(id: string, connection: StoredConnection['connection'], revision: number): StoredConnection {
    const stored = { connection, revision, created: INSTANT, modified: INSTANT }
    this.stored.set(id, stored)
    return stored
  }

  async #command(name: string, id: string): Promise<void> {
    this.retrieve(id)
    await this.#work(`${name} ${id}`)
  }

  async #work(call: string): Promise<void> {
    this.calls.push(call)
    await this.delay
    const { failure } = this
    if (failure instanceof Error) throw failure
    if (failure !== undefined) throw new DittoException(failure)
  }
}

export const CREDENTIALS = `Basic ${btoa('devops:s3cret')}`
export const ORIGIN = 'http://gateway.example:8080'

/** How to call an API: the answer with its body read. */
export interface Call {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

export interface Harness {
  readonly service: FakeService
  readonly app: ReturnType<typeof createApi>
  /** Calls with the right credentials unless headers say otherwise. */
  call(method: string, path: string, init?: CallInit): Promise<Call>
}

export interface CallInit {
  readonly headers?: Readonly<Record<string, string>>
  /** Text is sent as it is, anything else as JSON with its content type. */
  readonly body?: unknown
}

/** An API on a new fake service. */
export function createHarness(options: Partial<ApiOptions> = {}): Harness {
  const service = new FakeService()
  const app = createApi({
    service,
    verifyDevops: createDevopsVerifier('devops', 's3cret'),
    version: '1.2.3',
    exposition: { contentType: 'text/plain; version=0.0.4', scrape: async () => 'up 1\n' },
    ...options,
  })
  const call = async (method: string, path: string, init: CallInit = {}): Promise<Call> => {
    const { body } = init
    const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array
    const response = await app.request(ORIGIN + path, {
      method,
      headers: {
        authorization: CREDENTIALS,
        ...(isRaw ? {} : { 'content-type': 'application/json' }),
        ...init.headers,
      },
      ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== '' ? JSON.parse(text) : undefined,
    }
  }
  return { service, app, call }
}
