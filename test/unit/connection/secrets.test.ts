import * as assert from 'uvu/assert'
import { renderConnection } from '../../../src/connection/render.ts'
import { mayBeShown, restoreSecrets, secretsOf } from '../../../src/connection/secrets.ts'
import type { Connection } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { body, errorOf, parse, target } from './bodies.ts'

const it = suite('secrets')

const OAUTH = { tokenEndpoint: 'https://t', clientId: 'id', requestedScopes: 's' }

const kinds: readonly [credentials: JsonObject, secrets: Readonly<Record<string, string>>][] = [
  [{ type: 'client-cert', cert: 'public', key: 'canary' }, { key: 'canary' }],
  [{ type: 'plain', username: 'public', password: 'canary' }, { password: 'canary' }],
  [
    { type: 'public-key', username: 'u', publicKey: 'public', privateKey: 'canary' },
    { privateKey: 'canary' },
  ],
  [
    {
      type: 'hmac',
      algorithm: 'aws4-hmac-sha256',
      parameters: { region: 'r', accessKey: 'canary-1', secretKey: 'canary-2', doubleEncode: true },
    },
    { 'parameters/accessKey': 'canary-1', 'parameters/secretKey': 'canary-2' },
  ],
  [
    { type: 'hmac', algorithm: 'new', parameters: { 'a/b~c': 'canary' } },
    { 'parameters/a~1b~0c': 'canary' },
  ],
  [
    { type: 'oauth-client-credentials', ...OAUTH, clientSecret: 'canary' },
    { clientSecret: 'canary' },
  ],
  [
    {
      type: 'oauth-password',
      ...OAUTH,
      clientSecret: 'canary-1',
      username: 'u',
      password: 'canary-2',
    },
    { clientSecret: 'canary-1', password: 'canary-2' },
  ],
  [{ type: 'oauth-password', ...OAUTH, username: 'u', password: '' }, {}],
]

function connectionWith(credentials: JsonObject, uri = 'http://u:canary%2F0@host:80') {
  const sshTunnel = {
    enabled: true,
    credentials,
    validateHost: false,
    uri: 'ssh://x:canary-9@h:22',
  }
  return parse(body('http-push', { uri, credentials, sshTunnel, targets: [target()] }))
}

for (const [credentials, secrets] of kinds) {
  it(`hides the secrets of ${credentials.type} ${Object.keys(secrets)}`, () => {
    const connection = connectionWith(credentials)
    const expected = new Map([['/uri', 'canary%2F0']])
    for (const [name, secret] of Object.entries(secrets)) {
      expected.set(`/credentials/${name}`, secret)
    }
    expected.set('/sshTunnel/uri', 'canary-9')
    for (const [name, secret] of Object.entries(secrets)) {
      expected.set(`/sshTunnel/credentials/${name}`, secret)
    }
    assert.equal(secretsOf(connection), expected)
    const shown = JSON.stringify(renderConnection(connection))
    assert.not.match(shown, /canary/)
    assert.is(shown.split('*****').length - 1, expected.size)
  })
  it(`takes the masks of ${credentials.type} ${Object.keys(secrets)} back`, () => {
    const connection = connectionWith(credentials)
    const sentBack = parse(renderConnection(connection))
    assert.equal(restoreSecrets(sentBack, connection), connection)
  })
}

it('keeps new secrets, whatever is stored', () => {
  const stored = connectionWith({ type: 'plain', username: 'u', password: 'old' })
  const next = connectionWith({ type: 'plain', username: 'u', password: 'new' }, 'http://u:n@h:80')
  assert.equal(restoreSecrets(next, stored), next)
})

it('refuses a mask that stands for nothing', () => {
  const next = connectionWith({ type: 'plain', username: 'u', password: '*****' })
  const stored = connectionWith({ type: 'client-cert', key: 'k' })
  for (const before of [undefined, stored]) {
    assert.equal(
      errorOf(() => restoreSecrets(next, before)),
      {
        status: 400,
        error: 'connectivity:connection.configuration.invalid',
        message:
          'The secret at </credentials/password> is masked, but none is stored that it could ' +
          'stand for.',
        description: 'Replace ***** by the secret itself.',
      },
    )
  }
})

const DIVERSIONS: readonly [title: string, change: (connection: Connection) => Connection][] = [
  ['another host', (c) => ({ ...c, uri: c.uri.replace('//u:*****@h', '//u:*****@evil') })],
  ['another port', (c) => ({ ...c, uri: c.uri.replace(':80', ':81') })],
  ['another user', (c) => ({ ...c, uri: c.uri.replace('//u:', '//v:') })],
  ['without TLS', (c) => ({ ...c, uri: c.uri.replace('https:', 'http:') })],
]

for (const [title, change] of DIVERSIONS) {
  it(`does not send a masked password to ${title}`, () => {
    const stored = connectionWith({ type: 'client-cert', key: 'k' }, 'https://u:secret@h:80/a')
    const masked = parse(renderConnection(stored))
    const { message } = errorOf(() => restoreSecrets(change(masked), stored))
    assert.match(message, 'The secret at </uri> is masked, and the stored one was given for')
    const elsewhere = { ...masked, uri: masked.uri.replace('/a', '/b') }
    assert.is(restoreSecrets(elsewhere, stored).uri, 'https://u:secret@h:80/b')
  })
}

it('lets errors repeat only values that can be no secret', () => {
  for (const pointer of ['', '/uri', '/credentials', '/credentials/type', '/sshTunnel/enabled']) {
    assert.is(mayBeShown(pointer), false, pointer)
  }
  for (const pointer of ['/urix', '/sources/0/addresses', '/clientCount']) {
    assert.is(mayBeShown(pointer), true, pointer)
  }
})
