/**
 * Shards on one thread as the engine would run them, with a broker inside the process, a real twin in
 * a folder of its own and a routing table that loops back. Tests send with the broker and look at what
 * was published, settled and counted.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Connection } from '../../../src/connection/types.ts'
import {
  cellNames,
  counterAddresses,
  createCounterBuffer,
  ShardCounters,
} from '../../../src/monitoring/counters.ts'
import { payloadText } from '../../../src/protocol/external-message.ts'
import type { Delivery } from '../../../src/routing/router.ts'
import { createRoutingTable, type RoutingTable } from '../../../src/routing/table.ts'
import type { ShardSettings, ShardStatus } from '../../../src/shard/description.ts'
import { createShard, type Shard } from '../../../src/shard/shard.ts'
import { createLoopbackBroker, type LoopbackBroker } from '../../../src/transport/loopback.ts'
import type { OutboundMessage, TransportFactory } from '../../../src/transport/transport.ts'
import { createPartitionedTwin } from '../../../src/twin/partitioned.ts'
import { openPartition } from '../../../src/twin/store.ts'
import type { Twin } from '../../../src/twin/twin.ts'

const UNTIL_LIMIT_MS = 8000

export const SETTINGS: ShardSettings = {
  maxUnsettled: 1000,
  maxRedeliveries: 0,
  maxOutboundQueue: 10_000,
  messagesPerSecond: 0,
  sourceMessagesPerSecond: 0,
  connectTimeoutMs: 1000,
  publishTimeoutMs: 5000,
  ackTimeoutMs: 5000,
  backoffMinMs: 5,
  backoffMaxMs: 20,
  drainTimeoutMs: 1000,
  logCapacity: 20,
  script: { maxScriptBytes: 50_000, maxExecutionMs: 500, memoryMb: 32 },
}

/** What a shard of a rig is opened with; everything has a default. */
export interface OpenOptions {
  readonly settings?: Partial<ShardSettings>
  readonly clientIndex?: number
  readonly dryRun?: boolean
  readonly logs?: boolean
  readonly createTransport?: TransportFactory
  /** Stands in for the rig's twin. */
  readonly twin?: Twin
  readonly now?: () => number
}

/** A shard with what it told and counted. */
export class RigShard {
  readonly shard: Shard
  readonly statuses: ShardStatus[] = []
  readonly #connection: Connection
  readonly #cells: Uint32Array

  constructor(rig: Rig, number: number, connection: Connection, options: OpenOptions) {
    const addresses = counterAddresses(connection)
    const buffer = createCounterBuffer(addresses)
    this.#connection = connection
    this.#cells = new Uint32Array(buffer)
    const { settings, clientIndex = 0, dryRun = false, logs = false } = options
    this.shard = createShard(
      {
        shard: number,
        connection,
        clientIndex,
        dryRun,
        logsActive: logs,
        settings: { ...SETTINGS, ...settings },
      },
      {
        thread: 0,
        twin: options.twin ?? rig.twin,
        router: rig.table,
        recorder: { enter: () => 0, leave: () => undefined },
        createTransport: options.createTransport ?? rig.broker.factory,
        counters: new ShardCounters(buffer, addresses),
        onStatus: (status) => this.statuses.push(status),
        now: options.now ?? Date.now,
      },
    )
  }

