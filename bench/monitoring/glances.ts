/**
 * What it takes to look at a thousand connections, and whether their messages notice: a steady load
 * goes through while status and metrics of all are asked for, over and over.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { startMosquitto } from '../../test/support/broker.ts'
import { BROKER_CONFIG } from '../scenarios/mosquitto.ts'
import { prepareTwin } from '../scenarios/twin.ts'
import type { FigureOptions } from '../support/figures.ts'
import { Histogram, type Summary } from '../support/histogram.ts'
import { type Measurement, measure } from '../support/measure.ts'
import type { Sluice } from '../support/sluice.ts'
import { startGateway } from '../support/subject.ts'

/** All open, beside the two of the load. */
export const CONNECTIONS = 1_000
/** Messages per second, and glances per second: far more than Prometheus would take. */
const RATE = 500
const GLANCES_PER_SECOND = 4
const CREATED_AT_ONCE = 16
/** The first glances find code that is not compiled yet. */
const WARM_UP_GLANCES = 4

/** What is asked for. */
export const PATHS = ['/api/2/connections/status', '/metrics'] as const

/** Times in microseconds. */
export interface Glances {
  /** Of the answers, by path. */
  readonly answers: Readonly<Record<(typeof PATHS)[number], Summary>>
  /** Of the messages, with nobody looking and with somebody looking all the time. */
  readonly latency: { readonly alone: Summary; readonly beside: Summary }
}

/** Measures both. */
export async function glances(options: FigureOptions): Promise<Glances> {
  const { progress } = options
  const load = { kind: 'open', rate: RATE } as const
  const stage = await prepareTwin({ devices: 50, payloadBytes: 70, qos: 0, load })
  const others = await startMosquitto({ config: BROKER_CONFIG })
  try {
    const subject = await startGateway(stage)
    try {
      progress.step(`opening ${CONNECTIONS} connections`)
      await openAll(subject.sluice, others.url())
      const run = (name: string): Promise<Measurement> =>
        measure({ ...options, name, generator: stage.generator, subject })
      const alone = await run('nobody looks')
      const stopped = new AbortController()
      const looking = look(subject.sluice, stopped.signal)
      const beside = await run('somebody looks').finally(() => stopped.abort())
      return {
        answers: await looking,
        latency: { alone: alone.latencyUs, beside: beside.latencyUs },
      }
    } finally {
      await subject.stop()
    }
  } finally {
    await Promise.all([stage.stop(), others.stop()])
  }
}

async function openAll(sluice: Sluice, uri: string): Promise<void> {
  const left = Array.from({ length: CONNECTIONS }, (_, number) => number)
  const lane = async (): Promise<void> => {
    for (let number = left.pop(); number !== undefined; number = left.pop()) {
      const { status, text } = await sluice.request('POST', '/api/2/connections', {
        name: `one of many, ${number}`,
        connectionType: 'mqtt',
        connectionStatus: 'open',
        uri,
        sources: [
          { addresses: [`many/${number}`], qos: 0, authorizationContext: ['integration:bench'] },
        ],
      })
      if (status !== 201) throw new Error(`a connection was answered ${status}: ${text}`)
    }
  }
  await Promise.all(Array.from({ length: CREATED_AT_ONCE }, lane))
}

async function look(sluice: Sluice, stopped: AbortSignal): Promise<Glances['answers']> {
  const histograms = { [PATHS[0]]: new Histogram(), [PATHS[1]]: new Histogram() }
  for (let glance = 0; !stopped.aborted; glance++) {
    for (const path of PATHS) {
      const startedAt = performance.now()
      const { status } = await sluice.request('GET', path)
      if (status !== 200) throw new Error(`GET ${path} answered ${status}`)
      if (glance < WARM_UP_GLANCES) continue
      histograms[path].record((performance.now() - startedAt) * 1_000)
    }
    await delay(1_000 / GLANCES_PER_SECOND)
  }
  return { [PATHS[0]]: histograms[PATHS[0]].summary(), [PATHS[1]]: histograms[PATHS[1]].summary() }
}
