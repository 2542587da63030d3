/**
 * The configuration: every key with its unit, its default and what it may be, read from a TOML file
 * and overridden from the environment. `config.toml` at the root of the repository says what the
 * keys are for; a test holds the two together. Knows no part of Sluice that uses it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse as parseToml, TomlError } from 'smol-toml'
import { z } from 'zod'
import { nearestHint } from './json/nearest.ts'

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

function someOf<const T extends string>(names: readonly T[]) {
  const error = `expected a list of: ${names.join(', ')}`
  return z.array(z.enum(names, { error }), { error }).default([...names])
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
    commonjs_path: text(''),
  }).prefault({}),
})

const connections = table({
  max_sources: int(4, 0),
  max_targets: int(4, 0),
  max_payload_mappings: int(10, 1),
  max_clients: int(32, 1),
  max_consumers: int(32, 1),
  max_in_flight: int(1000, 1),
  max_redeliveries: int(0, 0),
  target_buffer: int(10_000, 1),
  messages_per_second: int(0, 0),
  source_messages_per_second: int(0, 0),
  connect_timeout_ms: int(15_000, 1),
  publish_timeout_ms: int(60_000, 1),
  test_timeout_ms: int(10_000, 1),
  ack_timeout_ms: int(10_000, 1),
  backoff_min_ms: int(1000, 1),
  backoff_max_ms: int(60_000, 1),
  shutdown_timeout_ms: int(10_000, 0),
}).refine((settings) => settings.backoff_min_ms <= settings.backoff_max_ms, {
  path: ['backoff_min_ms'],
  error: 'expected at most backoff_max_ms',
})

const publisher = table({
  enabled: flag(false),
  levels: someOf(['success', 'failure']),
  log_headers_and_payload: flag(false),
  tag: text(''),
  host: text('localhost'),
  port: int(24_224, 1, MAX_PORT),
  tls: flag(false),
  tls_ca: text(''),
  acknowledged: flag(false),
  connect_timeout_ms: int(5000, 1),
  publish_timeout_ms: int(5000, 1),
  backoff_min_ms: int(400, 1),
  backoff_max_ms: int(30_000, 1),
  max_attempts: int(7, 1),
  max_entries_per_client: int(1000, 1),
  max_bytes_per_thread: int(4_194_304, 1024),
  max_buffer_entries: int(100_000, 1),
  max_buffer_bytes: int(67_108_864, 1024),
  flush_timeout_ms: int(5000, 0),
  additional_context: z
    .record(z.string(), z.string({ error: 'expected a text' }), { error: 'expected a table' })
    .default({}),
}).refine((settings) => settings.backoff_min_ms <= settings.backoff_max_ms, {
  path: ['backoff_min_ms'],
  error: 'expected at most backoff_max_ms',
})

const monitoring = table({
  logs: table({
    duration_hours: int(24, 0),
    max_entries: int(10, 1),
    max_size_bytes: int(250_000, 1024),
    max_tails: int(16, 1),
    publisher: publisher.prefault({}),
  }).prefault({}),
  prometheus: table({ public: flag(false) }).prefault({}),
})

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const configSchema = table({
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

/** Why the configuration is refused: one line per problem, each naming file or variable and key. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConfigError'
  }
}

/** Looked for in the working directory when no file is named. */
export const DEFAULT_CONFIG_FILE = 'config.toml'

const ENV_PREFIX = 'SLUICE__'

/** Variables by which Ditto's own images are configured; `SLUICE__` ones win over them. */
const DITTO_VARIABLES: Readonly<Record<string, string>> = {
  DEVOPS_PASSWORD: 'devops.password',
  CONNECTIVITY_MESSAGE_MAPPING_JS_COMMON_JS_MODULE_PATH: 'mapping.javascript.commonjs_path',
  CONNECTIVITY_LOGGER_PUBLISHER_ENABLED: 'monitoring.logs.publisher.enabled',
  CONNECTIVITY_LOGGER_PUBLISHER_LOG_LEVELS: 'monitoring.logs.publisher.levels',
  CONNECTIVITY_LOGGER_PUBLISHER_LOG_HEADERS_AND_PAYLOAD:
    'monitoring.logs.publisher.log_headers_and_payload',
  CONNECTIVITY_LOGGER_PUBLISHER_LOG_TAG: 'monitoring.logs.publisher.tag',
  CONNECTIVITY_LOGGER_PUBLISHER_FLUENCY_HOST: 'monitoring.logs.publisher.host',
  CONNECTIVITY_LOGGER_PUBLISHER_FLUENCY_PORT: 'monitoring.logs.publisher.port',
  CONNECTIVITY_LOGGER_PUBLISHER_FLUENCY_SSL_ENABLED: 'monitoring.logs.publisher.tls',
}

/** Never repeated in an error. */
const SECRET_KEYS: readonly string[] = ['devops.password', 'store.encryption_key']

type Table = { [key: string]: unknown }

