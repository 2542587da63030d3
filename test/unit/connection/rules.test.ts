import type { ConnectionType } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { assertRefused, CERTIFICATE, type Refusal, source, target, validate } from './bodies.ts'

const it = suite('rules of the connection types')

const ALL_KNOWN =
  'Placeholders that can be used here: header, entity, thing, thing-json, feature, topic, ' +
  'resource, time, request, connection.'
const FILTERS_KNOWN = 'Placeholders that can be used here: entity, thing, policy, feature.'
const URI_INVALID = 'connectivity:connection.uri.invalid'
const SERVERS = { bootstrapServers: 'kafka-1:9092, kafka-2.example.org:9093' }

const accepted: readonly [title: string, type: ConnectionType, changes: JsonObject][] = [
  [
    'amqp-091',
    'amqp-091',
    {
      sources: [
        source({
          enforcement: { input: '{{ header:device }}', filters: ['{{ feature:id }}'] },
          headerMapping: { a: '{{ thing:id }}' },
          replyTarget: { address: 'exchange/key' },
        }),
      ],
      targets: [
        target({ address: 'exchange/{{ thing:id }}' }),
        target({ address: '/queue' }),
        target({ address: "{{ header:a | fn:replace('.','/') }}" }),
        target({ address: "a/{{ thing:id | fn:replace('/','/') }}" }),
      ],
    },
  ],
  ['amqp-10', 'amqp-10', { uri: 'amqps://u:p@h:1', targets: [target({ address: 'topic://a' })] }],
  [
    'kafka',
    'kafka',
    {
      uri: 'ssl://u:p@h:9092',
      sources: [source({ addresses: ['topic.a-1_B'], qos: 1 }), source()],
      targets: [
        target({ address: '{{ thing:namespace }}/{{ thing:id }}' }),
        target({ address: 'topic#{{ header:partition }}' }),
        target({ address: 'topic#7' }),
      ],
      specificConfig: {
        ...SERVERS,
        saslMechanism: 'scram-sha-512',
        groupId: '{{connection:id}}.group',
        consumerOffsetReset: 'Earliest',
      },
    },
  ],
  [
    'http-push',
    'http-push',
    {
      targets: [target({ address: 'PATCH:/things/{{ thing:id }}' })],
      specificConfig: { parallelism: 8, idleTimeout: '60s', omitRequestBody: 'GET,HEAD' },
    },
  ],
  [
    'http-push, no body withheld',
    'http-push',
    {
      targets: [target({ address: 'GET:/' })],
      specificConfig: { omitRequestBody: '' },
    },
  ],
  [
    'hono',
    'hono',
    {
      sources: [source({ addresses: ['telemetry', 'event', 'command_response'], qos: 0 })],
      targets: [target({ address: 'command' })],
    },
  ],
]

for (const [title, type, changes] of accepted) {
  it(`accepts ${title}`, () => validate(type, changes))
}

it('accepts headers that have no effect, as Ditto does', () => {
  const headerMapping = Object.fromEntries(
    ['ditto-origin', 'ditto-auth-context', 'ditto-sudo', 'requested-acks', 'timeout'].map(
      (name) => [name, 'constant'],
    ),
  )
  for (const type of ['mqtt-5', 'amqp-091', 'amqp-10'] as const) {
    validate(type, {
      sources: [source({ qos: 1, headerMapping })],
      targets: [target({ qos: 1, address: 'a/b', headerMapping })],
    })
  }
})

it('lets a source without replies have any reply address', () => {
  validate('amqp-091', { sources: [source({ replyTarget: { enabled: false, address: 'a/b/c' } })] })
})

const schemes: readonly Refusal[] = (
  [
    ['amqp-091', 'AMQP 0.9.1', 'amqp, amqps'],
    ['amqp-10', 'AMQP 1.0', 'amqp, amqps'],
    ['mqtt', 'MQTT 3.1.1', 'tcp, ssl'],
    ['mqtt-5', 'MQTT 5', 'tcp, ssl'],
    ['kafka', 'Kafka 2.1.1', 'tcp, ssl'],
    ['http-push', 'HTTP', 'http, https'],
  ] as const
).flatMap(([type, protocol, known]): Refusal[] =>
  ['ws://u:canary@h:1', ''].map((uri) => [
    `${type} over '${uri}'`,
    type,
    { uri, targets: [target()] },
    `The URI scheme '${uri.slice(0, 2)}' is not valid for ${protocol}.`,
    `Accepted URI schemes are: ${known}`,
    URI_INVALID,
  ]),
)

