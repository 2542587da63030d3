/**
 * A private broker, and services that carry readings through it under load. Sources request the
 * acknowledgement that the target issues, so a reading is confirmed to its broker when its event was:
 * what dies in between comes again. Whatever a test starts here ends with it, passed or failed.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type Sluice, type SluiceOptions, startSluice } from '../../bench/support/sluice.ts'
import { MAX_BATCH } from '../../src/transport/transport.ts'
import { FLAWLESS } from './account.ts'
import { type Mosquitto, startMosquitto } from './broker.ts'
import { eventually, open } from './gateway.ts'
import { Load, type LoadOptions, READING_SCRIPT } from './load.ts'
import type { Suite } from './suite.ts'

/**
 * From the end of the engine until events arrive again, in milliseconds; where starting the whole
 * service has just taken long, because the machine is busy or slow, twice as long as that.
 */
const RECOVERY_LIMIT_MS = 3_000
/**
 * Messages that a shard takes without having settled them: what may come twice. The broker's own window
 * is no bound: mosquitto 2.0.11 forgets it when it sends a resumed session its backlog.
 */
const MAX_UNSETTLED = 100
/** Looked at batch by batch. */
const IN_FLIGHT = MAX_UNSETTLED + MAX_BATCH - 1

const CONFIG = {
  workers: { threads: 2 },
  connections: { backoff_min_ms: 100, backoff_max_ms: 400, max_in_flight: MAX_UNSETTLED },
}

/** One per test file. */
export class Rig {
  broker!: Mosquitto
  /** Of the services of the present test. */
  folder!: string
  readonly #config: NonNullable<SluiceOptions['config']>
  readonly #started: Sluice[] = []
  readonly #loads: Load[] = []
  #startMs = 0

  /** Hooks itself into the suite. `config`: sections that every service gets. */
  constructor(it: Suite, config: SluiceOptions['config'] = {}) {
    this.#config = { ...CONFIG, ...config }
    it.before(async () => {
      // By default mosquitto drops what does not fit into a client's queue of 1,000.
      const config = ['max_queued_messages 0', 'max_inflight_messages 100']
      this.broker = await startMosquitto({ verbose: true, config })
    })
    it.after(() => this.broker.stop())
    it.beforeEach(async () => {
      this.folder = await mkdtemp(join(tmpdir(), 'sluice-rig-'))
    })
    it.afterEach(() => this.#clear())
  }

  /** Starts a service in the folder of the test; `env` is added to its environment. */
  async start(env: NonNullable<SluiceOptions['env']> = {}): Promise<Sluice> {
    const startedAt = performance.now()
    const sluice = await startSluice({ config: this.#config, folder: this.folder, env })
    this.#startMs = performance.now() - startedAt
    this.#started.push(sluice)
    return sluice
  }

  /** The body of a connection with one source of QoS 1 and a script. */
  consuming(topic: string, incomingScript: string, source: object = {}): object {
    return {
      connectionType: 'mqtt',
      connectionStatus: 'open',
      uri: this.broker.url(),
      sources: [
        {
          addresses: [`${topic}/+`],
          qos: 1,
          authorizationContext: ['test:rig'],
          payloadMapping: ['js'],
          replyTarget: { enabled: false },
          ...source,
        },
      ],
      mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { incomingScript } } },
    }
  }

  /** The body of a connection that publishes the events of readings on `out/<device>`. */
  publishing(): object {
    return {
      connectionType: 'mqtt',
      connectionStatus: 'open',
      uri: this.broker.url(),
      targets: [
        {
          address: 'out/{{ thing:name }}',
          qos: 1,
          topics: ['_/_/things/twin/events?namespaces=load'],
          authorizationContext: ['test:rig'],
          issuedAcknowledgementLabel: '{{ connection:id }}:published',
        },
      ],
    }
  }

  /** Opens two connections that carry readings from `in` to events on `out`. */
  async openPair(
    sluice: Sluice,
    change: { source?: object; target?: object } = {},
  ): Promise<{ readonly consumer: string; readonly publisher: string }> {
    const publisher = await open(sluice, { ...this.publishing(), ...change.target })
    const acknowledgementRequests = { includes: [`${publisher}:published`] }
    const source = this.consuming('in', READING_SCRIPT, { acknowledgementRequests })
    return { publisher, consumer: await open(sluice, { ...source, ...change.source }) }
  }

  /** Starts to send readings to `in` and to expect events on `out`. */
  async startLoad(options: Partial<LoadOptions> = {}): Promise<Load> {
    const load = await Load.start({ from: 'in', to: 'out', source: this.broker, ...options })
    this.#loads.push(load)
    return load
  }

  /** Fails when events have been missing for too long since the load was asked last. */
  assertRecovered(load: Load): void {
    const silenceMs = load.longestSilenceMs()
    const limitMs = Math.max(RECOVERY_LIMIT_MS, 2 * this.#startMs)
    const text = `silent for ${silenceMs} ms; the service started in ${this.#startMs} ms`
    assert.ok(silenceMs < limitMs, text)
  }

  /** Nothing is lost or overtaken; twice comes only what was in flight when something died. */
  async assertComplete(load: Load, deaths: number): Promise<void> {
    const account = await load.finish()
    const { duplicated, ...verdict } = account.verdict()
    assert.equal({ ...verdict, duplicated: [] }, FLAWLESS)
    assert.ok(account.promised > 0)
    assert.ok(duplicated.length <= deaths * IN_FLIGHT, `${duplicated.length} came twice`)
  }

  async #clear(): Promise<void> {
    for (const load of this.#loads.splice(0)) await load.stop()
    for (const sluice of this.#started.splice(0)) await sluice.stop()
    await rm(this.folder, { recursive: true })
  }
}

/** Resolves when no process has this id any more. Linux only. */
export async function untilGone(pid: number): Promise<void> {
  await eventually(
    () => existsSync(`/proc/${pid}`),
    (lives) => !lives,
  )
}
