/**
 * An engine without threads and brokers: its shards connect, fail or hang as the host of their uri
 * says, and it dies on demand. Finds fault with orders that no engine should get.
 */
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import type { CounterDeltas, EngineControl } from '../../../src/engine/messages.ts'
import type { KeptEntry, LogNews } from '../../../src/monitoring/log-entry.ts'
import type { ClientStatus, ShardDescription, ShardStatus } from '../../../src/shard/description.ts'
import {
  EngineGoneError,
  type EngineListener,
  type EngineProcess,
} from '../../../src/supervisor/engine-process.ts'
import type { EngineExit } from '../../../src/supervisor/verdict.ts'

function farewell(shard: number): KeptEntry {
  const kind = { category: 'connection', type: 'other', level: 'success' } as const
  const text = { correlationId: 'x', message: 'Disconnected successfully.' }
  return { ...kind, ...text, at: Date.now(), shard, sequence: 1 }
}

/** Hosts that mean something. */
export const HOSTS = { good: 'good', refusing: 'refusing', silent: 'silent', denying: 'denying' }

export class FakeEngine implements EngineProcess, EngineControl {
  readonly shards = new Map<number, ShardDescription>()
  readonly parked = new Set<string>()
  readonly calls: string[] = []
  /** What went wrong from an engine's point of view; to be empty. */
  readonly faults: string[] = []
  readonly control: EngineControl = this
  readonly ready: Promise<void>
  readonly exited: Promise<EngineExit>
  readonly #listener: EngineListener
  readonly #exit: (exit: EngineExit) => void
  readonly #gone: Promise<never>
  #alive = true
  /** Two states never begin at the same instant. */
  #nextInstant = Date.now()

  constructor(listener: EngineListener) {
    this.#listener = listener
    // Long enough that whoever looks every turn sees that there is no engine.
    this.ready = delay(5)
    const { promise, resolve } = Promise.withResolvers<EngineExit>()
    this.exited = promise
    this.#exit = resolve
    this.#gone = promise.then(() => {
      throw new EngineGoneError()
    })
    this.#gone.catch(() => {})
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Ids of the connections that have shards, each once for every shard. */
  connections(): readonly string[] {
    return [...this.shards.values()].map(({ connection }) => connection.id).sort()
  }

  kill(reason: 'wedged' | 'silent'): void {
    this.die({ code: null, signal: 'SIGKILL', killedFor: reason })
  }

  die(exit: EngineExit): void {
    this.#alive = false
    this.#exit(exit)
  }

  count(deltas: CounterDeltas): void {
    this.#listener.onReport({ kind: 'counters', counters: [deltas] })
  }

  /** Beats once; each thread tells whether commands wait there for the store of the twins. */
  pulse(...waiting: readonly boolean[]): void {
    const measured = { utilization: 0, delayP99Seconds: 0, delayMaxSeconds: 0 }
    const heap = { heapUsedBytes: 0, heapLimitBytes: 0 }
    const threads = waiting.map((waitsForStore, thread) => ({
      ...measured,
      ...heap,
      thread,
      waitsForStore,
    }))
    this.#listener.onReport({
      kind: 'pulse',
      figures: { residentBytes: 0, cpuSeconds: 0, threads },
    })
  }

  loseThread(shards: readonly number[]): void {
    for (const shard of shards) this.shards.delete(shard)
    this.#listener.onReport({ kind: 'shards-lost', thread: 0, shards, reason: 'out of memory' })
  }

  report(shard: number, client: Partial<ClientStatus>): void {
    if (!this.#alive) return
    const status: ClientStatus = {
      status: 'open',
      recovery: 'succeeded',
      details: 'CONNECTED',
      since: this.#nextInstant++,
      ...client,
    }
    const addresses = this.#addressesOf(shard, status.status === 'open' ? 'open' : 'closed')
    this.#listener.onReport({ kind: 'status', shard, status: { client: status, addresses } })
  }

  async open(descriptions: readonly ShardDescription[]): Promise<[]> {
    for (const description of descriptions) {
      const { shard, connection, clientIndex } = description
      const twin = [...this.shards.values()].find(
        (other) => other.connection.id === connection.id && other.clientIndex === clientIndex,
      )
      if (twin !== undefined) this.faults.push(`${connection.id} has client ${clientIndex} twice`)
      this.shards.set(shard, description)
      this.parked.delete(connection.id)
    }
    await this.#work('open')
    for (const { shard } of descriptions) this.#connect(shard)
    return []
  }

  async close(shards: readonly number[]): Promise<readonly LogNews[]> {
    await this.#work('close')
    for (const shard of shards) this.shards.delete(shard)
    return shards.map((shard) => ({ shard, newest: 1, entries: [farewell(shard)] }))
  }

  async retry(shards: readonly number[]): Promise<void> {
    await this.#work('retry')
    for (const shard of shards) this.#connect(shard)
  }

  async park(connectionId: string): Promise<void> {
    this.parked.add(connectionId)
    await this.#work('park')
  }

  async unpark(connectionId: string): Promise<void> {
    this.parked.delete(connectionId)
    await this.#work('unpark')
  }

  async setLogs(): Promise<void> {
    await this.#work('setLogs')
  }

  async resetLogs(): Promise<void> {
    await this.#work('resetLogs')
  }

  async readLogs(): Promise<[]> {
    await this.#work('readLogs')
    return []
  }

  async readCounters(): Promise<void> {
    await this.#work('readCounters')
  }

  async stop(): Promise<void> {
    await this.#work('stop')
    this.die({ code: 0, signal: null })
  }

  #addressesOf(shard: number, status: 'open' | 'closed'): ShardStatus['addresses'] {
    const sources = this.shards.get(shard)?.connection.sources ?? []
    return sources.flatMap(({ addresses }, index) =>
      addresses.map((address) => ({
        kind: 'source' as const,
        index,
        address,
        status,
        details: '',
        since: Date.now(),
      })),
    )
  }

  #connect(shard: number): void {
    const host = this.shards.get(shard)?.connection.uri.split('/')[2]?.split(':')[0]
    const failed = {
      status: 'failed',
      recovery: 'ongoing',
      details: 'Connection refused.',
    } as const
    if (host === HOSTS.good) this.report(shard, {})
    else if (host === HOSTS.refusing) this.report(shard, { ...failed, failure: 'unreachable' })
    else if (host === HOSTS.denying) {
      const status = 'misconfigured'
      this.report(shard, { ...failed, status, details: 'bad password', failure: 'authentication' })
    }
  }

  async #work(call: string): Promise<void> {
    this.calls.push(call)
    if (!this.#alive) throw new EngineGoneError()
    await Promise.race([nextTurn(), this.#gone])
  }
}