/**
 * Reads the configuration: defaults, then the file, then the environment
 * (`SLUICE__HTTP__PORT=9000`). A named file must exist; `config.toml` in `folder` may be missing.
 * Relative paths are resolved against the folder of the file. Throws a {@link ConfigError}.
 */
export function loadConfig(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
  folder = process.cwd(),
): Config {
  const path = resolve(folder, file ?? DEFAULT_CONFIG_FILE)
  const settings = file === undefined && !existsSync(path) ? {} : readSettings(path)
  const origins = new Map<string, string>()
  for (const [variable, key] of Object.entries(DITTO_VARIABLES)) {
    if (env[variable] !== undefined) override(settings, key, variable, env[variable], origins)
  }
  for (const [variable, value] of Object.entries(env)) {
    if (value === undefined || !variable.startsWith(ENV_PREFIX)) continue
    const key = variable.slice(ENV_PREFIX.length).toLowerCase().replaceAll('__', '.')
    override(settings, key, variable, value, origins)
  }
  const result = configSchema.safeParse(settings, { reportInput: true })
  if (!result.success) throw refused(result.error.issues, path, origins)
  return withAbsolutePaths(result.data, dirname(path))
}

/** An empty path stays empty. */
function withAbsolutePaths({ store, mapping, ...others }: Config, folder: string): Config {
  const { commonjs_path: modules, ...javascript } = mapping.javascript
  const commonjs_path = modules === '' ? '' : resolve(folder, modules)
  return {
    ...others,
    store: { ...store, path: resolve(folder, store.path) },
    mapping: { ...mapping, javascript: { ...javascript, commonjs_path } },
  }
}

function readSettings(path: string): Table {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`${path}: cannot be read: ${reason}`, { cause })
  }
  try {
    return parseToml(content)
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    // The message goes on with an excerpt of the file, and the file may hold passwords.
    const reason = cause.message.split('\n', 1)[0]
    throw new ConfigError(`${path}: line ${cause.line}, column ${cause.column}: ${reason}`)
  }
}

function override(
  settings: Table,
  key: string,
  variable: string,
  value: string,
  origins: Map<string, string>,
): void {
  const path = key.split('.')
  const name = path.pop()!
  let defaults: unknown = DEFAULT_CONFIG
  let parent = settings
  for (const segment of path) {
    defaults = isTable(defaults) ? defaults[segment] : undefined
    const child = Object.hasOwn(parent, segment) ? parent[segment] : undefined
    // A file that has no table there is refused below, together with its other mistakes.
    if (child !== undefined && !isTable(child)) return
    const next = child ?? {}
    parent[segment] = next
    parent = next
  }
  const byDefault = isTable(defaults) && Object.hasOwn(defaults, name) ? defaults[name] : undefined
  if (byDefault === undefined || isTable(byDefault)) {
    throw new ConfigError(
      `${variable}: there is no key <${key}>. ${knownVariable(variable)}`.trim(),
    )
  }
  parent[name] = parsedLike(byDefault, value)
  origins.set(key, variable)
}

/** The text as the type of the default; what does not fit is left to the schema to refuse. */
function parsedLike(byDefault: unknown, value: string): unknown {
  if (typeof byDefault === 'number' && /^-?\d+$/.test(value)) return Number(value)
  if (typeof byDefault === 'boolean' && /^(true|false)$/.test(value)) return value === 'true'
  if (Array.isArray(byDefault)) return value === '' ? [] : value.split(',').map((one) => one.trim())
  return value
}

function knownVariable(variable: string): string {
  const known = leaves(DEFAULT_CONFIG).map(
    (key) => ENV_PREFIX + key.toUpperCase().replaceAll('.', '__'),
  )
  return nearestHint(variable, known)
}

function leaves(node: Table, prefix = ''): string[] {
  return Object.entries(node).flatMap(([key, value]) =>
    isTable(value) ? leaves(value, `${prefix}${key}.`) : [prefix + key],
  )
}

function refused(
  issues: readonly z.core.$ZodIssue[],
  path: string,
  origins: ReadonlyMap<string, string>,
): ConfigError {
  const lines = issues.flatMap((issue) => {
    const key = issue.path.join('.')
    const where = origins.get(key) ?? path
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((unknown) => `${where}: ${unknownKey(issue.path, unknown)}`)
    }
    const given = mayBeShown(key, issue.input) ? `, found ${JSON.stringify(issue.input)}` : ''
    return [`${where}: ${key}: ${issue.message}${given}`]
  })
  return new ConfigError(lines.join('\n'))
}

function mayBeShown(key: string, input: unknown): boolean {
  return !SECRET_KEYS.some((secret) => secret.startsWith(key)) && typeof input !== 'object'
}

function unknownKey(path: readonly PropertyKey[], unknown: string): string {
  let node: unknown = DEFAULT_CONFIG
  for (const segment of path) node = isTable(node) ? node[String(segment)] : undefined
  const known = isTable(node) ? Object.keys(node) : []
  const hint = nearestHint(unknown, known)
  const name = [...path, unknown].join('.')
  return `${name}: unknown key. ${hint}${hint === '' ? '' : ' '}Known keys: ${known.join(', ')}`
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
