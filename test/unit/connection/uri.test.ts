import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  type BrokerUri,
  parseBrokerUri,
  redactUri,
  replaceUriPassword,
} from '../../../src/connection/uri.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'

const it = suite('broker uri')

const uris: readonly [uri: string, parts: BrokerUri][] = [
  ['tcp://host:1883', { scheme: 'tcp', secure: false, host: 'host', port: 1883, path: '' }],
  ['ssl://my_host.x-y:1', { scheme: 'ssl', secure: true, host: 'my_host.x-y', port: 1, path: '' }],
  ['amqps://[::1]:5671/', { scheme: 'amqps', secure: true, host: '::1', port: 5671, path: '/' }],
  [
    'amqp://us%40er:p%3A%2F%40:w@10.0.0.1:5672/%2Fvhost',
    {
      scheme: 'amqp',
      secure: false,
      host: '10.0.0.1',
      port: 5672,
      path: '/%2Fvhost',
      username: 'us@er',
      password: 'p:/@:w',
    },
  ],
  [
    'https://:@h:443',
    { scheme: 'https', secure: true, host: 'h', port: 443, path: '', username: '', password: '' },
  ],
  ['http://token@h:80', { scheme: 'http', secure: false, host: 'h', port: 80, path: '' }],
]

for (const [uri, parts] of uris) {
  it(`takes ${uri} apart`, () => assert.equal(parseBrokerUri(uri), parts))
}

const refusals: readonly [uri: string, shown: string][] = [
  ['', ''],
  ['host:1883', 'host:1883'],
  ['tcp://host', 'tcp://host'],
  ['tcp://host:0', 'tcp://host:0'],
  ['tcp://host:65536', 'tcp://host:65536'],
  ['tcp://host:1883?x=1', 'tcp://host:1883?x=1'],
  ['tcp://ho st:1883', 'tcp://ho st:1883'],
  ['tcp://u:canary@host', 'tcp://u:*****@host'],
  ['tcp://u:can@ry@host:1', 'tcp://u:*****@host:1'],
  ['tcp://u:can/ary@host:1', 'tcp://u:*****@host:1'],
  ['tcp://u:can#ary@host:1', 'tcp://u:*****@host:1'],
  ['tcp://u:can?ary@host:1', 'tcp://u:*****@host:1'],
  ['tcp://u:12/canary@host:1', 'tcp://u:*****@host:1'],
  ['tcp://u:canary%zz@host:1', 'tcp://u:*****@host:1'],
  ['tcp://u:canary', 'tcp://u:*****'],
  ['u:canary@host:1', 'u:*****@host:1'],
]

for (const [uri, shown] of refusals) {
  it(`refuses ${uri}`, () => {
    assert.throws(
      () => parseBrokerUri(uri),
      (thrown: unknown) => {
        assert.equal((thrown as DittoException).error, {
          status: 400,
          error: 'connectivity:connection.uri.invalid',
          message: `The Connection URI '${shown}' has an invalid format.`,
          description:
            'The accepted format is {protocol}://{username}:{password}@{hostname}:{port}/{path}',
        })
        return thrown instanceof DittoException
      },
    )
  })
}

it('never shows a password, whatever stands in it', () => {
  const password = fc.string({ unit: 'binary-ascii', minLength: 1 }).map((text) => `se${text}cret`)
  fc.assert(
    fc.property(password, (secret) => {
      assert.not.ok(redactUri(`tcp://user:${secret}@host:1883/path`).includes(secret))
    }),
  )
})

it('replaces the password and nothing else', () => {
  const swap = (uri: string) => replaceUriPassword(uri, (password) => `<${password}>`)
  assert.is(swap('tcp://u:p@h:1/x:y'), 'tcp://u:<p>@h:1/x:y')
  assert.is(swap('tcp://u:@h:1'), 'tcp://u:@h:1')
  assert.is(swap('tcp://u@h:1'), 'tcp://u@h:1')
  assert.is(swap('tcp://h:1'), 'tcp://h:1')
  assert.is(swap(''), '')
})
