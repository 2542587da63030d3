import type { ConnectionType } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { assertRefused, type Refusal, source, target, validate } from './bodies.ts'

const it = suite('rules of MQTT 3.1.1 and MQTT 5')

const FILTERS_UNKNOWN =
  'Placeholder substitution failed. Please check the placeholder variables against the ' +
  "documentation. The placeholder 'feature:id' could not be resolved. It stands at " +
  '</sources/0/enforcement/filters/1>.'
const SHARED = source({ qos: 1, addresses: ['$share/group/in/#'] })
const MQTT_SOURCE = "Source of index 0 of connection 'my-id'"
const MQTT_TARGET = "Target of address 'out' of connection 'my-id'"

const accepted: readonly [title: string, type: ConnectionType, changes: JsonObject][] = [
  [
    'mqtt',
    'mqtt',
    {
      sources: [
        source({
          addresses: ['in/+/x/#', '$share/group/#'],
          qos: 2,
          enforcement: { input: '{{ source:address }}', filters: ['in/{{ policy:name }}'] },
          headerMapping: {
            constant: 'x',
            topic: "{{ header:mqtt.topic | fn:default('header:other') }}",
          },
          replyTarget: { address: 'replies', headerMapping: { 'mqtt.qos': '{{ header:any }}' } },
        }),
      ],
      targets: [target({ qos: 0, headerMapping: { 'mqtt.retain': 'true' } })],
      specificConfig: {
        keepAlive: '65535s',
        lastWillTopic: 'will',
        lastWillQos: 2,
        reconnectForRedeliveryDelay: '500ms',
        unknown: 'kept',
      },
    },
  ],
  [
    'mqtt, several clients with shared subscriptions',
    'mqtt',
    { clientCount: 2, sources: [SHARED] },
  ],
  [
    'mqtt, several clients that only publish',
    'mqtt',
    { clientCount: 2, targets: [target({ qos: 1 })] },
  ],
  [
    'mqtt-5',
    'mqtt-5',
    {
      uri: 'ssl://h:8883',
      clientCount: 2,
      sources: [
        source({
          qos: 1,
          consumerCount: 2,
          enforcement: { input: '{{ header:device }}', filters: ['{{ thing:id }}'] },
        }),
      ],
    },
  ],
]

it('accepts a wildcard that a function of a reply address needs, and any address of no reply', () => {
  const address = "a/{{ header:x | fn:replace('#','-') }}"
  for (const type of ['mqtt', 'mqtt-5'] as const) {
    for (const replyTarget of [{ address }, { address: '#', enabled: false }]) {
      validate(type, { sources: [source({ qos: 1, replyTarget })] })
    }
  }
})

for (const [title, type, changes] of accepted) {
  it(`accepts ${title}`, () => validate(type, changes))
}

