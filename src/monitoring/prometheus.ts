/**
 * What Prometheus scrapes. Everything is known already when it asks: nothing is measured for it and no
 * worker is disturbed. Labels are bounded: a connection has a fixed number of series, whatever its
 * addresses resolve to; single addresses are told by the metrics resource.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { TOTALS } from './totals.ts'

/** How one worker thread is doing; see the engine's figures. */
export interface ThreadSample {
  readonly thread: number
  readonly utilization: number
  readonly delayP99Seconds: number
  readonly delayMaxSeconds: number
  readonly heapUsedBytes: number
  readonly heapLimitBytes: number
}

/** One connection. */
export interface ConnectionSample {
  readonly id: string
  readonly type: string
  readonly liveStatus: string
  /** By {@link TOTALS}; undefined when it has never counted. */
  readonly totals: Float64Array | undefined
}

/** The state of everything, as of now. */
export interface Sample {
  readonly version: string
  readonly engineUp: boolean
  readonly engineDeaths: number
  readonly engineCpuSeconds: number | undefined
  readonly engineResidentBytes: number | undefined
  readonly threads: readonly ThreadSample[]
  readonly connections: readonly ConnectionSample[]
}

/** The states that a connection may be in, so that each has its series also when nobody is. */
const STATES = ['open', 'closed', 'failed', 'misconfigured', 'unknown'] as const

/** One per control plane. */
export class PrometheusExposition {
  readonly #registry = new Registry()
  readonly #sample: () => Sample

  constructor(sample: () => Sample) {
    this.#sample = sample
    // Of the control plane's own process.
    collectDefaultMetrics({ register: this.#registry })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** The text that a scrape gets. */
  async scrape(): Promise<string> {
    const own = new Registry()
    const sample = this.#sample()
    addService(own, sample)
    addThreads(own, sample.threads)
    const texts = await Promise.all([this.#registry.metrics(), own.metrics()])
    return [...texts, connectionText(sample.connections)].join('\n')
  }
}

function addService(register: Registry, sample: Sample): void {
  const registers = [register]
  gauge(register, 'sluice_build_info', 'The version of the gateway.', ['version'])
    .labels(sample.version)
    .set(1)
  gauge(register, 'sluice_engine_up', 'Whether the engine runs.').set(sample.engineUp ? 1 : 0)
  const deaths = { name: 'sluice_engine_deaths_total', help: 'Engines that ended unasked.' }
  new Counter({ ...deaths, registers }).inc(sample.engineDeaths)
  if (sample.engineCpuSeconds !== undefined) {
    const cpu = { name: 'sluice_engine_cpu_seconds_total', help: 'CPU time of the present engine.' }
    new Counter({ ...cpu, registers }).inc(sample.engineCpuSeconds)
  }
  if (sample.engineResidentBytes !== undefined) {
    gauge(register, 'sluice_engine_resident_memory_bytes', 'Memory of the engine.').set(
      sample.engineResidentBytes,
    )
  }
  const states = gauge(register, 'sluice_connections', 'Connections by live status.', ['status'])
  for (const state of STATES) states.labels(state).set(0)
  for (const { liveStatus } of sample.connections) states.labels(liveStatus).inc()
}

function addThreads(register: Registry, threads: readonly ThreadSample[]): void {
  const labels = ['thread']
  const utilization = 'sluice_thread_event_loop_utilization_ratio'
  const metrics = {
    utilization: gauge(register, utilization, 'Share of time that a thread was busy.', labels),
    p99: gauge(
      register,
      'sluice_thread_event_loop_delay_p99_seconds',
      'How late timers of a thread came within the last second, 99th percentile.',
      labels,
    ),
    max: gauge(
      register,
      'sluice_thread_event_loop_delay_max_seconds',
      'How late timers of a thread came within the last second, at most.',
      labels,
    ),
    used: gauge(register, 'sluice_thread_heap_used_bytes', 'Heap that a thread uses.', labels),
    limit: gauge(register, 'sluice_thread_heap_limit_bytes', 'Heap that a thread may use.', labels),
  }
  for (const sample of threads) {
    const thread = String(sample.thread)
    metrics.utilization.labels(thread).set(sample.utilization)
    metrics.p99.labels(thread).set(sample.delayP99Seconds)
    metrics.max.labels(thread).set(sample.delayMaxSeconds)
    metrics.used.labels(thread).set(sample.heapUsedBytes)
    metrics.limit.labels(thread).set(sample.heapLimitBytes)
  }
}

function gauge(register: Registry, name: string, help: string, labelNames: string[] = []): Gauge {
  return new Gauge({ name, help, labelNames, registers: [register] })
}

const MESSAGES = 'sluice_connection_messages_total'
const UP = 'sluice_connection_up'

/** Label sets that are always the same. */
const TOTAL_LABELS = TOTALS.map(
  ({ direction, category, success }) =>
    `direction="${direction}",category="${category}",success="${success}"`,
)

/**
 * The series of the connections, written by hand: a registry would look up each of tens of thousands of
 * label sets anew. Ids and types need no escaping (letters, digits, `-`, `_`, `:`).
 */
function connectionText(connections: readonly ConnectionSample[]): string {
  const up = [
    `# HELP ${UP} Whether all clients of a connection are connected.`,
    `# TYPE ${UP} gauge`,
  ]
  const messages = [
    `# HELP ${MESSAGES} Messages of a connection, by what became of them (connection_messages of Ditto).`,
    `# TYPE ${MESSAGES} counter`,
  ]
  for (const { id, type, liveStatus, totals } of connections) {
    const labels = `id="${id}",type="${type}"`
    up.push(`${UP}{${labels}} ${liveStatus === 'open' ? 1 : 0}`)
    // Zeros, too: of a series that begins with what it counts, Prometheus sees no increase.
    totals?.forEach((total, at) => {
      messages.push(`${MESSAGES}{${labels},${TOTAL_LABELS[at]}} ${total}`)
    })
  }
  return `${[...up, ...messages].join('\n')}\n`
}
