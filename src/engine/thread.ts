/**
 * The composition root of a worker thread: its share of the twins, its routing table, its end of the
 * mesh, its flight recorder, and the shards that live on it. Carries signals between them, looks into
 * none.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Connection } from '../connection/types.ts'
import { counterAddresses, ShardCounters } from '../monitoring/counters.ts'
import { LogCollector } from '../monitoring/log-collector.ts'
import { DittoException } from '../protocol/errors.ts'
import type { Signal } from '../protocol/signal.ts'
import { createMesh, type Mesh } from '../routing/mesh.ts'
import type { ForeignAnswer } from '../routing/router.ts'
import { createRoutingTable, type RoutingTable } from '../routing/table.ts'
import type { ShardDescription, ShardStatus } from '../shard/description.ts'
import { createShard, type Shard } from '../shard/shard.ts'
import { isOutOfDescriptors, OUT_OF_DESCRIPTORS } from '../transport/descriptors.ts'
import { transports } from '../transport/registry.ts'
import type { TransportFactory } from '../transport/transport.ts'
import { openTwinLayout } from '../twin/layout.ts'
import type { Partition, PartitionLink } from '../twin/partition.ts'
import { createPartitionedTwin } from '../twin/partitioned.ts'
import { openPartition } from '../twin/store.ts'
import type { Twin } from '../twin/twin.ts'
import { ThreadGauge } from './figures.ts'
import { type FlightRecorder, openFlightRecorder } from './flight-recorder.ts'
import type {
  ShardOrder,
  ShardReport,
  ShardTask,
  ThreadOrder,
  ThreadReport,
  ThreadTask,
} from './messages.ts'
import { recorderFile } from './recorder-files.ts'

/** What threads ask each other. */
type MeshRequest =
  /** A batch of commands for a partition of another thread. */
  | { readonly kind: 'execute'; readonly partition: number; readonly batch: readonly Signal[] }
  /** A consumer's answer, for whoever waits for it. */
  | { readonly kind: 'answer'; readonly answer: ForeignAnswer }

/** One per worker thread. */
export class EngineThread {
  readonly #task: ThreadTask
  readonly #mesh: Mesh
  readonly #table: RoutingTable
  readonly #recorder: FlightRecorder
  readonly #twin: Twin
  readonly #partitions = new Map<number, Partition>()
  readonly #shards = new Map<number, Shard>()
  readonly #gauge: ThreadGauge
  readonly #logCollector: LogCollector | undefined