const amqp: readonly Refusal[] = [
  [
    'an exchange without a routing key',
    'amqp-091',
    { targets: [target({ address: 'queue' })] },
    "The target address 'queue' must be specified in the format 'exchange/routingKey'.",
    'It stands at </targets/0/address>.',
  ],
  [
    'a reply address with two slashes',
    'amqp-091',
    { sources: [source({ replyTarget: { address: 'a/b/c' } })] },
    "The target address 'a/b/c' must be specified in the format 'exchange/routingKey'.",
    'It stands at </sources/0/replyTarget/address>.',
  ],
  ...['a/b/{{ thing:id }}', '{{ thing:id }}/{{ thing:name }}/', '//{{ thing:id }}', 'a/b/'].map(
    (address): Refusal => [
      `an exchange and two slashes: ${address}`,
      'amqp-091',
      { targets: [target({ address })] },
      `The target address '${address}' must be specified in the format 'exchange/routingKey'.`,
      'It stands at </targets/0/address>.',
    ],
  ),
  [
    'an unknown placeholder in an address',
    'amqp-10',
    { targets: [target({ address: 'a/{{ device:id }}' })] },
    "The placeholder 'device:id' could not be resolved.",
    `${ALL_KNOWN} See character 3 of 'a/{{ device:id }}'. It stands at </targets/0/address>.`,
  ],
  [
    'an unknown placeholder in a header mapping',
    'amqp-10',
    { sources: [source({ headerMapping: { 'a/b': '{{ source:address }}' } })] },
    "The placeholder 'source:address' could not be resolved.",
    `${ALL_KNOWN} See character 1 of '{{ source:address }}'. It stands at ` +
      '</sources/0/headerMapping/a~1b>.',
  ],
  [
    'an enforcement input that is no header',
    'amqp-091',
    { sources: [source({ enforcement: { input: '{{ source:address }}' } })] },
    "The placeholder 'source:address' could not be resolved.",
    'Placeholders that can be used here: header. See character 1 of ' +
      "'{{ source:address }}'. It stands at </sources/0/enforcement/input>.",
  ],
  [
    'an enforcement filter with a header',
    'amqp-10',
    { sources: [source({ enforcement: { input: 'x', filters: ['{{ header:a }}'] } })] },
    "The placeholder 'header:a' could not be resolved.",
    `${FILTERS_KNOWN} See character 1 of '{{ header:a }}'. It stands at ` +
      '</sources/0/enforcement/filters/0>.',
  ],
]

function kafkaTarget(address: string): JsonObject {
  return { targets: [target({ address })], specificConfig: SERVERS }
}

function kafkaConfig(specificConfig: JsonObject): JsonObject {
  return {
    uri: 'tcp://u:p@h:9092',
    targets: [target()],
    specificConfig: { ...SERVERS, ...specificConfig },
  }
}

const kafka: readonly Refusal[] = [
  [
    'a Kafka source with QoS 2',
    'kafka',
    { sources: [source({ qos: 2 })], specificConfig: SERVERS },
    "Invalid 'qos' value for Kafka source, supported are: <0> or <1>. Configured 'qos' value was: <2>",
  ],
  [
    'a topic with a blank',
    'kafka',
    kafkaTarget('a b'),
    "The provided topic 'a b' is not valid: it must consist of ASCII letters and digits, '.', '_' " +
      "and '-'.",
  ],
  [
    'a topic of dots',
    'kafka',
    kafkaTarget('..'),
    "The provided topic '..' is not valid: it must not be '.' or '..'.",
  ],
  [
    'a topic of 250 characters',
    'kafka',
    kafkaTarget('x'.repeat(250)),
    `The provided topic '${'x'.repeat(250)}' is not valid: it must not be longer than 249 characters.`,
  ],
  [
    'an empty topic',
    'kafka',
    kafkaTarget('/key'),
    'The provided topic in your target address may not be empty.',
  ],
  [
    'an empty key',
    'kafka',
    kafkaTarget('topic/'),
    'The provided key in your target address may not be empty.',
  ],
  [
    'an empty partition',
    'kafka',
    kafkaTarget('topic#'),
    'The provided partition in your target address may not be empty.',
  ],
  [
    'a partition that is no number',
    'kafka',
    kafkaTarget('topic#x{{ thing:id }}'),
    'Can not parse partition number from x<placeholder>.',
  ],
  [
    'no bootstrap servers',
    'kafka',
    { targets: [target()] },
    "The provided list of bootstrap servers '' is not valid",
    'Set bootstrapServers in specificConfig to host:port[,host:port].',
  ],
  [
    'a bootstrap server without a port',
    'kafka',
    kafkaConfig({ bootstrapServers: 'a:1,b' }),
    "The provided list of bootstrap servers 'a:1,b' is not valid",
    'Set bootstrapServers in specificConfig to host:port[,host:port].',
  ],
  [
    'an unknown SASL mechanism',
    'kafka',
    kafkaConfig({ saslMechanism: 'GSSAPI' }),
    'The connection configuration contains an invalid value for SASL mechanisms: <GSSAPI>. Allowed ' +
      'mechanisms are: <PLAIN, SCRAM-SHA-256, SCRAM-SHA-512>',
  ],
  [
    'a group id with a blank',
    'kafka',
    kafkaConfig({ groupId: 'a b' }),
    'The connection configuration contains an invalid value for the consumer group ID. Allowed ' +
      'Characters are: <[a-zA-Z0-9\\._\\-]>',
  ],
  [
    'an unknown offset reset',
    'kafka',
    kafkaConfig({ consumerOffsetReset: 'none' }),
    'The connection configuration contains an invalid value for the consumer offset reset. Allowed ' +
      'values are: <[EARLIEST, LATEST]>',
  ],
]

