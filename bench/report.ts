/** What the benchmark prints: a table for people, one JSON object for machines. Measures nothing. */
import { cpus } from 'node:os'
import type { MicroRun } from './micro/compare.ts'
import { microTable } from './micro/table.ts'
import type { Load } from './scenarios/scenario.ts'
import { type FigureRun, figureTable } from './support/figures.ts'
import { aligned, cpuModel, machineLine } from './support/lines.ts'
import type { Measurement } from './support/measure.ts'

/** Other programs that take more than this spoil a measurement. */
const DISTURBING_CORES = 0.15

/** One scenario, measured. */
export interface Run {
  readonly scenario: string
  readonly summary: string
  readonly qos: 0 | 1
  readonly devices: number
  readonly payloadBytes: number
  readonly load: Load
  /** Undefined: the gateway's default. */
  readonly threads: number | undefined
  readonly gateway: Measurement
  readonly baseline: Measurement | undefined
}

/** What `npm run bench` measured of one name: the service, or parts of it. */
export type AnyRun = Run | MicroRun | FigureRun

/** Whether the service was measured. */
export function isServiceRun(run: AnyRun): run is Run {
  return 'gateway' in run
}

/** All runs as one JSON object; times are microseconds, unless their name says nanoseconds. */
export function jsonReport(runs: readonly AnyRun[]): string {
  const machine = { cpu: cpuModel(), cores: cpus().length, node: process.version }
  const compared = runs.map((run) =>
    isServiceRun(run) ? { ...run, cpuRatio: cpuRatio(run) } : run,
  )
  return JSON.stringify({ machine, runs: compared }, null, 2)
}

/** One run as a table, with a column for the baseline when there is one. */
export function tableReport(run: AnyRun): string {
  if ('values' in run) return figureTable(run)
  if (!isServiceRun(run)) return microTable(run)
  const measurements = run.baseline === undefined ? [run.gateway] : [run.gateway, run.baseline]
  const rows = measurements.map(cells)
  const labels = Object.keys(rows[0]!)
  const table = labels.map((label) => [label, ...rows.map((row) => row[label] ?? '')])
  const lines =
    run.baseline === undefined ? table : [['', ...measurements.map(({ name }) => name)], ...table]
  return [title(run), ...aligned(lines), ...notes(run)].join('\n')
}

/** How many times the CPU time of the bare client library a message costs. */
export function cpuRatio({ gateway, baseline }: Run): number | undefined {
  if (gateway.cpuUsPerMessage === undefined || !baseline?.cpuUsPerMessage) return undefined
  return gateway.cpuUsPerMessage / baseline.cpuUsPerMessage
}

function title({ scenario, summary, qos, devices, payloadBytes, load, gateway }: Run): string {
  const loop =
    load.kind === 'closed' ? `closed loop, ${load.window} on their way` : `${load.rate} msg/s`
  const parameters = `QoS ${qos}, ${devices} devices, ${payloadBytes} bytes, ${loop}`
  return `${scenario}: ${summary}\n${parameters}, ${gateway.seconds.toFixed(1)} s\n`
}

function cells(measurement: Measurement): Readonly<Record<string, string>> {
  const { latencyUs, account } = measurement
  const lostPercent = account.sent === 0 ? 0 : (account.lost / account.sent) * 100
  return {
    throughput: `${Math.round(measurement.messagesPerSecond)} msg/s`,
    'CPU per message': us(measurement.cpuUsPerMessage),
    'latency p50': ms(latencyUs.p50),
    'latency p99': ms(latencyUs.p99),
    'latency max': ms(latencyUs.max),
    memory: megabytes(measurement.rssBytes),
    sent: String(account.sent),
    received: String(account.received),
    lost: `${account.lost} (${lostPercent.toFixed(2)} %)`,
    duplicates: String(account.duplicates),
    overtaken: String(account.overtaken),
  }
}

function notes(run: Run): readonly string[] {
  const { gateway } = run
  const ratio = cpuRatio(run)
  const compared =
    ratio === undefined
      ? []
      : [`A message costs ${ratio.toFixed(1)} times the CPU of ${run.baseline!.name} alone.`]
  const split =
    gateway.rootCpuUsPerMessage === undefined
      ? []
      : [`Of the CPU per message, the control plane took ${us(gateway.rootCpuUsPerMessage)}.`]
  const generator =
    gateway.generatorCpuUsPerMessage === undefined
      ? ''
      : ` (${us(gateway.generatorCpuUsPerMessage)} per message for the load generator)`
  const busy = `${gateway.busyCores.toFixed(1)} of ${gateway.cores} cores were busy${generator}.`
  const foreign =
    gateway.account.foreign === 0
      ? []
      : [`${gateway.account.foreign} messages arrived that carried no number.`]
  const disturbed =
    (gateway.foreignCores ?? 0) < DISTURBING_CORES
      ? []
      : [`Other programs kept ${gateway.foreignCores!.toFixed(1)} cores busy: do not trust this.`]
  return ['', ...compared, ...split, busy, ...disturbed, ...foreign, machineLine()]
}

function us(value: number | undefined): string {
  return value === undefined ? 'not measured' : `${value.toFixed(1)} µs`
}

function ms(valueUs: number): string {
  return `${(valueUs / 1_000).toFixed(valueUs < 10_000 ? 2 : 1)} ms`
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? 'not measured' : `${Math.round(bytes / 1024 / 1024)} MB`
}
