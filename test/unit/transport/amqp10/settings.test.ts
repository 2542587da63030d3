import * as assert from 'uvu/assert'
import type { Connection } from '../../../../src/connection/types.ts'
import { reviewOptions } from '../../../../src/transport/amqp10/options.ts'
import { type AmqpSettings, toSettings } from '../../../../src/transport/amqp10/settings.ts'
import { ConnectError } from '../../../../src/transport/transport.ts'
import { testConnection } from '../../../support/connection.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp10/settings')
const NO_LIMIT = 2_147_483_647

it('has the defaults of the documentation', () => {
  const { mechanisms, ...rest } = settings({ uri: 'amqps://broker.example:5671', ca: 'PEM' })
  assert.equal(Object.keys(mechanisms ?? {}), ['ANONYMOUS'])
  assert.equal(rest, {
    endpoint: {
      host: 'broker.example',
      port: 5671,
      tls: { ca: 'PEM', cert: undefined, key: undefined, validateCertificates: true },
    },
    containerId: 'c',
    hostname: 'broker.example',
    idleTimeoutMs: 60_000,
    maxFrameBytes: 1_048_576,
    connectTimeoutMs: 15_000,
    sendTimeoutMs: 60_000,
    requestTimeoutMs: 5_000,
    closeTimeoutMs: 1_000,
    ignoredOptions: [],
  })
})

it('reads the specific configuration', () => {
  const cases: readonly [config: Record<string, string>, expected: Partial<AmqpSettings>][] = [
    [{ 'jms.clientID': 'x' }, { containerId: 'x' }],
    [{ 'jms.clientID': '' }, { containerId: 'c' }],
    [{ 'amqp.vhost': 'v' }, { hostname: 'v' }],
    [{ 'amqp.idleTimeout': '0' }, { idleTimeoutMs: 0 }],
    [{ 'amqp.maxFrameSize': '512' }, { maxFrameBytes: 512 }],
    [{ 'jms.connectTimeout': '20000' }, { connectTimeoutMs: 15_000 }],
    [{ 'jms.connectTimeout': '3000' }, { connectTimeoutMs: 3_000 }],
    [{ 'transport.connectTimeout': '3000' }, { connectTimeoutMs: 3_000 }],
    [{ 'jms.sendTimeout': '1' }, { sendTimeoutMs: 1 }],
    [{ 'jms.sendTimeout': '-1' }, { sendTimeoutMs: 60_000 }],
    [{ 'jms.requestTimeout': '-1' }, { requestTimeoutMs: NO_LIMIT }],
    [{ 'jms.closeTimeout': '60000' }, { closeTimeoutMs: 1_000 }],
    [{ 'amqp.saslLayer': 'false' }, { mechanisms: undefined }],
    [{ unrelated: 'x', 'failover.randomize': 'true' }, { ignoredOptions: ['failover.randomize'] }],
  ]
  for (const [specificConfig, expected] of cases) {
    const actual = settings({ specificConfig })
    for (const [name, value] of Object.entries(expected)) {
      assert.equal(actual[name as keyof AmqpSettings], value, JSON.stringify(specificConfig))
    }
  }
})

it('says which number is none', () => {
  for (const [name, value] of [
    ['amqp.idleTimeout', '1m'],
    ['amqp.idleTimeout', '-1'],
    ['amqp.maxFrameSize', '511'],
    ['jms.sendTimeout', ''],
    ['jms.connectTimeout', '99999999999'],
  ] as const) {
    const error = refusal({ specificConfig: { [name]: value } })
    assert.match(error.message, `Option '${name}' is '${value}', but must be a whole number`)
  }
})

