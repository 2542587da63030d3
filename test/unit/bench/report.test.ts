/** What the benchmark prints of a measurement, and what it reads from /proc. */
import { spawn } from 'node:child_process'
import * as assert from 'uvu/assert'
import { jsonReport, type Run, tableReport } from '../../../bench/report.ts'
import type { Measurement } from '../../../bench/support/measure.ts'
import { cpuBetween, parseStat, type Usage, usageOfTree } from '../../../bench/support/processes.ts'
import { Progress } from '../../../bench/support/progress.ts'
import { suite } from '../../support/suite.ts'

const it = suite('bench/report')

const LATENCY = { count: 10, mean: 1, p50: 1_234, p90: 1, p99: 23_456, p999: 1, max: 100_000 }

const MEASUREMENT: Measurement = {
  name: 'Sluice',
  seconds: 10.04,
  messagesPerSecond: 20_000.4,
  cpuUsPerMessage: 40.04,
  rootCpuUsPerMessage: 0.26,
  generatorCpuUsPerMessage: 5,
  busyCores: 1.5,
  foreignCores: 0.05,
  cores: 2,
  latencyUs: LATENCY,
  rssBytes: 300 * 1024 * 1024,
  account: { sent: 1_000, received: 990, lost: 10, duplicates: 2, overtaken: 1, foreign: 0 },
}

const RUN: Run = {
  scenario: 'twin',
  summary: 'there and back',
  qos: 0,
  devices: 50,
  payloadBytes: 70,
  load: { kind: 'closed', window: 500 },
  threads: undefined,
  gateway: MEASUREMENT,
  baseline: undefined,
}

const BASELINE = { ...MEASUREMENT, name: 'mqtt.js', cpuUsPerMessage: 20.02 }

it('the table says what was measured and how', () => {
  const text = tableReport(RUN)
  assert.match(
    text,
    /^twin: there and back\nQoS 0, 50 devices, 70 bytes, closed loop, 500 on their/,
  )
  const rows = ['throughput +20000 msg/s', 'CPU per message +40.0 µs', 'latency p50 +1.23 ms']
  rows.push('latency p99 +23.5 ms', 'latency max +100.0 ms', 'memory +300 MB')
  rows.push('lost +10 \\(1.00 %\\)', 'duplicates +2', 'overtaken +1')
  for (const row of rows) assert.match(text, new RegExp(`^${row}$`, 'm'))
})

it('a baseline stands beside it, with the ratio', () => {
  const text = tableReport({ ...RUN, baseline: BASELINE })
  assert.match(text, /^ +Sluice +mqtt\.js$/m)
  assert.match(text, /^CPU per message +40\.0 µs +20\.0 µs$/m)
  assert.match(text, 'costs 2.0 times the CPU of mqtt.js alone')
})

it('what could not be measured is not made up', () => {
  const gateway = { ...MEASUREMENT, cpuUsPerMessage: undefined, rssBytes: undefined }
  const text = tableReport({ ...RUN, gateway, baseline: BASELINE })
  assert.match(text, /^CPU per message +not measured +20\.0 µs$/m)
  assert.not.match(text, 'times the CPU')
})

it('a measurement that other programs disturbed says so', () => {
  assert.not.match(tableReport(RUN), 'do not trust')
  const text = tableReport({ ...RUN, gateway: { ...MEASUREMENT, foreignCores: 0.62 } })
  assert.match(text, 'Other programs kept 0.6 cores busy: do not trust this.')
})

it('machines get one JSON object with everything in it', () => {
  const { machine, runs } = JSON.parse(jsonReport([{ ...RUN, baseline: BASELINE }, RUN]))
  assert.is(machine.node, process.version)
  assert.is(runs.length, 2)
  assert.is(runs[0].cpuRatio, 2)
  assert.is(runs[0].gateway.latencyUs.p99, 23_456)
  assert.equal(runs[0].gateway.account, MEASUREMENT.account)
})

it('a line of /proc is read behind the name, whatever the name is', () => {
  const fields = Array.from({ length: 50 }, (_, index) => String(index + 3))
  fields[1] = '17'
  fields[11] = '250'
  fields[12] = '50'
  fields[21] = '1000'
  const usage = parseStat(`4711 (a) b) S (c) ${fields.join(' ')}`, 4_096)
  assert.equal(usage, { pid: 4711, parent: 17, cpuUs: 3_000_000, rssBytes: 4_096_000 })
})

function usage(pid: number, cpuUs: number): Usage {
  return { pid, parent: 1, cpuUs, rssBytes: 0 }
}

it('CPU time between two readings counts processes that began, and refuses those that ended', () => {
  const before = [usage(1, 10), usage(2, 100)]
  const after = [usage(1, 15), usage(2, 130), usage(3, 7)]
  assert.equal(cpuBetween(before, after), { rootUs: 5, descendantsUs: 37 })
  assert.throws(() => cpuBetween(after, before), 'process 3 ended')
})

it('the tree of a process has its children in it', async () => {
  if (process.platform !== 'linux') return
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const tree = usageOfTree(process.pid)
  child.kill()
  assert.is(tree?.[0]?.pid, process.pid)
  assert.ok(tree?.some(({ pid, parent }) => pid === child.pid && parent === process.pid))
  assert.ok(tree?.every(({ rssBytes }) => rssBytes >= 0))
})

function progressOn(isTTY: boolean) {
  const written: string[] = []
  let now = 0
  const write = (text: string | Uint8Array): boolean => written.push(String(text)) > 0
  const progress = new Progress({ isTTY, write }, () => now)
  return {
    written,
    progress,
    wait: (ms: number) => {
      now += ms
    },
  }
}

it('a terminal gets a bar, anything else a line now and then', () => {
  const terminal = progressOn(true)
  terminal.progress.show(0.5, 'half')
  assert.match(terminal.written.join(''), /█{15}░{15} half$/)
  const pipe = progressOn(false)
  for (const share of [0.1, 0.2, 0.3]) {
    pipe.progress.show(share, 'running')
    pipe.wait(1_000)
  }
  assert.equal(pipe.written, [' 10 %  running\n', ' 30 %  running\n'])
})
