/** What the entries of successes cost: the main way with logs kept, and with none. */
import { prepareTwin } from '../scenarios/twin.ts'
import type { FigureOptions } from '../support/figures.ts'
import { measure } from '../support/measure.ts'
import { startGateway } from '../support/subject.ts'

/** Each alternative has so many turns, in an order that favours none: single turns differ by a tenth. */
const TURNS = ['off', 'on', 'on', 'off', 'off', 'on', 'on', 'off', 'off', 'on'] as const

/** Keys of config.toml; metrics are always on. */
const LOGS = { off: { duration_hours: 0 }, on: {} }

/** CPU time per message in microseconds, of the turns that were disturbed least, and of all. */
export interface LogCost {
  readonly withoutUs: number
  readonly withUs: number
  readonly turns: { readonly off: readonly number[]; readonly on: readonly number[] }
}

/** Measures both by turns, each with a gateway of its own. Undefined where there is no /proc. */
export async function logCost(options: FigureOptions): Promise<LogCost | undefined> {
  const { durationMs, warmUpMs, progress, signal } = options
  const stage = await prepareTwin({
    devices: 50,
    payloadBytes: 70,
    qos: 0,
    load: { kind: 'closed', window: 500 },
  })
  const figures = { off: [] as number[], on: [] as number[] }
  try {
    for (const turn of TURNS) {
      const name = `logs ${turn}`
      const subject = await startGateway(stage, { 'monitoring.logs': LOGS[turn] })
      const { generator } = stage
      const order = { name, generator, subject, warmUpMs, durationMs, progress, signal }
      const { cpuUsPerMessage } = await measure(order).finally(() => subject.stop())
      if (cpuUsPerMessage === undefined) return undefined
      figures[turn].push(cpuUsPerMessage)
    }
  } finally {
    await stage.stop()
  }
  return { withoutUs: Math.min(...figures.off), withUs: Math.min(...figures.on), turns: figures }
}
