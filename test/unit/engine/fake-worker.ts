/**
 * A pool's worker whose shards do nothing but what the name of their connection says. Real threads,
 * no brokers, twins or scripts.
 */
import type { MessagePort } from 'node:worker_threads'
import type {
  ShardOrder,
  ShardReport,
  ShardTask,
  ThreadOrder,
  ThreadReport,
  ThreadTask,
  WorkerTask,
} from '../../../src/engine/messages.ts'
import { counterAddresses, ShardCounters } from '../../../src/monitoring/counters.ts'
import { connectivityInternalError } from '../../../src/protocol/connectivity-errors.ts'
import type { Subscription } from '../../../src/routing/router.ts'
import type { ShardDescription } from '../../../src/shard/description.ts'

/** Names of connections, and what their shards do when started. */
export const GREEDY = 'needs more heap than there is'
export const REFUSED = 'cannot be made'

let here = -1
let subscriptions: readonly Subscription[] = []

export default async function run(task: WorkerTask): Promise<void> {
  await (task.kind === 'thread' ? runThread(task) : runShard(task))
}

function runThread({ thread, port }: ThreadTask): Promise<void> {
  here = thread
  const tell = (report: ThreadReport): void => port.postMessage(report)
  const stopped = new Promise<void>((resolve) => {
    port.on('message', (order: ThreadOrder) => {
      if (order.kind === 'stop') resolve()
      if (order.kind === 'subscriptions') subscriptions = order.subscriptions
      if ('request' in order) tell({ kind: 'answer', request: order.request })
    })
  })
  tell({ kind: 'ready' })
  return stopped.then(() => port.close())
}

async function runShard({ description, counters, port }: ShardTask): Promise<void> {
  const tell = (report: ShardReport): void => port.postMessage(report)
  if (description.connection.name === REFUSED) {
    tell({ kind: 'refused', error: connectivityInternalError(REFUSED) })
  } else {
    tell({ kind: 'made', subscription: subscribe(description) })
    const addresses = counterAddresses(description.connection)
    await untilClosed(description, new ShardCounters(counters, addresses), port)
  }
  port.close()
}

function subscribe({ connection, clientIndex, shard }: ShardDescription): Subscription {
  return {
    connectionId: connection.id,
    thread: here,
    shard,
    clientIndex,
    clientCount: connection.clientCount,
    types: ['twin-events'],
    namespaces: undefined,
    labels: [],
    takesDiverted: false,
  }
}

function untilClosed(
  { connection }: ShardDescription,
  counters: ShardCounters,
  port: MessagePort,
): Promise<void> {
  return new Promise((resolve) => {
    port.on('message', (order: ShardOrder) => {
      if (order.kind === 'drain') port.postMessage({ kind: 'drained' } satisfies ShardReport)
      if (order.kind === 'close') resolve()
      if (order.kind === 'start' && connection.name === GREEDY) devour(counters)
      if (order.kind === 'start') tellState(port)
    })
  })
}

/** The details of the status: the thread, and the connections it knows to have shards. */
function tellState(port: MessagePort): void {
  const known = subscriptions.map(({ connectionId }) => connectionId).sort()
  const details = JSON.stringify({ thread: here, known })
  const client = { status: 'open', recovery: 'succeeded', details, since: 0 } as const
  const report: ShardReport = { kind: 'status', status: { client, addresses: [] } }
  port.postMessage(report)
}

function devour(counters: ShardCounters): void {
  counters.inbound('in').success('consumed', 3)
  const eaten: object[] = []
  for (;;) eaten.push({ more: [eaten.length] })
}
