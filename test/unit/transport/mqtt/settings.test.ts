import * as assert from 'uvu/assert'
import type { Connection } from '../../../../src/connection/types.ts'
import { type MqttSettings, toSettings } from '../../../../src/transport/mqtt/settings.ts'
import { testConnection } from '../../../support/connection.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/mqtt/settings')

it('has the defaults of the documentation', () => {
  assert.equal(settings({ id: 'c', uri: 'tcp://broker.example:1883' }), {
    endpoint: { host: 'broker.example', port: 1883, tls: undefined },
    username: undefined,
    password: undefined,
    clientId: 'c',
    publisherId: undefined,
    cleanSession: false,
    keepAliveSeconds: 60,
    will: undefined,
    redeliveryDelayMs: undefined,
  })
})

it('reads the specific configuration', () => {
  const cases: readonly [config: Record<string, string>, expected: Partial<MqttSettings>][] = [
    [{ clientId: 'x' }, { clientId: 'x' }],
    [{ clientId: '' }, { clientId: '' }],
    [{ separatePublisherClient: 'true' }, { clientId: 'c', publisherId: 'cp' }],
    [{ separatePublisherClient: 'true', clientId: 'x' }, { publisherId: 'xp' }],
    [{ separatePublisherClient: 'true', publisherId: 'y' }, { publisherId: 'y' }],
    [{ publisherId: 'y' }, { publisherId: undefined }],
    [{ cleanSession: 'true' }, { cleanSession: true }],
    [{ keepAlive: '2m' }, { keepAliveSeconds: 120 }],
    [{ keepAlive: '1500ms' }, { keepAliveSeconds: 2 }],
    [{ keepAlive: '0' }, { keepAliveSeconds: 0 }],
    [{ reconnectForRedelivery: 'true' }, { redeliveryDelayMs: 10_000 }],
    [
      { reconnectForRedelivery: 'true', reconnectForRedeliveryDelay: '3s' },
      { redeliveryDelayMs: 3000 },
    ],
    [
      { reconnectForRedelivery: 'true', reconnectForRedeliveryDelay: '10ms' },
      { redeliveryDelayMs: 1000 },
    ],
    [{ lastWillTopic: '' }, { will: undefined }],
    [{ lastWillTopic: 't' }, { will: { topic: 't', payload: '', qos: 0, retain: false } }],
    [
      { lastWillTopic: 't', lastWillQos: '2', lastWillMessage: 'bye', lastWillRetain: 'true' },
      { will: { topic: 't', payload: 'bye', qos: 2, retain: true } },
    ],
  ]
  for (const [specificConfig, expected] of cases) {
    const actual = settings({ id: 'c', specificConfig })
    for (const [key, value] of Object.entries(expected)) {
      assert.equal(actual[key as keyof MqttSettings], value, JSON.stringify(specificConfig))
    }
  }
})

it('decodes user name and password', () => {
  const { username, password } = settings({ uri: 'tcp://us%40er:p%3Aw%25@h:1883' })
  assert.equal([username, password], ['us@er', 'p:w%'])
})

it('brings the TLS settings of the connection', () => {
  const connection = {
    uri: 'ssl://h:8883',
    ca: 'CA',
    validateCertificates: false,
    credentials: { type: 'client-cert', cert: 'CERT', key: 'KEY' },
  } as const
  const tls = { ca: 'CA', cert: 'CERT', key: 'KEY', validateCertificates: false }
  assert.equal(settings(connection).endpoint.tls, tls)
})

it('several clients have stable ids of their own', () => {
  const connection = testConnection({ id: 'c', clientCount: 3 })
  const ids = [0, 1, 2].map((index) => toSettings(connection, index, false).clientId)
  assert.equal(ids, ['c_0', 'c_1', 'c_2'])
})

it('a dry run shares neither id nor session nor last will with the running connection', () => {
  const connection = testConnection({ id: 'c', specificConfig: { lastWillTopic: 't' } })
  const dry = toSettings(connection, 0, true)
  assert.match(dry.clientId, /^c_test_[0-9a-f]{8}$/)
  assert.is.not(toSettings(connection, 0, true).clientId, dry.clientId)
  assert.is(dry.cleanSession, true)
  assert.is(dry.will, undefined)
})

function settings(fields: Partial<Connection>): MqttSettings {
  return toSettings(testConnection(fields), 0, false)
}
