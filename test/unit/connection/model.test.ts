import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { connectionToJson, renderConnection } from '../../../src/connection/render.ts'
import type { Connection } from '../../../src/connection/types.ts'
import type { JsonObject, JsonValue } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { body, parse, source, target } from './bodies.ts'

const it = suite('connection model')

const REPLY_HEADERS = {
  'content-type': '{{header:content-type}}',
  'correlation-id': '{{header:correlation-id}}',
}

it('fills in and writes everything as Ditto does', () => {
  const created = parse(
    {
      name: 'demo',
      connectionType: 'mqtt-5',
      uri: 'tcp://u:p@broker:1883',
      sources: [
        {
          addresses: ['in/#', 'in/#'],
          authorizationContext: ['integration:demo'],
          qos: 1,
          enforcement: { input: '{{ source:address }}', filters: ['in/{{ thing:id }}'] },
          acknowledgementRequests: { includes: [] },
          payloadMapping: ['js'],
        },
      ],
      targets: [
        {
          address: 'out/{{ thing:id }}',
          topics: ['_/_/things/twin/events?extraFields=attributes&filter=gt(attributes/a,1)'],
          authorizationContext: ['integration:demo'],
          qos: 0,
          headerMapping: { 'content-type': '{{ header:content-type }}' },
        },
      ],
      mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { outgoingScript: '' } } },
      specificConfig: { keepAlive: 30, cleanSession: true },
      tags: ['x', 'x'],
    },
    'create',
  )
  const expected = {
    id: 'my-id',
    name: 'demo',
    connectionType: 'mqtt-5',
    connectionStatus: 'unknown',
    uri: 'tcp://u:*****@broker:1883',
    sources: [
      {
        addresses: ['in/#'],
        consumerCount: 1,
        qos: 1,
        authorizationContext: ['integration:demo'],
        enforcement: { input: '{{ source:address }}', filters: ['in/{{ thing:id }}'] },
        acknowledgementRequests: { includes: [] },
        headerMapping: { ...REPLY_HEADERS, 'reply-to': '{{header:reply-to}}' },
        payloadMapping: ['js'],
        replyTarget: {
          address: '{{header:reply-to}}',
          headerMapping: REPLY_HEADERS,
          expectedResponseTypes: ['response', 'error'],
          enabled: true,
        },
      },
    ],
    targets: [
      {
        address: 'out/{{ thing:id }}',
        topics: ['_/_/things/twin/events?filter=gt(attributes/a,1)&extraFields=attributes'],
        qos: 0,
        authorizationContext: ['integration:demo'],
        headerMapping: { 'content-type': '{{ header:content-type }}' },
      },
    ],
    clientCount: 1,
    failoverEnabled: true,
    validateCertificates: true,
    processorPoolSize: 1,
    specificConfig: { keepAlive: '30', cleanSession: 'true' },
    mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { outgoingScript: '' } } },
    tags: ['x'],
  }
  assert.is(JSON.stringify(renderConnection(created)), JSON.stringify(expected))
})

const replyTargets: readonly [
  title: string,
  type: 'mqtt' | 'amqp-10',
  given: JsonValue,
  shown: object,
][] = [
  [
    'is filled in without headers for MQTT 3.1.1',
    'mqtt',
    null,
    {
      address: '{{header:reply-to}}',
      headerMapping: {},
      expectedResponseTypes: ['response', 'error'],
      enabled: true,
    },
  ],
  [
    'is filled in when it has no address',
    'amqp-10',
    { expectedResponseTypes: ['nack'] },
    {
      address: '{{header:reply-to}}',
      headerMapping: REPLY_HEADERS,
      expectedResponseTypes: ['response', 'error'],
      enabled: true,
    },
  ],
  ['is left alone when it is disabled', 'amqp-10', { enabled: false }, { enabled: false }],
  [
    'keeps its address when it is disabled',
    'amqp-10',
    { enabled: false, address: 'a' },
    {
      address: 'a',
      headerMapping: {},
      expectedResponseTypes: ['response', 'error'],
      enabled: false,
    },
  ],
  [
    'loses response types that do not exist, and header values that are no text',
    'amqp-10',
    { address: 'a', expectedResponseTypes: ['nack', 'x', 'nack'], headerMapping: { a: 1, b: 'b' } },
    { address: 'a', headerMapping: { b: 'b' }, expectedResponseTypes: ['nack'], enabled: true },
  ],
]

for (const [title, type, replyTarget, shown] of replyTargets) {
  it(`a reply target ${title}`, () => {
    const { sources } = connectionToJson(parse(body(type, { sources: [source({ replyTarget })] })))
    assert.equal((sources as JsonObject[])[0]!.replyTarget, shown)
  })
}

it('fills in source headers only together with the reply target, and never over what is there', () => {
  const headersOf = (type: 'mqtt' | 'amqp-10', changes: JsonObject) =>
    parse(body(type, { sources: [source(changes)] })).sources[0]!.headerMapping
  assert.equal(headersOf('mqtt', {}), {})
  assert.equal(headersOf('amqp-10', { replyTarget: { enabled: false } }), {})
  assert.equal(headersOf('amqp-10', { replyTarget: { address: 'a' } }), {})
  assert.equal(headersOf('amqp-10', { headerMapping: { 'reply-to': 'mine' } }), {
    ...REPLY_HEADERS,
    'reply-to': 'mine',
  })
})