  constructor(task: ThreadTask) {
    const { thread, settings } = task
    this.#task = task
    this.#gauge = new ThreadGauge(thread)
    const { publishedLogs } = settings
    this.#logCollector = publishedLogs && new LogCollector(publishedLogs)
    this.#recorder = openFlightRecorder(recorderFile(settings.recorderFolder, thread))
    this.#mesh = createMesh(thread, {
      signals: (shard, batch) => this.#deliver(shard, batch),
      acknowledgements: (shard, batch) => this.#shards.get(shard)?.acknowledge(batch),
      congestion: (shard, congestion) => this.#table.setCongestion(shard, congestion),
      behind: (other, behind) => this.#table.setBehind(other, behind),
      request: (body) => this.#serve(body as MeshRequest),
    })
    this.#table = createRoutingTable({
      ...this.#mesh,
      answer: (answer) => this.#offer(answer),
    })
    this.#twin = this.#openTwin()
  }

  /** Serves until told to stop; then closes the twins. */
  async run(): Promise<void> {
    const { port } = this.#task
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
    port.on('message', (order: ThreadOrder) => {
      if (order.kind === 'stop') stop()
      else void this.#obey(order)
    })
    report(port, { kind: 'ready' })
    await stopped
    this.#gauge.close()
    await this.#twin.close()
    this.#mesh.close()
    this.#recorder.close()
    port.close()
  }

  /** Runs one shard until it has closed. */
  async runShard({ description, counters, port }: ShardTask): Promise<void> {
    const tell = (message: ShardReport): void => port.postMessage(message)
    try {
      const shard = await this.#createShard(
        description,
        new ShardCounters(counters, counterAddresses(description.connection)),
        (status) => tell({ kind: 'status', status }),
      )
      this.#shards.set(description.shard, shard)
      tell({ kind: 'made', subscription: shard.subscription })
      await obeyUntilClosed(shard, port)
      this.#shards.delete(description.shard)
    } catch (thrown) {
      if (isOutOfDescriptors(thrown)) throw new Error(OUT_OF_DESCRIPTORS, { cause: thrown })
      if (!(thrown instanceof DittoException)) throw thrown
      tell({ kind: 'refused', error: thrown.error })
    }
    port.close()
  }

  #deliver(shard: number, batch: readonly Signal[]): void {
    const receiver = this.#shards.get(shard)
    if (receiver !== undefined) receiver.deliver(batch)
    // Parking and the order of closing are there to prevent it; if they ever do not, it must show.
    else process.stderr.write(`${batch.length} signals were lost: shard ${shard} is not there\n`)
  }

  async #createShard(
    description: ShardDescription,
    counters: ShardCounters,
    onStatus: (status: ShardStatus) => void,
  ): Promise<Shard> {
    const { shard, connection } = description
    const logCollector = this.#logCollector
    return createShard(description, {
      thread: this.#task.thread,
      twin: this.#twin,
      router: this.#table,
      recorder: this.#recorder.recorderFor(shard, connection.id),
      createTransport: await loadTransport(connection),
      counters,
      ...(logCollector === undefined ? {} : { logCollector }),
      onStatus,
      now: Date.now,
    })
  }

  async #obey(order: Exclude<ThreadOrder, { kind: 'stop' }>): Promise<void> {
    if (order.kind === 'link') {
      this.#mesh.connect(order.thread, order.port)
      return
    }
    if (order.kind === 'subscriptions') this.#table.update(order.subscriptions)
    else if (order.kind === 'park') this.#table.park(order.connectionId)
    else if (order.kind === 'unpark') this.#table.unpark(order.connectionId)
    else this.#reportOnItself()
    report(this.#task.port, { kind: 'answer', request: order.request })
  }

  #reportOnItself(): void {
    const { port } = this.#task
    const reports = this.#logCollector?.fetch() ?? []
    if (reports.length > 0) report(port, { kind: 'published-logs', reports })
    const waitsForStore = [...this.#shards.values()].some((shard) => shard.waitsForStore)
    report(port, { kind: 'figures', figures: this.#gauge.read(waitsForStore) })
  }

  #openTwin(): Twin {
    const { thread, settings } = this.#task
    const layout = openTwinLayout(settings.twinFolder, settings.threads)
    const links = Array.from({ length: layout.count }, (_, index): PartitionLink => {
      const owner = index % settings.threads
      if (owner !== thread) {
        return {
          execute: (batch) => {
            const request: MeshRequest = { kind: 'execute', partition: index, batch }
            return this.#mesh.request(owner, request) as ReturnType<PartitionLink['execute']>
          },
        }
      }
      // The control plane logs what the engine writes.
      const onDamage = (text: string) => void process.stderr.write(`${text}\n`)
      const partition = openPartition(layout.pathOf(index), { onDamage })
      this.#partitions.set(index, partition)
      return partition
    })
    return createPartitionedTwin(links, async () => {
      await Promise.all([...this.#partitions.values()].map((partition) => partition.close()))
    })
  }

  async #serve(request: MeshRequest): Promise<unknown> {
    if (request.kind === 'answer') return this.#table.takeAnswer(request.answer)
    const { partition, batch } = request
    const local = this.#partitions.get(partition)
    if (local === undefined) throw new Error(`partition ${partition} is not on this thread`)
    return local.execute(batch)
  }

  /** Asks all other threads; one that dies meanwhile waits for nothing any more. */
  async #offer(answer: ForeignAnswer): Promise<boolean> {
    const { thread, settings } = this.#task
    const request: MeshRequest = { kind: 'answer', answer }
    const others = Array.from({ length: settings.threads }, (_, other) => other)
    const taken = await Promise.all(
      others
        .filter((other) => other !== thread)
        .map((other) => this.#mesh.request(other, request).catch(() => false)),
    )
    return taken.includes(true)
  }
}

function report(port: MessagePort, message: ThreadReport): void {
  port.postMessage(message)
}

async function loadTransport({ connectionType }: Connection): Promise<TransportFactory> {
  const load = transports[connectionType]
  if (load === undefined) throw new Error(`there is no binding for ${connectionType}`)
  return load()
}

/** Passes orders on to the shard; resolves when it has closed. */
async function obeyUntilClosed(shard: Shard, port: MessagePort): Promise<void> {
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>()
  const tell = (message: ShardReport): void => port.postMessage(message)
  let keepsLog = false
  port.on('message', (order: ShardOrder) => {
    if (order.kind === 'start') shard.start()
    else if (order.kind === 'retry') shard.retry()
    else if (order.kind === 'set-logs') shard.setLogs(order.active)
    else if (order.kind === 'reset-logs') shard.resetLogs()
    else if (order.kind === 'close') {
      keepsLog = order.keepsLog
      shard.close(order.successor).then(resolve, reject)
    } else if (order.kind === 'drain') shard.drain().then(() => tell({ kind: 'drained' }), reject)
    else {
      tell({ kind: 'logs', request: order.request, news: shard.logs(order.after) })
    }
  })
  await closed
  // The log outlives its shard; of a deleted connection nobody reads it any more.
  if (keepsLog) tell({ kind: 'farewell', news: shard.logs(0) })
}