it('chooses mechanisms by what the connection has, the strongest first', () => {
  const certificate = { type: 'client-cert', cert: 'C', key: 'K' } as const
  const plain = { type: 'plain', username: 'u', password: 'p' } as const
  const uri = 'amqps://u:p@h:5671'
  const cases: readonly [fields: Partial<Connection>, names: readonly string[]][] = [
    [{}, ['ANONYMOUS']],
    [{ uri }, ['PLAIN']],
    [{ credentials: plain }, ['PLAIN']],
    [{ credentials: certificate }, ['EXTERNAL']],
    [{ uri, credentials: certificate }, ['EXTERNAL', 'PLAIN']],
    [
      { uri, credentials: certificate, specificConfig: { 'amqp.saslMechanisms': ' PLAIN, X' } },
      ['PLAIN'],
    ],
  ]
  for (const [fields, names] of cases) {
    assert.equal(Object.keys(settings(fields).mechanisms ?? {}), names)
  }
  const impossible = refusal({ uri, specificConfig: { 'amqp.saslMechanisms': 'EXTERNAL' } })
  assert.match(impossible.message, 'has what it takes for PLAIN')
})

it('answers PLAIN in UTF-8', () => {
  const { mechanisms } = settings({ uri: 'amqp://%C3%BC:p%C3%A4ss@h:5672' })
  let response = ''
  mechanisms?.PLAIN?.().start((_error, answer) => {
    response = answer.toString()
  })
  assert.is(response, '\0ü\0päss')
})

it('refuses credentials that it cannot use', () => {
  const credentials = { type: 'hmac', algorithm: 'az-sasl', parameters: {} } as const
  assert.match(refusal({ credentials }).message, "type 'hmac'")
})

it('knows what becomes of every option', () => {
  const silent = { 'jms.forceSyncSend': 'true', 'jms.clientID': 'x', clientId: 'y' }
  assert.equal(reviewOptions(silent), { ignored: [], refused: [] })
  const tuning = {
    'jms.prefetchPolicy.all': '10',
    'jms.redeliveryPolicy.outcome': 'RELEASED',
    'transport.tcpNoDelay': 'false',
    'transport.useEpoll': 'true',
    'failover.maxReconnectAttempts': '5',
    'amqp.unheard-of': '',
  }
  assert.equal(reviewOptions(tuning), { ignored: Object.keys(tuning), refused: [] })
  const defaults = {
    'jms.presettlePolicy.presettleAll': 'false',
    'jms.redeliveryPolicy.maxRedeliveries': '-1',
    'transport.verifyHost': 'true',
    'transport.trustAll': 'false',
    'jms.tracing': 'noop',
  }
  assert.equal(reviewOptions(defaults), { ignored: [], refused: [] })
  const changing = {
    'jms.password': 'secret',
    'jms.presettlePolicy.presettleConsumers': 'true',
    'jms.tracing': 'opentracing',
    'transport.verifyHost': 'false',
    'transport.keyStoreLocation': 'secret',
    'failover.nested.amqp.vhost': 'v',
  }
  const { ignored, refused } = reviewOptions(changing)
  assert.equal(ignored, [])
  assert.equal(
    refused.map((text) => /^Option '([^']+)' is not supported\. .+/.exec(text)?.[1]),
    Object.keys(changing),
  )
  assert.not.match(refused.join(), 'secret')
})

it('a dry run has an identity of its own, and so has each client', () => {
  assert.is(settings({ clientCount: 3 }, { clientIndex: 2 }).containerId, 'c_2')
  assert.match(settings({}, { dryRun: true }).containerId, /^c_test_[0-9a-f]{8}$/)
})

function settings(
  fields: Partial<Connection>,
  options: { clientIndex?: number; dryRun?: boolean } = {},
): AmqpSettings {
  const connection = testConnection({
    id: 'c',
    connectionType: 'amqp-10',
    uri: 'amqp://h:5672',
    ...fields,
  })
  return toSettings({
    connection,
    clientIndex: 0,
    dryRun: false,
    connectTimeoutMs: 15_000,
    publishTimeoutMs: 60_000,
    ...options,
  })
}

function refusal(fields: Partial<Connection>): ConnectError {
  try {
    settings(fields)
  } catch (error) {
    if (error instanceof ConnectError) {
      assert.equal([error.failure, error.status], ['misconfigured', 'misconfigured'])
      return error
    }
  }
  throw new Error('not refused')
}