it('turns a legacy mapping context into a definition that everything uses', () => {
  const options = { incomingScript: '' }
  const { mappingDefinitions, sources, targets } = parse(
    body('amqp-10', {
      mappingContext: { mappingEngine: 'Ditto', options },
      sources: [source({ payloadMapping: ['other'] })],
      targets: [target()],
    }),
  )
  assert.equal(mappingDefinitions, { javascript: { mappingEngine: 'Ditto', options } })
  assert.equal(sources[0]!.payloadMapping, ['other', 'javascript'])
  assert.equal(targets[0]!.payloadMapping, ['javascript'])
})

it('accepts what Ditto knows but does not use, and null for what is absent', () => {
  const connection = parse(
    body('amqp-10', {
      __lifecycle: 'ACTIVE',
      _revision: 5,
      _created: '2026-01-01T00:00:00Z',
      _modified: '2026-01-01T00:00:00Z',
      authorizationContext: ['old'],
      name: null,
      credentials: null,
      sshTunnel: null,
      ca: ' \n',
      clientCount: null,
      sources: [source({ enforcement: null, qos: null, headerMapping: null }), 'ignored', null],
      targets: null,
    }),
  )
  assert.is(connection.sources.length, 1)
  assert.is(connection.ca, undefined)
  assert.is(connection.clientCount, 1)
  assert.not.ok('credentials' in connection)
})

it('needs no URI for Hono', () => {
  const { uri: _, ...withoutUri } = body('hono', { sources: [source()] })
  assert.is(parse(withoutUri).uri, '')
})

it('settles the id by what the body is for', () => {
  const small = body('amqp-10', { targets: [target()] })
  assert.is(parse(small, 'create').id, 'my-id')
  assert.is(parse({ ...small, id: 'my-id' }).id, 'my-id')
  const { connectionStatus: _, ...withoutStatus } = small
  assert.is(parse(withoutStatus, 'create').connectionStatus, 'unknown')
})

it('renames the acknowledgement labels of a dry run with its id, and nothing else', () => {
  const { id, sources, targets } = parse(
    body('amqp-10', {
      id: 'old',
      sources: [source({ addresses: ['old:address'], declaredAcks: ['old:a', 'other:b'] })],
      targets: [target({ issuedAcknowledgementLabel: 'old:c' })],
    }),
    'dry-run',
  )
  assert.is(id, 'my-id')
  assert.equal(sources[0]!.addresses, ['old:address'])
  assert.equal(sources[0]!.declaredAcks, ['my-id:a', 'other:b'])
  assert.is(targets[0]!.issuedAcknowledgementLabel, 'my-id:c')
})

it('reads what it writes as the same connection', () => {
  fc.assert(
    fc.property(anyBody, (json) => {
      const connection: Connection = parse(json)
      const written = connectionToJson(connection)
      const again = parse(JSON.parse(JSON.stringify(written)))
      assert.equal(again, connection)
      assert.is(JSON.stringify(connectionToJson(again)), JSON.stringify(written))
    }),
  )
})

const text = fc.string({ maxLength: 8 })
const texts = fc.array(text, { maxLength: 3 })
const mapping = fc.dictionary(fc.stringMatching(/^[a-z-]{1,8}$/), fc.oneof(text, fc.integer()))
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary)
const subjects = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 })
const topics = fc.array(
  fc.constantFrom('_/_/things/twin/events?filter=eq(a,1)', '_/_/things/live/messages'),
)

const anyBody = fc.record({
  name: maybe(text),
  connectionType: fc.constantFrom('mqtt', 'mqtt-5', 'amqp-10', 'amqp-091'),
  connectionStatus: fc.constantFrom('open', 'closed'),
  uri: fc.constantFrom('tcp://host:1', 'amqps://u:p%20@host:2/v'),
  sources: fc.array(
    fc.record({
      addresses: texts,
      consumerCount: maybe(fc.integer({ min: 1, max: 9 })),
      qos: maybe(fc.integer()),
      authorizationContext: subjects,
      enforcement: maybe(fc.record({ input: text, filters: texts })),
      acknowledgementRequests: maybe(
        fc.record({ includes: fc.constant(['twin-persisted']), filter: maybe(text) }),
      ),
      headerMapping: maybe(mapping),
      payloadMapping: maybe(texts),
      replyTarget: maybe(
        fc.record({
          enabled: maybe(fc.boolean()),
          address: maybe(text),
          headerMapping: maybe(mapping),
          expectedResponseTypes: maybe(texts),
        }),
      ),
      declaredAcks: maybe(fc.constant(['my-id:ack', 'my-id:ack'])),
      messagesPerSecond: maybe(fc.integer({ min: 1 })),
    }),
    { maxLength: 3 },
  ),
  targets: fc.array(
    fc.record({
      address: text,
      topics,
      qos: maybe(fc.integer()),
      authorizationContext: subjects,
      issuedAcknowledgementLabel: maybe(fc.constant('{{connection:id}}:label')),
      overflow: maybe(fc.constantFrom('block', 'drop')),
      headerMapping: maybe(mapping),
      payloadMapping: maybe(texts),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  clientCount: maybe(fc.integer({ min: 1, max: 9 })),
  failoverEnabled: maybe(fc.boolean()),
  messagesPerSecond: maybe(fc.integer({ min: 1 })),
  specificConfig: maybe(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue())),
  mappingContext: maybe(fc.constant({ mappingEngine: 'JavaScript', options: {} })),
  credentials: maybe(
    fc.constantFrom<JsonObject>(
      { type: 'plain', username: 'u', password: 'p' },
      { type: 'client-cert', cert: null },
      {
        type: 'oauth-client-credentials',
        tokenEndpoint: 't',
        clientId: 'c',
        clientSecret: 's',
        requestedScopes: 'r',
      },
    ),
  ),
  ca: maybe(text),
  tags: maybe(texts),
})
