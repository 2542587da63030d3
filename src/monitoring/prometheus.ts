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

interface CountedText {
  readonly type: string
  readonly counted: number
  readonly text: string
}

/** One per control plane. */
export class PrometheusExposition {
  readonly #registry = new Registry()
  readonly #sample: () => Sample
  /** Of each connection, as of the last scrape. */
  #texts: ReadonlyMap<string, CountedText> = new Map()

  constructor(sample: () => Sample) {
    this.#sample = sample
    // Of the control plane's own process.
    collectDefaultMetrics({ register: this.#registry })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /**
   * The series of the connections, written by hand: a registry would look up each of tens of thousands of
   * label sets anew. Most connections have counted nothing since the last scrape, and keep their text.
   */
  #connections(samples: readonly ConnectionSample[]): string {
    const texts = new Map<string, CountedText>()
    const up = [UP_HEAD]
    const messages = [MESSAGES_HEAD]
    for (const sample of samples) {
      // Totals only grow: while their sum is the same, they are.
      const counted = sum(sample.totals)
      const known = this.#texts.get(sample.id)
      const isSame = known?.counted === counted && known.type === sample.type
      const text = isSame ? known.text : messagesText(sample)
      texts.set(sample.id, { type: sample.type, counted, text })
      // Who is closed on purpose is not down.
      if (sample.liveStatus !== 'closed') {
        up.push(`${UP}{${labelsOf(sample)}} ${sample.liveStatus === 'open' ? 1 : 0}`)
      }
      messages.push(text)
    }
    this.#texts = texts
    return `${up.join('\n')}\n${messages.join('')}\n`
  }

  /** The text that a scrape gets. */
  async scrape(): Promise<string> {
    const own = new Registry()
    const sample = this.#sample()
    addService(own, sample)
    addThreads(own, sample.threads)
    const texts = await Promise.all([this.#registry.metrics(), own.metrics()])
    return [...texts, this.#connections(sample.connections)].join('\n')
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
 * Failures have a series before there are any: of one that begins with what it counts, Prometheus sees no
 * increase, and nobody would be told of the first ones.
 */
const SHOWS_ZERO = TOTALS.map(
  ({ category, success }) => !success && category !== 'other' && category !== 'throttled',
)

const UP_HEAD = `# HELP ${UP} Whether all clients of an opened connection are connected.\n# TYPE ${UP} gauge`
const MESSAGES_HEAD =
  `# HELP ${MESSAGES} Messages of a connection, by what became of them (connection_messages of Ditto).\n` +
  `# TYPE ${MESSAGES} counter`

/** Ids and types need no escaping (letters, digits, `-`, `_`, `:`). */
function labelsOf({ id, type }: ConnectionSample): string {
  return `id="${id}",type="${type}"`
}

function messagesText(sample: ConnectionSample): string {
  const labels = labelsOf(sample)
  const lines = ['']
  sample.totals?.forEach((total, at) => {
    if (total === 0 && !SHOWS_ZERO[at]) return
    lines.push(`${MESSAGES}{${labels},${TOTAL_LABELS[at]}} ${total}`)
  })
  // Joined, so that it is one piece of memory: it is kept, and copied with every scrape.
  return lines.join('\n')
}

function sum(totals: Float64Array | undefined): number {
  return totals?.reduce((all, total) => all + total, 0) ?? 0
}
