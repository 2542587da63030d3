/**
 * Entry of the process in which scripts are tried out before they may run in the engine: a connection
 * is compiled, or sample messages are mapped. Foreign code may end this process without harm to any
 * connection; the control plane starts another one.
 */

import { asConfigurationError } from '../mapping/definitions.ts'
import { prepareTrial } from '../mapping/trial.ts'
import { counterAddresses, createCounterBuffer, ShardCounters } from '../monitoring/counters.ts'
import { connectivityInternalError } from '../protocol/connectivity-errors.ts'
import { type DittoError, DittoException } from '../protocol/errors.ts'
import { createRoutingTable } from '../routing/table.ts'
import { createShard } from '../shard/shard.ts'
import type { Twin } from '../twin/twin.ts'
import { openFlightRecorder } from './flight-recorder.ts'
import type { TrialAnswer, TrialOrder, TrialProgress } from './trial-orders.ts'

/** A connection that is only compiled has no twins … */
const NO_TWIN: Twin = { execute: async () => [], close: async () => {} }
/** … and a number that no shard of an engine has. */
const NO_SHARD = 0

async function obey(order: TrialOrder): Promise<TrialAnswer> {
  const recorder = openFlightRecorder(order.recorderFile)
  try {
    await (order.kind === 'check' ? compile(order, recorder) : map(order, recorder))
    return { kind: 'done' }
  } catch (thrown) {
    return { kind: 'refused', error: errorOf(thrown) }
  } finally {
    recorder.close()
  }
}

/** Tells what came of one message before it tries the next: that one may end this process. */
async function map(
  { trial, definitions, connectionId, limits }: TrialOrder & { kind: 'map' },
  recorder: ReturnType<typeof openFlightRecorder>,
): Promise<void> {
  const own = recorder.recorderFor(NO_SHARD, connectionId)
  const mappings = prepareTrial(trial, definitions, { connectionId, limits, recorder: own })
  await send({ kind: 'compiled' })
  for await (const mapping of mappings) await send({ kind: 'mapped', mapping })
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

/** Resolves when the kernel has it, or nobody waits for it any more. */
function send(message: TrialAnswer | TrialProgress): Promise<void> {
  return new Promise((resolve) => {
    process.send!(message, () => resolve())
  })
}

process.on('message', async (order: TrialOrder) => send(await obey(order)))
// A script that does not come back would survive process.exit.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
send({ kind: 'ready' })
