import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'smol-toml'
import * as assert from 'uvu/assert'
import { type Config, ConfigError, DEFAULT_CONFIG, loadConfig } from '../../src/config.ts'
import { suite } from '../support/suite.ts'

const it = suite('config')

const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'))
const documented = fileURLToPath(new URL('../../config.toml', import.meta.url))

it.after(() => rmSync(folder, { recursive: true }))

function load(toml: string, env: NodeJS.ProcessEnv = {}): Config {
  const file = join(folder, 'test.toml')
  writeFileSync(file, toml)
  return loadConfig(file, env)
}

function refusal(toml: string, env: NodeJS.ProcessEnv = {}): string {
  try {
    load(toml, env)
  } catch (error) {
    assert.instance(error, ConfigError)
    return (error as ConfigError).message.replaceAll(join(folder, 'test.toml'), 'FILE')
  }
  throw new Error('nothing was refused')
}

it('config.toml documents every key with its default', () => {
  const table = parse(readFileSync(documented, 'utf8'))
  assert.equal(JSON.parse(JSON.stringify(table)), DEFAULT_CONFIG)
})

it('says in config.toml what every key without a speaking name is for', () => {
  const lines = readFileSync(documented, 'utf8').split('\n')
  const keys = lines.filter((line) => /^\w+ = /.test(line))
  const commented = keys.filter((line) => line.includes('#'))
  assert.ok(commented.length / keys.length > 0.9)
})

it('takes defaults when the default file is missing, with the store in the working folder', () => {
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  const expected = { ...DEFAULT_CONFIG, store: { ...DEFAULT_CONFIG.store, path: `${empty}/data` } }
  assert.equal(loadConfig(undefined, {}, empty), expected)
})

it('reads the default file of the working folder', () => {
  const home = join(folder, 'home')
  mkdirSync(home)
  writeFileSync(join(home, 'config.toml'), '[http]\nport = 1')
  assert.is(loadConfig(undefined, {}, home).http.port, 1)
})

it('refuses a file that was named and is missing', () => {
  const missing = join(folder, 'missing.toml')
  assert.throws(
    () => loadConfig(missing, {}),
    (error: Error) => error instanceof ConfigError && error.message.startsWith(missing),
  )
})

it('resolves paths against the folder of the file', () => {
  assert.is(load('[store]\npath = "../s"').store.path, join(folder, '../s'))
  assert.is(load('[store]\npath = "/s"').store.path, '/s')
})

it('overrides from the environment, by the type of the key', () => {
  const config = load('[http]\nport = 1\nhost = "a"', {
    SLUICE__HTTP__PORT: '9000',
    SLUICE__MAPPING__JAVASCRIPT__MEMORY_MB: '32',
    SLUICE__DEVOPS__USERNAME: '42',
    UNRELATED: 'x',
  })
  assert.is(config.http.port, 9000)
  assert.is(config.http.host, 'a')
  assert.is(config.mapping.javascript.memory_mb, 32)
  assert.is(config.devops.username, '42')
})

it("understands Ditto's own variable, weaker than the SLUICE__ one", () => {
  const env = { DEVOPS_PASSWORD: 'one' }
  assert.is(load('', env).devops.password, 'one')
  assert.is(load('', { ...env, SLUICE__DEVOPS__PASSWORD: 'two' }).devops.password, 'two')
})

it("takes the folder of modules from Ditto's own variable, relative to the folder of the file", () => {
  const env = { CONNECTIVITY_MESSAGE_MAPPING_JS_COMMON_JS_MODULE_PATH: '/opt/modules/' }
  const pathOf = (config: Config) => config.mapping.javascript.commonjs_path
  assert.is(pathOf(load('')), '')
  assert.is(pathOf(load('', env)), '/opt/modules')
  assert.is(pathOf(load('mapping.javascript.commonjs_path = "m"')), join(folder, 'm'))
})

it("understands Ditto's own variables for publishing logs", () => {
  const prefix = 'CONNECTIVITY_LOGGER_PUBLISHER'
  const { publisher } = load('', {
    [`${prefix}_ENABLED`]: 'true',
    [`${prefix}_LOG_LEVELS`]: 'failure, success',
    [`${prefix}_LOG_HEADERS_AND_PAYLOAD`]: 'true',
    [`${prefix}_LOG_TAG`]: 'gateway',
    [`${prefix}_FLUENCY_HOST`]: 'logs.example.org',
    [`${prefix}_FLUENCY_PORT`]: '24225',
    [`${prefix}_FLUENCY_SSL_ENABLED`]: 'true',
  }).monitoring.logs
  assert.equal(publisher, {
    ...DEFAULT_CONFIG.monitoring.logs.publisher,
    enabled: true,
    levels: ['failure', 'success'],
    log_headers_and_payload: true,
    tag: 'gateway',
    host: 'logs.example.org',
    port: 24_225,
    tls: true,
  })
})

