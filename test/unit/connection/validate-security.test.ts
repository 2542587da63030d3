import { generateKeyPairSync } from 'node:crypto'
import * as assert from 'uvu/assert'
import type { ConnectionType } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { assertRefused, CERTIFICATE, errorOf, type Refusal, target, validate } from './bodies.ts'

const it = suite('validation of certificates, credentials and tunnels')

const PEM = { type: 'pkcs8', format: 'pem' } as const
const PUBLIC_PEM = { type: 'spki', format: 'pem' } as const
const pair = generateKeyPairSync('ed25519', {
  privateKeyEncoding: PEM,
  publicKeyEncoding: PUBLIC_PEM,
})

const TARGETS = { targets: [target()] }
const PLAIN = { type: 'plain', username: 'u', password: 'p' }
const OAUTH = {
  type: 'oauth-client-credentials',
  tokenEndpoint: 'https://tokens',
  clientId: 'c',
  clientSecret: 's',
  requestedScopes: 'a b',
}
const TUNNEL = { enabled: true, credentials: PLAIN, validateHost: false, uri: 'ssh://bastion:22' }
const HTTP_TARGETS = { targets: [target({ address: 'POST:/' })] }

const accepted: readonly [title: string, type: ConnectionType, changes: JsonObject][] = [
  ['a tunnel', 'amqp-10', { ...TARGETS, sshTunnel: TUNNEL }],
  [
    'a tunnel with keys and known hosts',
    'amqp-10',
    {
      ...TARGETS,
      sshTunnel: {
        ...TUNNEL,
        validateHost: true,
        knownHosts: ['MD5:aa'],
        credentials: {
          type: 'public-key',
          username: 'u',
          publicKey: pair.publicKey,
          privateKey: pair.privateKey,
        },
      },
    },
  ],
  [
    'trusted certificates',
    'amqp-10',
    { ...TARGETS, uri: 'amqps://h:1', ca: CERTIFICATE.repeat(2) },
  ],
  ['OAuth', 'http-push', { ...HTTP_TARGETS, credentials: OAUTH }],
  [
    'HMAC',
    'http-push',
    { ...HTTP_TARGETS, credentials: { type: 'hmac', algorithm: 'az-sasl', parameters: {} } },
  ],
]

for (const [title, type, changes] of accepted) {
  it(`accepts ${title}`, () => validate(type, changes))
}

const certificates: readonly Refusal[] = [
  [
    'trusted certificates that are none',
    'amqp-10',
    { ...TARGETS, uri: 'amqps://h:1', ca: 'x' },
    "/ca: bad format. Expect PEM-encoded DER data specified by RFC-7468 starting with '-----BEGIN " +
      "CERTIFICATE-----'",
  ],
  [
    'a broken one among trusted certificates',
    'amqp-10',
    { ...TARGETS, uri: 'amqps://h:1', ca: `${CERTIFICATE}-----BEGIN CERTIFICATE-----\nAAAA\n` },
    "/ca: bad format. Expect PEM-encoded DER data specified by RFC-7468 starting with '-----BEGIN " +
      "CERTIFICATE-----'",
  ],
  [
    'a client key that is none, without showing it',
    'amqp-10',
    { ...TARGETS, credentials: { type: 'client-cert', cert: CERTIFICATE, key: 'canary' } },
    '/credentials/key: bad format. Expect PEM-encoded PKCS #8 data specified by RFC-7468 starting ' +
      "with '-----BEGIN PRIVATE KEY-----'",
    'Please format your client key as PEM-encoded unencrypted PKCS #8.',
  ],
  [
    'a client certificate that is none',
    'amqp-10',
    { ...TARGETS, credentials: { type: 'client-cert', cert: 'x', key: pair.privateKey } },
    '/credentials/cert: bad format. Expect PEM-encoded DER data specified by RFC-7468 starting with ' +
      "'-----BEGIN CERTIFICATE-----'",
  ],
  [
    'a client key without a certificate',
    'amqp-10',
    { ...TARGETS, credentials: { type: 'client-cert', key: pair.privateKey } },
    'Either client key or certificate were missing.',
    'A client certificate works only together with its key.',
  ],
  [
    'a client key of another certificate',
    'amqp-10',
    { ...TARGETS, credentials: { type: 'client-cert', cert: CERTIFICATE, key: pair.privateKey } },
    '/credentials/key: The key does not belong to the certificate.',
    'Provide the private key that the certificate at </credentials/cert> was made for.',
  ],
]