const METHODS = 'Supported methods are: PUT, PATCH, POST, GET, DELETE'

function httpConfig(specificConfig: JsonObject): JsonObject {
  return { targets: [target({ address: 'POST:/' })], specificConfig }
}

const httpPush: readonly Refusal[] = [
  [
    'a source of HTTP push',
    'http-push',
    { sources: [source()] },
    "A connection of type 'http-push' may not have any source.",
  ],
  [
    'an address without a method',
    'http-push',
    { targets: [target({ address: '/path' })] },
    "Target of address '/path' of connection 'my-id': Target address has invalid format. Expect " +
      "'<VERB>:/<path>', for example 'POST:/api'.",
    METHODS,
  ],
  [
    'an address with an unknown method',
    'http-push',
    { targets: [target({ address: 'HEAD:/path' })] },
    "Target of address 'HEAD:/path' of connection 'my-id': The method 'HEAD' is not supported",
    METHODS,
  ],
  [
    'too long an idle timeout',
    'http-push',
    httpConfig({ idleTimeout: '61s' }),
    "Idle timeout '61' is not within the allowed range of [0, 60] seconds.",
    'Please adjust the timeout to be within the allowed range.',
  ],
  ...['0', '-1', 'x'].map(
    (parallelism): Refusal => [
      `parallelism ${parallelism}`,
      'http-push',
      httpConfig({ parallelism }),
      `The configured value '${parallelism}' of 'parallelism' is invalid. It must be a positive integer.`,
    ],
  ),
  [
    'a method that does not exist',
    'http-push',
    httpConfig({ omitRequestBody: 'GET,SET' }),
    "The configured value '[GET, SET]' of 'omitRequestBody' is invalid. It contains an invalid HTTP " +
      'method: SET',
  ],
  [
    'trusted certificates without TLS',
    'mqtt',
    {
      targets: [target({ qos: 0 })],
      ca: CERTIFICATE,
    },
    'The connection has trusted certificates configured but uses an insecure protocol.',
    'Either switch to a secure protocol ([ssl]) or remove the trusted certificates.',
    URI_INVALID,
  ],
]

const hono: readonly Refusal[] = [
  [
    'an unknown Hono source',
    'hono',
    { sources: [source({ addresses: ['event', 'command'] })] },
    'The provided source address <command> is invalid. It should be one of the defined aliases: ' +
      '[telemetry, event, command_response]',
  ],
  [
    'an unknown Hono target',
    'hono',
    { targets: [target({ address: 'event' })] },
    'The provided target address <event> is invalid. It should be <command>.',
  ],
  [
    'a Hono source with QoS 2',
    'hono',
    { sources: [source({ addresses: ['event'], qos: 2 })] },
    "Invalid source 'qos' value <2>. Supported values are <0> and <1>.",
  ],
]

const all = [...schemes, ...amqp, ...kafka, ...httpPush, ...hono]

for (const refusal of all) it(`refuses ${refusal[0]}`, () => assertRefused(refusal))
