/**
 * The clients of one connection: which shard plays which, what each said last, and who waits for all
 * of them to be connected. Pure bookkeeping; talks to no engine.
 */
import { secretsOf } from '../connection/secrets.ts'
import type { Connection } from '../connection/types.ts'
import { createRedactor, type Redactor } from '../monitoring/redaction.ts'
import { connectionFailed, connectionUnauthorized } from '../protocol/connectivity-errors.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import type { ClientStatus, ShardStatus } from '../shard/description.ts'

/** One of the `clientCount` clients. */
export interface ClientSlot {
  readonly clientIndex: number
  /** Undefined while no engine runs it. */
  shard: number | undefined
  status: ShardStatus
  /** The error that its making was refused with. */
  refusal: DittoError | undefined
  /** A failure reported for this instant is old news: another attempt was ordered since. */
  staleSince: number | undefined
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: DittoException) => void
}

const CONNECTING = { status: 'unknown', recovery: 'ongoing', details: 'Connecting.' } as const

/** The clients of a connection that shall be open. */
export class ClientGroup {
  connection: Connection
  readonly dryRun: boolean
  readonly slots: readonly ClientSlot[]
  /** A broker's words may repeat what it was sent. */
  readonly #redact: Redactor
  readonly #waiters = new Set<Waiter>()

  constructor(connection: Connection, dryRun: boolean, nowMs: number) {
    this.connection = connection
    this.dryRun = dryRun
    this.#redact = createRedactor([...secretsOf(connection).values()])
    const clients = dryRun ? 1 : connection.clientCount
    this.slots = Array.from({ length: clients }, (_, clientIndex) => ({
      clientIndex,
      shard: undefined,
      status: bare({ ...CONNECTING, details: 'Waiting for the engine.' }, nowMs),
      refusal: undefined,
      staleSince: undefined,
    }))
  }

  /** Numbers of the shards that exist. */
  get shards(): readonly number[] {
    return this.slots.flatMap(({ shard }) => shard ?? [])
  }

  /** The client is about to be made as this shard. */
  begin(slot: ClientSlot, shard: number, nowMs: number): void {
    slot.shard = shard
    slot.status = bare(CONNECTING, nowMs)
    slot.staleSince = undefined
  }

  /** A shard told its state. */
  report(slot: ClientSlot, status: ShardStatus): void {
    const details = this.#redact(status.client.details)
    slot.status = { ...status, client: { ...status.client, details } }
    this.#settle()
  }

  /** The engine could not make the client. */
  refuse(slot: ClientSlot, error: DittoError, nowMs: number): void {
    slot.shard = undefined
    slot.refusal = error
    const details = error.description === undefined ? '' : ` ${error.description}`
    slot.status = bare(
      { status: 'misconfigured', recovery: 'unknown', details: `${error.message}${details}` },
      nowMs,
    )
    this.#settle()
  }

  /** The client's engine or thread is gone; another will take over. */
  lose(slot: ClientSlot, details: string, nowMs: number): void {
    slot.shard = undefined
    slot.status = bare({ status: 'failed', recovery: 'ongoing', details }, nowMs)
    slot.staleSince = nowMs
  }

  /** Another attempt was ordered: failures reported so far do not answer for it. */
  expectNews(): void {
    for (const slot of this.slots) {
      if (hasFailed(slot)) slot.staleSince = slot.status.client.since
      slot.refusal = undefined
    }
  }

  /**
   * Resolves when all clients are connected; rejects with the reason of the first that fails, or with
   * 504 when the limit is over.
   */
  async outcome(limitMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { resolve, reject }
    this.#waiters.add(waiter)
    const late = connectionFailed(this.connection.id, 'Connection attempt timed out.')
    const timer = setTimeout(() => reject(new DittoException(late)), limitMs)
    this.#settle()
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiters.delete(waiter)
    }
  }

  /** Nobody will connect any more: tells those who wait. */
  abandon(error: DittoError): void {
    for (const { reject } of this.#waiters) reject(new DittoException(error))
    this.#waiters.clear()
  }

  #settle(): void {
    if (this.#waiters.size === 0) return
    const isOpen = this.slots.every(({ status }) => status.client.status === 'open')
    const failure = isOpen ? this.#brokenAddresses() : this.#failure()
    if (failure !== undefined) this.abandon(failure)
    else if (isOpen) {
      for (const { resolve } of this.#waiters) resolve()
      this.#waiters.clear()
    }
  }

  /** A connection heals single addresses by itself; whoever tries one out wants to know of each. */
  #brokenAddresses(): DittoError | undefined {
    if (!this.dryRun) return undefined
    const broken = this.slots
      .flatMap(({ status }) => status.addresses)
      .filter(({ status }) => status === 'failed' || status === 'misconfigured')
      .map(
        ({ kind, index, address, details }) => `${kind} ${index}, address ${address}: ${details}`,
      )
    if (broken.length === 0) return undefined
    return connectionFailed(this.connection.id, this.#redact(broken.join('; ')))
  }

  #failure(): DittoError | undefined {
    for (const slot of this.slots) {
      if (slot.refusal !== undefined) return slot.refusal
      const { client } = slot.status
      if (hasFailed(slot) && client.since !== slot.staleSince) {
        return failureOf(this.connection.id, client)
      }
    }
    return undefined
  }
}

function hasFailed({ status: { client } }: ClientSlot): boolean {
  return client.status === 'failed' || client.status === 'misconfigured'
}

function failureOf(id: string, { failure, details }: ClientStatus): DittoError {
  return failure === 'authentication'
    ? connectionUnauthorized(id, details)
    : connectionFailed(id, details)
}

function bare(client: Omit<ClientStatus, 'since'>, nowMs: number): ShardStatus {
  return { client: { ...client, since: nowMs }, addresses: [] }
}