  /** The counters of an address that are not zero, by their metric's name; failures as `x.failure`. */
  counts(address: string): Readonly<Record<string, number>> {
    const names = cellNames(counterAddresses(this.#connection))
    return Object.fromEntries(
      names.flatMap(({ address: of, metric, success }, cell) =>
        of === address && this.#cells[cell]! > 0
          ? [[success ? metric : `${metric}.failure`, this.#cells[cell]!] as const]
          : [],
      ),
    )
  }

  /** Texts of the log's entries of one category and type. */
  texts(category: string, type: string): readonly string[] {
    return this.shard
      .logs(0)
      .entries.filter((entry) => entry.category === category && entry.type === type)
      .toSorted((a, b) => a.at - b.at)
      .map(({ message }) => message)
  }
}

/** A broker, a twin and shards. */
export class Rig {
  readonly broker: LoopbackBroker = createLoopbackBroker()
  readonly twin: Twin
  readonly table: RoutingTable
  readonly #shards = new Map<number, RigShard>()
  readonly #folder = mkdtempSync(join(tmpdir(), 'sluice-shard-'))
  #next = 1

  constructor() {
    const partition = openPartition(this.#folder)
    this.twin = createPartitionedTwin([partition], () => partition.close())
    const delivery: Delivery = {
      signals: (_thread, shard, batch) => this.#shards.get(shard)?.shard.deliver(batch),
      acknowledgements: (_thread, shard, batch) =>
        this.#shards.get(shard)?.shard.acknowledge(batch),
      congestion: (shard, congestion) => this.table.setCongestion(shard, congestion),
      answer: async () => false,
    }
    this.table = createRoutingTable(delivery)
  }

  /** Makes and starts a shard; resolves when its session is open. */
  async open(connection: Connection, options: OpenOptions = {}): Promise<RigShard> {
    const opened = this.make(connection, options)
    opened.shard.start()
    await this.until(() => opened.statuses.at(-1)?.client.status === 'open', 'open session')
    return opened
  }

  /** Makes a shard that is known to the router, and does not start it. */
  make(connection: Connection, options: OpenOptions = {}): RigShard {
    const number = this.#next++
    const made = new RigShard(this, number, connection, options)
    this.#shards.set(number, made)
    this.#announce()
    return made
  }

  /** Leaves the routing table first, as the engine has it. */
  async close(shard: RigShard): Promise<void> {
    const { shard: number } = shard.shard.subscription
    this.table.update(this.#subscriptions().filter((subscription) => subscription.shard !== number))
    await shard.shard.close(undefined)
    this.#shards.delete(number)
  }

  /** Delivers payloads to an address, JSON unless they are text. */
  send(address: string, payloads: readonly unknown[], headers: Record<string, string> = {}): void {
    for (const payload of payloads) {
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
      this.broker.deliver(address, { headers, payload: text })
    }
  }

  /** What was published on an address. */
  published(address: string): readonly OutboundMessage[] {
    return this.broker.published.filter((message) => message.address === address)
  }

  /** The payloads that were published on an address, parsed. */
  payloads(address: string): readonly Payload[] {
    return this.published(address).map(({ message }) => JSON.parse(payloadText(message) ?? 'null'))
  }

  /** Outcomes of the messages settled so far. */
  get settled(): readonly string[] {
    return this.broker.settlements.map(({ outcome }) => outcome)
  }

  /** Resolves when the condition holds. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + UNTIL_LIMIT_MS
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`not within ${UNTIL_LIMIT_MS} ms: ${what}`)
      await nextTurn()
    }
  }

  async settlements(count: number): Promise<void> {
    await this.until(() => this.settled.length >= count, `${count} settlements`)
  }

  async publishes(address: string, count: number): Promise<void> {
    const what = `${count} messages on ${address}`
    await this.until(() => this.published(address).length >= count, what)
  }

  /** Closes what is open, and the twin. */
  async end(): Promise<void> {
    this.broker.withholdConfirmations(false)
    await Promise.all([...this.#shards.values()].map((shard) => this.close(shard)))
    await this.twin.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #subscriptions() {
    return [...this.#shards.values()].map(({ shard }) => shard.subscription)
  }

  #announce(): void {
    this.table.update(this.#subscriptions())
  }
}

/** A published message of the Ditto Protocol, as far as tests look. */
export interface Payload {
  readonly topic: string
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly value?: unknown
  readonly status?: number
  readonly extra?: unknown
}

/** Runs a test with a rig of its own. */
export async function withRig(test: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = new Rig()
  try {
    await test(rig)
  } finally {
    await rig.end()
  }
}

/** A Ditto Protocol command that changes an attribute of thing `ns:<name>`. */
export function modify(name: string, value: unknown, headers: Record<string, unknown> = {}) {
  return {
    topic: `ns/${name}/things/twin/commands/modify`,
    headers,
    path: '/attributes/n',
    value,
  }
}

/** A command that creates thing `ns:<name>`. */
export function create(name: string, attributes = {}, headers: Record<string, unknown> = {}) {
  return {
    topic: `ns/${name}/things/twin/commands/modify`,
    headers,
    path: '/',
    value: { thingId: `ns:${name}`, attributes },
  }
}

/** A live message to the inbox of thing `ns:<name>`; it wants no response unless the headers say so. */
export function liveMessage(name: string, value: unknown, headers: Record<string, unknown> = {}) {
  return {
    topic: `ns/${name}/things/live/messages/ask`,
    headers: { 'response-required': false, ...headers },
    path: '/inbox/messages/ask',
    value,
  }
}
