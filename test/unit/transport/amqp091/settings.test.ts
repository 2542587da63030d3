import * as assert from 'uvu/assert'
import { toSettings } from '../../../../src/transport/amqp091/settings.ts'
import { testConnection } from '../../../support/connection.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/settings')

it('the virtual host is the URL-decoded path', () => {
  const cases: readonly [path: string, virtualHost: string][] = [
    ['', '/'],
    ['/', '/'],
    ['/%2F', '/'],
    ['/production', 'production'],
    ['/north%2Feast', 'north/east'],
    ['/a/b', 'a/b'],
    ['/caf%C3%A9', 'café'],
    ['/100%25', '100%'],
    ['/100%', '100%'],
  ]
  for (const [path, virtualHost] of cases) {
    assert.is(settings({ uri: `amqp://h:5672${path}` }).virtualHost, virtualHost, path)
  }
})

it('logs in with user and password, with a certificate, or as guest', () => {
  const certificate = { type: 'client-cert', cert: 'CERT', key: 'KEY' } as const
  const plain = (username: string, password: string) => ({ mechanism: 'PLAIN', username, password })
  assert.equal(settings({ uri: 'amqp://h:5672' }).login, plain('guest', 'guest'))
  assert.equal(settings({ uri: 'amqp://u:p%40w@h:5672' }).login, plain('u', 'p@w'))
  assert.equal(settings({ uri: 'amqp://u:@h:5672' }).login, plain('u', ''))
  assert.equal(settings({ uri: 'amqps://h:5671', credentials: certificate }).login, {
    mechanism: 'EXTERNAL',
  })
  const both = settings({ uri: 'amqps://u:p@h:5671', credentials: certificate })
  assert.equal(both.login, plain('u', 'p'))
  assert.is(both.endpoint.tls?.cert, 'CERT')
  // Without TLS nobody sees a certificate.
  const open = settings({ uri: 'amqp://h:5672', credentials: certificate })
  assert.equal(open.login, plain('guest', 'guest'))
})

it('is known to the broker by connection and client', () => {
  assert.is(settings({ id: 'c' }).name, 'c')
  assert.is(toSettings(testConnection({ id: 'c', clientCount: 2 }), 1, false).name, 'c_1')
  assert.match(toSettings(testConnection({ id: 'c' }), 0, true).name, /^c_test_[0-9a-f]{8}$/)
})

function settings(fields: Parameters<typeof testConnection>[0]) {
  return toSettings(testConnection(fields), 0, false)
}
