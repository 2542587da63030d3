/**
 * Entry of the engine's process. Connects the engine with the control plane that forked it, and does
 * nothing else. Without its control plane it ends at once: nobody could stop it any more, and what is
 * unsettled the brokers deliver again.
 */

import type { LogReport } from '../monitoring/log-collector.ts'
import { DittoException, toDittoError } from '../protocol/errors.ts'
import { Engine } from './engine.ts'
import type { EngineCall, EngineMessage, EngineOrder, EngineSettings } from './messages.ts'

const WORKER = new URL('../../workers/shard.ts', import.meta.url)

/** How often counters and a sign of life go to the control plane, in milliseconds. */
const PULSE_MS = 1_000

/** How many seconds of each thread's logs may be on their way to the control plane. */
const MAX_UNSENT_LOGS_S = 4

function send(message: EngineMessage, onSent = (): void => {}): void {
  if (process.connected) process.send?.(message, onSent)
}

/** Sends logs; a control plane that does not keep up is only told how much there was. */
function logSender(threads: number): (reports: readonly LogReport[]) => void {
  let unsent = 0
  return (reports) => {
    const isBehind = unsent >= MAX_UNSENT_LOGS_S * threads
    const sent = isBehind ? reports.map(withoutEntries) : reports
    unsent++
    send({ kind: 'published-logs', reports: sent }, () => {
      unsent--
    })
  }
}

function withoutEntries({ entries, dropped, ...author }: LogReport): LogReport {
  return { ...author, entries: [], dropped: dropped + entries.length }
}

async function start(settings: EngineSettings): Promise<Engine> {
  const engine = new Engine(settings, WORKER, {
    onStatus: (shard, status) => send({ kind: 'status', shard, status }),
    onCounters: (counters) => send({ kind: 'counters', counters }),
    onPublishedLogs: logSender(settings.threads),
    onShardsLost: (thread, shards, reason) => send({ kind: 'shards-lost', thread, shards, reason }),
    onBroken: (error) => {
      throw error
    },
  })
  await engine.start()
  setInterval(() => {
    void engine.readCounters()
    void engine.ping().then(() => send({ kind: 'pulse', figures: engine.figures }))
  }, PULSE_MS)
  send({ kind: 'ready' })
  return engine
}

async function answer(engine: Engine, { request, method, args }: EngineCall): Promise<void> {
  try {
    const call = engine[method] as (...args: readonly unknown[]) => Promise<unknown>
    const value = await call.apply(engine, args)
    // The last word must be out before the process ends.
    const onSent = method === 'stop' ? () => process.exit(0) : () => {}
    process.send?.({ kind: 'answer', request, value } satisfies EngineMessage, onSent)
  } catch (thrown) {
    if (!(thrown instanceof DittoException)) process.stderr.write(`${String(thrown)}\n`)
    const fallback = {
      status: 500,
      error: 'connectivity:internalerror',
      message: `The engine could not carry out <${method}>.`,
    }
    send({ kind: 'refusal', request, error: toDittoError(thrown, fallback) })
  }
}

let engine: Promise<Engine> | undefined
process.on('message', async (order: EngineOrder) => {
  if ('kind' in order) engine = start(order.settings)
  else if (engine !== undefined) await answer(await engine, order)
})
// A thread stuck in a native call would survive process.exit and hold its sessions.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// A terminal and a service manager signal the whole group; only the control plane decides what follows.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
