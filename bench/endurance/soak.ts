/**
 * A steady mixed load for as long as one likes: readings over MQTT at QoS 1 through a script and the twin,
 * and live messages from AMQP 0.9.1 to AMQP 1.0. What must not grow is watched, and in the end the books of
 * the gateway are compared with those of the load generators.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { installMissingTools } from '../../test/support/tools.ts'
import type { Account } from '../peers/messages.ts'
import { relay } from '../scenarios/relay.ts'
import type { Stage } from '../scenarios/scenario.ts'
import { prepareTwin } from '../scenarios/twin.ts'
import type { FigureBenchmark, FigureOptions } from '../support/figures.ts'
import { PeerProcess } from '../support/peer.ts'
import type { Sluice } from '../support/sluice.ts'
import { startGateway } from '../support/subject.ts'
import { mb, type Sample, Sampler } from './samples.ts'

/** Readings, and live messages, per second: about half of what a core can do. */
const RATES = { twin: 2_000, relay: 1_000 }
/** What is flat may differ by so much from what it was after the warm-up. */
const GROWTH_GOAL = 0.1
const SAMPLES = 1_200
const DRAIN_LIMIT_MS = 60_000

export const soak: FigureBenchmark = {
  name: 'soak',
  summary:
    'mixed load for long (--duration 20m): memory, heap, descriptors, and whether books agree',
  run: async (options) => {
    await installMissingTools()
    const settings = { devices: 200, payloadBytes: 70 }
    const stages = [
      await prepareTwin({ ...settings, qos: 1, load: { kind: 'open', rate: RATES.twin } }),
      await relay('', 'amqp-091', 'amqp-10').prepare({
        ...settings,
        qos: 0,
        load: { kind: 'open', rate: RATES.relay },
      }),
    ]
    try {
      return await run(stages, options)
    } finally {
      await Promise.all(stages.map((stage) => stage.stop()))
    }
  },
}

async function run(stages: readonly Stage[], options: FigureOptions) {
  const connections = stages.flatMap((stage) => stage.connections)
  const gateway = await startGateway({ ...stages[0]!, connections })
  const { sluice } = gateway
  const peers = stages.map(({ generator }) => new PeerProcess(generator))
  try {
    await Promise.all(peers.map((peer) => peer.ready()))
    for (const peer of peers) peer.command({ kind: 'begin' })
    await wait('warming up', options.warmUpMs, options)
    for (const peer of peers) peer.command({ kind: 'measure' })
    const sampler = new Sampler(sluice, Math.max(500, options.durationMs / SAMPLES))
    await wait('soaking', options.durationMs, options)
    const samples = await sampler.stop()
    for (const peer of peers) peer.command({ kind: 'finish' })
    const accounts = await Promise.all(
      peers.map(async (peer) => (await peer.report('result', DRAIN_LIMIT_MS)).account),
    )
    const counted = await totals(sluice)
    return figures(samples, accounts, counted, sluice.output())
  } finally {
    options.progress.end()
    await Promise.all(peers.map((peer) => peer.stop()))
    await gateway.stop()
  }
}

async function wait(what: string, ms: number, { progress, signal }: FigureOptions): Promise<void> {
  const startedAt = performance.now()
  const left = (): number => ms - (performance.now() - startedAt)
  while (left() > 0) {
    progress.show(1 - left() / ms, what)
    await delay(Math.min(1_000, left()), undefined, { signal })
  }
}

/** What all connections have consumed and published, by their own count, once that has come to rest. */
async function totals(sluice: Sluice): Promise<{ consumed: number; published: number }> {
  let before = ''
  for (;;) {
    const { text } = await sluice.request('GET', '/metrics')
    const of = (category: string): number =>
      [...text.matchAll(new RegExp(`category="${category}",success="true"\\} (\\d+)`, 'g'))].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      )
    const now = { consumed: of('consumed'), published: of('published') }
    if (JSON.stringify(now) === before) return now
    before = JSON.stringify(now)
    await delay(2_500)
  }
}

function figures(
  samples: readonly Sample[],
  accounts: readonly Account[],
  counted: { readonly consumed: number; readonly published: number },
  output: string,
) {
  const sum = (of: (account: Account) => number): number =>
    accounts.reduce((total, account) => total + of(account), 0)
  const lost = sum(({ sent, received }) => sent - received)
  // Each device of the twin is set up by a message of its own, which causes an event, too.
  const others = counted.consumed - sum(({ sent }) => sent)
  return {
    head: ['', 'first tenth', 'last tenth', 'growth', `goal: ${GROWTH_GOAL * 100} %`],
    rows: [
      row('resident memory', samples, ({ rssBytes }) => rssBytes, mb),
      ...samples[0]!.heapsBytes.map((_, thread) =>
        row(`heap of thread ${thread}`, samples, ({ heapsBytes }) => heapsBytes[thread] ?? 0, mb),
      ),
      row('open descriptors', samples, ({ descriptors }) => descriptors, String),
    ],
    notes: [
      `sent ${sum(({ sent }) => sent)}, received ${sum(({ received }) => received)}, lost ${lost}, ` +
        `duplicates ${sum(({ duplicates }) => duplicates)}`,
      `counted by the gateway: consumed ${counted.consumed} (${others} to set devices up), ` +
        `published ${counted.published}`,
      `warnings of leaked listeners: ${output.split('MaxListenersExceededWarning').length - 1}`,
    ],
    values: { samples, accounts, counted },
  }
}

function row(
  name: string,
  samples: readonly Sample[],
  of: (sample: Sample) => number,
  show: (value: number) => string,
): readonly string[] {
  const tenth = Math.max(1, Math.floor(samples.length / 10))
  // Garbage makes single samples high: what counts is what is left after it was collected.
  const low = (part: readonly Sample[]): number => Math.min(...part.map(of))
  const first = low(samples.slice(0, tenth))
  const last = low(samples.slice(-tenth))
  const growth = last / first - 1
  const verdict = growth <= GROWTH_GOAL ? 'met' : 'missed'
  return [name, show(first), show(last), `${(growth * 100).toFixed(1)} %`, verdict]
}
