/**
 * The keys of the configuration: for each its unit, its default and what it may be. `config.toml` at
 * the root of the repository says what they are for; a test holds the two together. Knows neither
 * where values come from nor who uses them.
 */
import { z } from 'zod'

const MAX_PORT = 65_535
const MIN_ENCRYPTION_KEY_CHARS = 16

function int(byDefault: number, min: number, max = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  const error = `expected an integer ${range}`
  return z.int({ error }).min(min, { error }).max(max, { error }).default(byDefault)
}

function text(byDefault: string) {
  return z.string({ error: 'expected a text' }).default(byDefault)
}

function flag(byDefault: boolean) {
  return z.boolean({ error: 'expected true or false' }).default(byDefault)
}

function oneOf<const T extends string>(names: readonly T[], byDefault: NoInfer<T>) {
  return z.enum(names, { error: `expected one of: ${names.join(', ')}` }).default(byDefault)
}

function table<T extends z.core.$ZodLooseShape>(shape: T) {
  const error = (issue: { code?: string }) =>
    issue.code === 'unrecognized_keys' ? undefined : 'expected a table'
  return z.strictObject(shape, { error })
}

const http = table({
  host: text('127.0.0.1'),
  port: int(8080, 0, MAX_PORT),
  max_body_bytes: int(1_048_576, 1024),
  request_timeout_ms: int(60_000, 1),
})

const devops = table({ username: text('devops'), password: text('') })

const store = table({
  path: text('./data'),
  encryption_key: z
    .string({ error: 'expected a text' })
    .refine((key) => key === '' || key.length >= MIN_ENCRYPTION_KEY_CHARS, {
      error: `expected an empty text or at least ${MIN_ENCRYPTION_KEY_CHARS} characters`,
    })
    .default(''),
})

const workers = table({
  threads: int(0, 0, 1024),
  max_heap_mb: int(512, 64),
  script_grace_ms: int(2000, 100),
})

const mapping = table({
  javascript: table({
    max_script_bytes: int(50_000, 1),
    max_execution_ms: int(500, 1),
    memory_mb: int(64, 8),
  }).prefault({}),
})

const connections = table({
  max_sources: int(4, 0),
  max_targets: int(4, 0),
  max_payload_mappings: int(10, 1),
  max_clients: int(32, 1),
  max_consumers: int(32, 1),
  max_unsettled: int(1000, 1),
  max_outbound_queue: int(1000, 1),
  connect_timeout_ms: int(15_000, 1),
  publish_timeout_ms: int(60_000, 1),
  test_timeout_ms: int(10_000, 1),
  ack_timeout_ms: int(10_000, 1),
  backoff_min_ms: int(1000, 1),
  backoff_max_ms: int(60_000, 1),
  announcement_timeout_ms: int(3000, 0),
  shutdown_timeout_ms: int(10_000, 0),
}).refine((settings) => settings.backoff_min_ms <= settings.backoff_max_ms, {
  path: ['backoff_min_ms'],
  error: 'expected at most backoff_max_ms',
})

const publisher = table({
  enabled: flag(false),
  log_tag: text(''),
  levels: z
    .array(z.enum(['success', 'failure']), { error: 'expected a list of: success, failure' })
    .default(['success', 'failure']),
  host: text('localhost'),
  port: int(24_224, 1, MAX_PORT),
  tls: flag(false),
  connect_timeout_ms: int(5000, 1),
  flush_interval_ms: int(600, 0),
  reconnect_interval_ms: int(30_000, 1),
  max_buffer_bytes: int(8_388_608, 1024),
})

const monitoring = table({
  logs: table({
    duration_hours: int(24, 1),
    max_entries: int(10, 1),
    max_size_bytes: int(250_000, 1024),
    publisher: publisher.prefault({}),
  }).prefault({}),
})

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** The whole configuration; parsing an empty object gives all defaults. */
export const configSchema = table({
  http: http.prefault({}),
  devops: devops.prefault({}),
  store: store.prefault({}),
  workers: workers.prefault({}),
  mapping: mapping.prefault({}),
  connections: connections.prefault({}),
  monitoring: monitoring.prefault({}),
  log: table({ level: oneOf(LOG_LEVELS, 'info') }).prefault({}),
})

/** The configuration, complete; names are those of the file. */
export type Config = z.output<typeof configSchema>

/** Every key at its default, paths relative. */
export const DEFAULT_CONFIG: Config = configSchema.parse({})
