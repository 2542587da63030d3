/** What it costs to be watched: logs of successes, and looking at a thousand connections. */
import { installMissingTools } from '../../test/support/tools.ts'
import type { FigureBenchmark } from '../support/figures.ts'
import { type LogCost, logCost } from './cost.ts'
import { CONNECTIONS, type Glances, glances, PATHS } from './glances.ts'

const LOG_GOAL_PERCENT = 5
const ANSWER_GOAL_MS = 50

export const monitoring: FigureBenchmark = {
  name: 'monitoring',
  summary: `logs of successes on and off, and a look at ${CONNECTIONS} connections under load`,
  run: async (options) => {
    await installMissingTools()
    const cost = await logCost(options)
    const seen = await glances(options)
    options.progress.end()
    return {
      head: ['', 'measured', 'goal'],
      rows: [...(cost === undefined ? [] : costRows(cost)), ...glanceRows(seen)],
      notes: [
        'The first rows: the scenario twin in a closed loop, the fastest of five turns. The others: twin',
        `at 500 messages per second beside ${CONNECTIONS} open connections, asked for four times a second.`,
      ],
      values: { cost, ...seen },
    }
  },
}

function costRows({ withoutUs, withUs, turns }: LogCost): readonly (readonly string[])[] {
  const percent = (withUs / withoutUs - 1) * 100
  return [
    ['CPU per message, logs off', usOf(withoutUs, turns.off), ''],
    ['CPU per message, logs of successes on', usOf(withUs, turns.on), ''],
    ['that is more', `${percent.toFixed(1)} %`, verdict(percent, LOG_GOAL_PERCENT, '%')],
  ]
}

function glanceRows({ answers, latency }: Glances): readonly (readonly string[])[] {
  return [
    ...PATHS.map((path) => {
      const { p50, p99 } = answers[path]
      const measured = `p50 ${ms(p50)}, p99 ${ms(p99)}`
      return [`GET ${path}`, measured, verdict(p99 / 1_000, ANSWER_GOAL_MS, 'ms')]
    }),
    ['messages meanwhile', `p99 ${ms(latency.beside.p99)}, max ${ms(latency.beside.max)}`, ''],
    ['messages before', `p99 ${ms(latency.alone.p99)}, max ${ms(latency.alone.max)}`, ''],
  ]
}

function verdict(measured: number, goal: number, unit: string): string {
  return `at most ${goal} ${unit}: ${measured <= goal ? 'met' : 'missed'}`
}

function usOf(fastest: number, turns: readonly number[]): string {
  const range = `${Math.min(...turns).toFixed(1)} to ${Math.max(...turns).toFixed(1)}`
  return `${fastest.toFixed(1)} µs (${range})`
}

function ms(valueUs: number): string {
  return `${(valueUs / 1_000).toFixed(2)} ms`
}