it('a list from the environment may be empty; a table of texts comes from the file', () => {
  const { publisher } = load('[monitoring.logs.publisher.additional_context]\nregion = "north"', {
    SLUICE__MONITORING__LOGS__PUBLISHER__LEVELS: '',
  }).monitoring.logs
  assert.equal(publisher.levels, [])
  assert.equal(publisher.additional_context, { region: 'north' })
})

const refusals: readonly [toml: string, env: NodeJS.ProcessEnv, message: string][] = [
  [
    '[http]\nprot = 1',
    {},
    'FILE: http.prot: unknown key. Did you mean <port>? Known keys: host, port, max_body_bytes, ' +
      'request_timeout_ms',
  ],
  [
    'https = 1',
    {},
    'FILE: https: unknown key. Did you mean <http>? Known keys: http, devops, store, workers, ' +
      'mapping, connections, monitoring, log',
  ],
  ['[http]\nport = "80"', {}, 'FILE: http.port: expected an integer from 0 to 65535, found "80"'],
  ['[http]\nport = 70000', {}, 'FILE: http.port: expected an integer from 0 to 65535, found 70000'],
  ['[http]\nport = 1.5', {}, 'FILE: http.port: expected an integer from 0 to 65535, found 1.5'],
  ['http = 1', {}, 'FILE: http: expected a table, found 1'],
  ['[http]\nhost = true', {}, 'FILE: http.host: expected a text, found true'],
  [
    '[workers]\nmax_heap_mb = -1',
    {},
    'FILE: workers.max_heap_mb: expected an integer of at least 64, found -1',
  ],
  [
    '[log]\nlevel = "loud"',
    {},
    'FILE: log.level: expected one of: fatal, error, warn, info, debug, trace, silent, found "loud"',
  ],
  ['[devops]\npassword = 12345', {}, 'FILE: devops.password: expected a text'],
  [
    '[store]\nencryption_key = "short"',
    {},
    'FILE: store.encryption_key: expected an empty text or at least 16 characters',
  ],
  [
    '[connections]\nbackoff_min_ms = 90000',
    {},
    'FILE: connections.backoff_min_ms: expected at most backoff_max_ms',
  ],
  [
    '[monitoring.logs.publisher]\nlevels = ["loud"]\nenabled = "yes"',
    {},
    'FILE: monitoring.logs.publisher.enabled: expected true or false, found "yes"\n' +
      'FILE: monitoring.logs.publisher.levels.0: expected a list of: success, failure, found "loud"',
  ],
  [
    '',
    { CONNECTIVITY_LOGGER_PUBLISHER_ENABLED: 'yes' },
    'CONNECTIVITY_LOGGER_PUBLISHER_ENABLED: monitoring.logs.publisher.enabled: expected true or ' +
      'false, found "yes"',
  ],
  [
    '[monitoring.logs.publisher.additional_context]\nregion = 1',
    {},
    'FILE: monitoring.logs.publisher.additional_context.region: expected a text, found 1',
  ],
  [
    '[http]\nport = "a"\n[log]\nlevel = 1',
    {},
    'FILE: http.port: expected an integer from 0 to 65535, found "a"\n' +
      'FILE: log.level: expected one of: fatal, error, warn, info, debug, trace, silent, found 1',
  ],
  [
    '',
    { SLUICE__HTTP__PORT: 'many' },
    'SLUICE__HTTP__PORT: http.port: expected an integer from 0 to 65535, found "many"',
  ],
  [
    '',
    { SLUICE__HTTP__PROT: '1' },
    'SLUICE__HTTP__PROT: there is no key <http.prot>. Did you mean <SLUICE__HTTP__PORT>?',
  ],
  ['', { SLUICE__HTTP: '1' }, 'SLUICE__HTTP: there is no key <http>.'],
  ['', { SLUICE____PROTO____X: '1' }, 'SLUICE____PROTO____X: there is no key <.proto..x>.'],
  ['', { SLUICE____PROTO__: '1' }, 'SLUICE____PROTO__: there is no key <.proto.>.'],
  [
    '[http\nport = 1',
    {},
    'FILE: line 1, column 6: Invalid TOML document: illegal character in key',
  ],
]

for (const [toml, env, message] of refusals) {
  it(`refuses ${JSON.stringify(toml)} ${Object.keys(env)}`, () => {
    const actual = refusal(toml, env)
    assert.is(actual.startsWith(message) ? message : actual, message)
  })
}

it('shows no part of a file that is no TOML: it may hold passwords', () => {
  assert.not.match(refusal('[devops]\npassword = "canary\n'), /canary/)
  assert.not.match(refusal('[devops]\npassword = ["canary"]'), /canary/)
  assert.not.match(refusal('devops = "canary"'), /canary/)
})