const mqttOfBothVersions: readonly Refusal[] = (['mqtt', 'mqtt-5'] as const).flatMap(
  (type): Refusal[] => [
    [
      `${type}: a source without QoS`,
      type,
      { sources: [source()] },
      `MQTT Source <${MQTT_SOURCE}> must contain QoS value.`,
    ],
    [
      `${type}: a target without QoS`,
      type,
      { targets: [target()] },
      `MQTT Target <${MQTT_TARGET}> must contain QoS value.`,
    ],
    [
      `${type}: a source with QoS 3`,
      type,
      { sources: [source({ qos: 3 })] },
      `Invalid value '3' for configuration 'qos' in ${MQTT_SOURCE}`,
    ],
    [
      `${type}: a target with QoS -1`,
      type,
      { targets: [target({ qos: -1 })] },
      `Invalid value '-1' for configuration 'qos' in ${MQTT_TARGET}`,
    ],
    [
      `${type}: a filter that is none`,
      type,
      { sources: [source({ qos: 0, addresses: ['a/#/b'] })] },
      "The provided topic 'a/#/b' is not valid: the wildcard '#' must be the whole of the last level.",
    ],
    [
      `${type}: a wildcard in a target`,
      type,
      { targets: [target({ qos: 0, address: 'a/+' })] },
      "The provided topic 'a/+' is not valid: must not contain the wildcard '+'.",
    ],
    [
      `${type}: enforcement filters with features`,
      type,
      {
        sources: [
          source({
            qos: 0,
            enforcement: { input: '{{ source:address }}', filters: ['a', '{{ feature:id }}'] },
          }),
        ],
      },
      `Invalid value '[a, {{ feature:id }}]' for configuration 'filters' in ${MQTT_SOURCE}`,
      FILTERS_UNKNOWN,
    ],
    [
      `${type}: too long a keep-alive`,
      type,
      { targets: [target({ qos: 0 })], specificConfig: { keepAlive: '65536s' } },
      'Configured value for Keep Alive Interval is invalid: Expected seconds of duration to be ' +
        'within [0, 65535] but it was <65536>.',
      'Please adjust the interval to be within the allowed range.',
    ],
    [
      `${type}: a keep-alive that is no duration`,
      type,
      { targets: [target({ qos: 0 })], specificConfig: { keepAlive: 'often' } },
      "The configured value 'often' of 'keepAlive' is invalid. It must be a duration.",
      'Write a number and a unit: ms, s, m or h, for example 30s.',
    ],
    [
      `${type}: two clients of the same id`,
      type,
      {
        targets: [target({ qos: 0 })],
        specificConfig: { separatePublisherClient: true, clientId: 'me', publisherId: 'me' },
      },
      "The configured 'publisherId' 'me' is the 'clientId', too.",
      'A broker lets only one client with an id in, and the two would take the session from each other. ' +
        "Choose another 'publisherId', or leave it out.",
    ],
    [
      `${type}: a last will with wildcards`,
      type,
      { targets: [target({ qos: 0 })], specificConfig: { lastWillTopic: '#' } },
      "The provided topic '#' is not valid: must not contain the wildcard '#'.",
      'Please provide a valid MQTT topic for config key <lastWillTopic>.',
    ],
    [
      `${type}: a last will with QoS 3`,
      type,
      { targets: [target({ qos: 0 })], specificConfig: { lastWillTopic: 'a', lastWillQos: 3 } },
      "The provided QoS code '3' is not valid.",
      'Please provide a valid MQTT QoS code for config key <lastWillQos>.',
    ],
  ],
)

const mqtt: readonly Refusal[] = [
  [
    'several clients that share nothing',
    'mqtt',
    { clientCount: 3, sources: [SHARED, source({ qos: 1, addresses: ['a', 'b'] })] },
    'Client count limited to 1 for MQTT 3.1.1 connections.',
    'Each of the 3 clients would get its own copy of every message from a, b. Use shared ' +
      'subscriptions ($share/{group}/{filter}) for all source addresses, or client count 1.',
  ],
  [
    'several consumers',
    'mqtt',
    { sources: [source({ qos: 1, consumerCount: 2 })] },
    'Consumer count limited to 1 for MQTT 3.1.1 connections.',
  ],
  [
    'an enforcement input that is a header',
    'mqtt',
    { sources: [source({ qos: 1, enforcement: { input: '{{ header:a }}' } })] },
    `Invalid value '{{ header:a }}' for configuration 'input' in ${MQTT_SOURCE}`,
    "'{{ header:a }}' is not a valid value for MQTT enforcement. Valid placeholders are: " +
      "'source:address'. The placeholder 'header:a' could not be resolved. It stands at " +
      '</sources/0/enforcement/input>.',
  ],
  [
    'a header that MQTT 3.1.1 does not have',
    'mqtt',
    { sources: [source({ qos: 1, headerMapping: { a: '{{ header:device }}' } })] },
    "The placeholder 'header:device' could not be resolved.",
    'MQTT 3.1.1 messages have only the headers mqtt.topic, mqtt.qos, mqtt.retain. It stands at ' +
      '</sources/0/headerMapping/a>.',
  ],
  [
    'a header that MQTT 3.1.1 cannot carry, in a target',
    'mqtt',
    { targets: [target({ qos: 1, headerMapping: { a: 'b' } })] },
    "The header 'a' is not allowed in MQTT 3.1.1 target header mapping.",
    'The following headers are allowed and are directly applied to the published MQTT message: ' +
      '[mqtt.topic, mqtt.qos, mqtt.retain]. It stands at </targets/0/headerMapping/a>.',
  ],
  [
    'a header that MQTT 3.1.1 cannot carry, in a reply target',
    'mqtt',
    { sources: [source({ qos: 1, replyTarget: { address: 'a', headerMapping: { a: 'b' } } })] },
    "The header 'a' is not allowed in MQTT 3.1.1 target header mapping.",
    'The following headers are allowed and are directly applied to the published MQTT message: ' +
      '[mqtt.topic, mqtt.qos, mqtt.retain]. It stands at ' +
      '</sources/0/replyTarget/headerMapping/a>.',
  ],
  [
    'an enforcement input of MQTT 5 that is neither address nor header',
    'mqtt-5',
    { sources: [source({ qos: 1, enforcement: { input: '{{ thing:id }}' } })] },
    `Invalid value '{{ thing:id }}' for configuration 'input' in ${MQTT_SOURCE}`,
    "'{{ thing:id }}' is not a valid value for MQTT enforcement. Valid placeholders are: " +
      "'source:address, header:<name>'. The placeholder 'thing:id' could not be resolved. It stands " +
      'at </sources/0/enforcement/input>.',
  ],
]