const tunnels: readonly Refusal[] = [
  [
    'a tunnel for Kafka',
    'kafka',
    { ...TARGETS, sshTunnel: TUNNEL },
    'SSH tunneling not supported.',
    'SSH tunneling is not supported for the connection type <kafka>.',
  ],
  ...(
    [
      [{ uri: '' }, 'The URI of the ssh server must not be empty.'],
      [
        { uri: 'http://u:canary@h:1' },
        "The SSH server URI 'http://u:*****@h:1' is not valid: The scheme for the ssh endpoint must " +
          "be 'ssh'.",
      ],
      [
        { uri: 'ssh://h' },
        "The SSH server URI 'ssh://h' is not valid: The accepted format is ssh://{hostname}:{port}",
      ],
      [{ credentials: { ...PLAIN, username: '' } }, 'SSH tunnel username must not be empty.'],
      [{ credentials: { ...PLAIN, password: '' } }, 'SSH tunnel password must not be empty.'],
      [
        { credentials: { type: 'client-cert' } },
        'Credentials type client-cert cannot be used for an ssh tunnel.',
      ],
      [{ validateHost: true }, 'Specify at least one fingerprint if host validationis enabled.'],
    ] as [JsonObject, string][]
  ).map(([changes, message]): Refusal => {
    const sshTunnel = { ...TUNNEL, ...changes }
    return [
      `a tunnel with ${JSON.stringify(changes)}`,
      'amqp-10',
      { ...TARGETS, sshTunnel },
      message,
    ]
  }),
]

const credentials: readonly Refusal[] = [
  [
    'HMAC for MQTT',
    'mqtt',
    { ...TARGETS, credentials: { type: 'hmac', algorithm: 'az-sasl', parameters: {} } },
    'HMAC credentials are not supported for the connection type.',
    'Only HTTP and AMQP 1.0 connections support HMAC credentials.',
  ],
  [
    'HMAC besides a user in the URI',
    'http-push',
    {
      ...HTTP_TARGETS,
      uri: 'http://u:p@h:1',
      credentials: { type: 'hmac', algorithm: 'az-sasl', parameters: {} },
    },
    'There are conflicting authentication mechanisms.',
    'HMAC credentials and URI userinfo may not be present at the same time.',
  ],
  [
    'an unknown HMAC algorithm',
    'http-push',
    { ...HTTP_TARGETS, credentials: { type: 'hmac', algorithm: 'md5', parameters: {} } },
    'Unsupported HMAC algorithm: md5',
    'Supported algorithms: aws4-hmac-sha256, az-monitor-2016-04-01, az-sasl',
  ],
  [
    'OAuth for AMQP',
    'amqp-10',
    { ...TARGETS, credentials: OAUTH },
    'OAuth client credentials are only supported for HTTP connection type.',
    'Only HTTP connections support OAuth client credentials.',
  ],
  [
    'a token endpoint that is no URL',
    'http-push',
    { ...HTTP_TARGETS, credentials: { ...OAUTH, tokenEndpoint: 'nowhere' } },
    "Invalid token endpoint 'nowhere' provided: no URL",
    'Provide a valid URL as token endpoint.',
  ],
  [
    'scopes that are none',
    'http-push',
    { ...HTTP_TARGETS, credentials: { ...OAUTH, requestedScopes: 'a  b' } },
    'Invalid format of requested scopes: a  b',
    'Provide scopes as space separated list (RFC6749 section 3.3).',
  ],
  [
    'a token endpoint without TLS',
    'http-push',
    { ...HTTP_TARGETS, credentials: { ...OAUTH, tokenEndpoint: 'http://tokens' } },
    'The OAuth2 token endpoint must be accessed via HTTPS in order not to transmit the client ' +
      'secret in plain text.',
  ],
]

for (const refusal of [...certificates, ...tunnels, ...credentials]) {
  it(`refuses ${refusal[0]}`, () => assertRefused(refusal))
}

it('points to the RFC about scopes', () => {
  const changes = { ...HTTP_TARGETS, credentials: { ...OAUTH, requestedScopes: '' } }
  const { href } = errorOf(() => validate('http-push', changes))
  assert.is(href, 'https://datatracker.ietf.org/doc/html/rfc6749#section-3.3')
})
