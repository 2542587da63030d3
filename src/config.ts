/**
 * Reads the configuration: a TOML file, overridden from the environment. Which keys there are is in
 * `config-schema.ts`; this file knows none of them but the one that is a path.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse as parseToml, TomlError } from 'smol-toml'
import type { z } from 'zod'
import { type Config, configSchema, DEFAULT_CONFIG } from './config-schema.ts'
import { nearestHint } from './json/nearest.ts'

export type { Config } from './config-schema.ts'

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
  CONNECTIVITY_LOGGER_PUBLISHER_ENABLED: 'monitoring.logs.publisher.enabled',
  CONNECTIVITY_LOGGER_PUBLISHER_LOG_TAG: 'monitoring.logs.publisher.log_tag',
  CONNECTIVITY_LOGGER_PUBLISHER_LOG_LEVELS: 'monitoring.logs.publisher.levels',
  CONNECTIVITY_LOGGER_PUBLISHER_FLUENCY_HOST: 'monitoring.logs.publisher.host',
  CONNECTIVITY_LOGGER_PUBLISHER_FLUENCY_PORT: 'monitoring.logs.publisher.port',
  CONNECTIVITY_LOGGER_PUBLISHER_FLUENCY_SSL_ENABLED: 'monitoring.logs.publisher.tls',
}

/** Never repeated in an error. */
const SECRET_KEYS: readonly string[] = ['devops.password', 'store.encryption_key']

type Table = { [key: string]: unknown }

/**
 * Reads the configuration: defaults, then the file, then the environment (`SLUICE__HTTP__PORT=9000`).
 * A named file must exist; `config.toml` in `folder` may be missing. Relative paths are resolved
 * against the folder of the file. Throws a {@link ConfigError}.
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
  const config = result.data
  const absolute = resolve(dirname(path), config.store.path)
  return { ...config, store: { ...config.store, path: absolute } }
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
  if (Array.isArray(byDefault)) return value.split(',').map((item) => item.trim())
  if (typeof byDefault === 'number') return /^-?\d+$/.test(value) ? Number(value) : value
  if (typeof byDefault !== 'boolean') return value
  return value === 'true' ? true : value === 'false' ? false : value
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