function replying(type: ConnectionType, address: string, message: string): Refusal {
  return [
    `${type}: responses to '${address}'`,
    type,
    { sources: [source({ qos: 1, replyTarget: { address } })] },
    `The provided topic '${address}' is not valid: ${message}`,
    'It stands at </sources/0/replyTarget/address>.',
  ]
}

const replies: readonly Refusal[] = (['mqtt', 'mqtt-5'] as const).flatMap((type) => [
  replying(type, '{{ thing:id }}/+', "must not contain the wildcard '+'."),
  replying(type, '#', "must not contain the wildcard '#'."),
  replying(type, '', 'must not be empty.'),
])

/** A wildcard is refused wherever it stands in the address, as in Ditto. */
const wildcards: readonly Refusal[] = (['mqtt', 'mqtt-5'] as const).flatMap((type) =>
  ['{{ thing:id }}/#', '{{ time:now+1h }}', "{{ thing:id | fn:replace('#','x') }}"].map(
    (address): Refusal => [
      `${type}: a target ${address}`,
      type,
      { targets: [target({ qos: 1, address })] },
      `The provided topic '${address}' is not valid: must not contain the wildcard ` +
        `'${address.includes('+') ? '+' : '#'}'.`,
    ],
  ),
)

/** Only the headers of 3.1.1 itself can be read; names in quotes are no placeholders. */
const read: readonly Refusal[] = [
  ['{{ header:mqtt.topic | fn:default(header:device) }}', 'device'],
  ["{{ fn:default('header:x') | fn:replace('\\'',header:device) }}", 'device'],
  ['\u0024{header:device}', 'device'],
  ['{{ header:MQTT.topic }}', 'MQTT.topic'],
  ['{{ header:mqtt.qos }}{{ header:content-type }}', 'content-type'],
].map(
  ([text, name]): Refusal => [
    `an MQTT 3.1.1 source that reads ${text}`,
    'mqtt',
    { sources: [source({ qos: 1, headerMapping: { 'a/b': text! } })] },
    `The placeholder 'header:${name}' could not be resolved.`,
    'MQTT 3.1.1 messages have only the headers mqtt.topic, mqtt.qos, mqtt.retain. It stands at ' +
      '</sources/0/headerMapping/a~1b>.',
  ],
)

for (const refusal of [...mqttOfBothVersions, ...mqtt, ...replies, ...wildcards, ...read]) {
  it(`refuses ${refusal[0]}`, () => assertRefused(refusal))
}
