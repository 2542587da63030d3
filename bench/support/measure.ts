/** One measurement: load through a subject, first to warm it up, then to measure it. */
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Account } from '../peers/messages.ts'
import type { Peer } from '../scenarios/scenario.ts'
import type { Summary } from './histogram.ts'
import { PeerProcess } from './peer.ts'
import { cpuBetween, machineBusyUs, type TreeCpu, type Usage, usageOfTree } from './processes.ts'
import type { Progress } from './progress.ts'
import type { Subject } from './subject.ts'

/** How to measure. */
export interface MeasureOptions {
  readonly name: string
  readonly generator: Peer
  readonly subject: Subject
  readonly warmUpMs: number
  readonly durationMs: number
  readonly progress: Progress
  readonly signal: AbortSignal
}

/** What was measured. What needs /proc is undefined without it. */
export interface Measurement {
  readonly name: string
  readonly seconds: number
  readonly messagesPerSecond: number
  /** CPU time of the subject for each message that arrived, in microseconds. */
  readonly cpuUsPerMessage: number | undefined
  /** The part of its first process: of the gateway, the control plane. */
  readonly rootCpuUsPerMessage: number | undefined
  readonly generatorCpuUsPerMessage: number | undefined
  /** Cores that were busy with anything, on average. */
  readonly busyCores: number
  /** Cores that were busy with what is no part of the benchmark: they make the numbers worse. */
  readonly foreignCores: number | undefined
  readonly cores: number
  readonly latencyUs: Summary
  readonly rssBytes: number | undefined
  readonly account: Account & { readonly lost: number }
}

/** What is read at both ends of the measured time. */
interface Reading {
  readonly atMs: number
  readonly busyUs: number
  readonly subject: readonly Usage[] | undefined
  readonly generator: readonly Usage[] | undefined
  /** The benchmark with all that it started. */
  readonly all: readonly Usage[] | undefined
}

/** Runs the load. Rejects when generator or subject fail, or the signal comes. */
export async function measure(options: MeasureOptions): Promise<Measurement> {
  const { name, subject, warmUpMs, durationMs, progress, signal } = options
  const startedAt = performance.now()
  let lastReceived = 0
  let lastAt = startedAt
  const generator = new PeerProcess(options.generator, (_, received) => {
    const now = performance.now()
    const rate = ((received - lastReceived) / (now - lastAt)) * 1_000
    lastReceived = received
    lastAt = now
    progress.show((now - beganAt) / (warmUpMs + durationMs), `${name}  ${Math.round(rate)} msg/s`)
  })
  let beganAt = startedAt
  try {
    progress.step(`${name}: preparing`)
    await generator.ready()
    beganAt = performance.now()
    generator.command({ kind: 'begin' })
    await delay(warmUpMs, undefined, { signal })
    generator.command({ kind: 'measure' })
    const before = read(subject, generator)
    await delay(durationMs, undefined, { signal })
    generator.command({ kind: 'finish' })
    const after = read(subject, generator)
    const { received, latencyUs } = await generator.report('window')
    const { account } = await generator.report('result')
    return conclude(name, { before, after, received, latencyUs, account })
  } finally {
    progress.end()
    await generator.stop()
  }
}

function read(subject: Subject, generator: PeerProcess): Reading {
  return {
    atMs: performance.now(),
    busyUs: machineBusyUs(),
    subject: usageOfTree(subject.pid),
    generator: usageOfTree(generator.pid),
    all: usageOfTree(process.pid),
  }
}

function conclude(
  name: string,
  run: {
    readonly before: Reading
    readonly after: Reading
    readonly received: number
    readonly latencyUs: Summary
    readonly account: Account
  },
): Measurement {
  const { before, after, received, latencyUs, account } = run
  const seconds = (after.atMs - before.atMs) / 1_000
  const subject = cpuOf(before.subject, after.subject)
  const generator = cpuOf(before.generator, after.generator)
  const all = cpuOf(before.all, after.all)
  const busyCores = (after.busyUs - before.busyUs) / 1e6 / seconds
  const perMessage = (us: number | undefined): number | undefined =>
    us === undefined || received === 0 ? undefined : us / received
  return {
    name,
    seconds,
    messagesPerSecond: received / seconds,
    cpuUsPerMessage: perMessage(subject && totalUs(subject)),
    rootCpuUsPerMessage: perMessage(subject?.rootUs),
    generatorCpuUsPerMessage: perMessage(generator?.rootUs),
    busyCores,
    foreignCores: all && Math.max(0, busyCores - totalUs(all) / 1e6 / seconds),
    cores: availableParallelism(),
    latencyUs,
    rssBytes: after.subject?.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    account: { ...account, lost: account.sent - account.received },
  }
}

function cpuOf(
  before: readonly Usage[] | undefined,
  after: readonly Usage[] | undefined,
): TreeCpu | undefined {
  return before && after && cpuBetween(before, after)
}

function totalUs({ rootUs, descendantsUs }: TreeCpu): number {
  return rootUs + descendantsUs
}
