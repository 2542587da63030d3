/**
 * Entry of the process in which scripts are tried out before they may run in the engine: a connection
 * is compiled, or sample messages are mapped. Foreign code may end this process without harm to any
 * connection; the control plane starts another one.
 */

import { asConfigurationError } from '../mapping/definitions.ts'
import { runTrial } from '../mapping/trial.ts'
import type { TrialResult } from '../mapping/trial-schema.ts'
import { counterAddresses, createCounterBuffer, ShardCounters } from '../monitoring/counters.ts'
import { connectivityInternalError } from '../protocol/connectivity-errors.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import { createRoutingTable } from '../routing/table.ts'
import { createShard } from '../shard/shard.ts'
import type { Twin } from '../twin/twin.ts'
import { openFlightRecorder } from './flight-recorder.ts'
import type { TrialAnswer, TrialOrder } from './trial-orders.ts'

/** A connection that is only compiled has no twins … */
const NO_TWIN: Twin = { execute: async () => [], close: async () => {} }
/** … and a number that no shard of an engine has. */
const NO_SHARD = 0

async function obey(order: TrialOrder): Promise<TrialAnswer> {
  const recorder = openFlightRecorder(order.recorderFile)
  try {
    return { kind: 'done', result: await tryOut(order, recorder) }
  } catch (thrown) {
    return { kind: 'refused', error: errorOf(thrown) }
  } finally {
    recorder.close()
  }
}

async function tryOut(
  order: TrialOrder,
  recorder: ReturnType<typeof openFlightRecorder>,
): Promise<TrialResult | undefined> {
  if (order.kind === 'check') {
    await compile(order, recorder)
    return undefined
  }
  const { trial, definitions, connectionId, limits } = order
  const own = recorder.recorderFor(NO_SHARD, connectionId)
  return runTrial(trial, definitions, { connectionId, limits, recorder: own })
}

/** Makes a shard of the connection, which compiles everything there is, and forgets it. */
async function compile(
  { connection, settings }: TrialOrder & { kind: 'check' },
  recorder: ReturnType<typeof openFlightRecorder>,
): Promise<void> {
  const addresses = counterAddresses(connection)
  const description = {
    shard: NO_SHARD,
    connection,
    clientIndex: 0,
    dryRun: true,
    logsActive: false,
    settings,
  }
  const shard = createShard(description, {
    thread: 0,
    twin: NO_TWIN,
    router: createRoutingTable({
      signals: () => {},
      acknowledgements: () => {},
      congestion: () => {},
      answer: async () => false,
    }),
    recorder: recorder.recorderFor(NO_SHARD, connection.id),
    createTransport: () => {
      throw new Error('a connection that is only compiled does not connect')
    },
    counters: new ShardCounters(createCounterBuffer(addresses), addresses),
    onStatus: () => {},
    now: Date.now,
  })
  await shard.close(undefined)
}

function errorOf(thrown: unknown): DittoError {
  if (thrown instanceof DittoException) return asConfigurationError(thrown.error)
  return connectivityInternalError(String(thrown))
}

function send(answer: TrialAnswer): void {
  if (process.connected) process.send?.(answer)
}

process.on('message', async (order: TrialOrder) => send(await obey(order)))
// A script that does not come back would survive process.exit.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
send({ kind: 'ready' })
