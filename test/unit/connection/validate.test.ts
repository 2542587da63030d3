import * as assert from 'uvu/assert'
import type { ConnectionType } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { assertRefused, errorOf, type Refusal, source, target, validate } from './bodies.ts'

const it = suite('validation, whatever the type')

const TWIN = '_/_/things/twin/events'

const TARGETS = { targets: [target()] }
const accepted: readonly [title: string, type: ConnectionType, changes: JsonObject][] = [
  [
    'extra fields, plain and with placeholders',
    'amqp-10',
    {
      targets: [
        target({ topics: [`${TWIN}?extraFields=attributes(a,b),thingId,features/*/properties`] }),
        target({ topics: [`${TWIN}?extraFields={{ thing:id }}/x`] }),
      ],
    },
  ],
  [
    'a diversion',
    'amqp-10',
    {
      specificConfig: { 'is-diversion-source': true, 'is-diversion-target': 'false' },
      sources: [
        source({
          headerMapping: {
            'divert-response-to-connection': 'other',
            'divert-expected-response-types': 'response, nack',
          },
        }),
      ],
    },
  ],
]

for (const [title, type, changes] of accepted) {
  it(`accepts ${title}`, () => validate(type, changes))
}

const counts: readonly Refusal[] = [
  [
    'five sources',
    'amqp-10',
    { sources: Array.from({ length: 5 }, () => source()) },
    'The number of configured sources or targets within a connection exceeded.',
    'The number of configured sources for connection: my-id is above the limit of 4.',
  ],
  [
    'five targets',
    'amqp-10',
    { targets: Array.from({ length: 5 }, () => target()) },
    'The number of configured sources or targets within a connection exceeded.',
    'The number of configured targets for connection: my-id is above the limit of 4.',
  ],
  [
    'too many clients',
    'amqp-10',
    { ...TARGETS, clientCount: 33 },
    'The number of clients exceeded the limit.',
    'The number of configured clients is 33, the limit is 32.',
  ],
  [
    'too many consumers',
    'amqp-10',
    { sources: [source({ consumerCount: 33 })] },
    'The number of consumers exceeded the limit.',
    'The number of configured consumers is 33, the limit is 32.',
  ],
  [
    'eleven payload mappings of a source',
    'amqp-10',
    { sources: [source({ addresses: ['a', 'b'], payloadMapping: Array(11).fill('Ditto') })] },
    'The number of configured payload mappings exceeded the limit.',
    'The number of configured payload mappings for the source with address a,b is above the limit ' +
      'of 10.',
  ],
  [
    'eleven payload mappings of a target',
    'amqp-10',
    { targets: [target({ payloadMapping: Array(11).fill('Ditto') })] },
    'The number of configured payload mappings exceeded the limit.',
    'The number of configured payload mappings for the target with address out is above the limit ' +
      'of 10.',
  ],
]

const addresses: readonly Refusal[] = [
  [
    'a source without addresses',
    'amqp-10',
    { sources: [source(), source({ addresses: [] })] },
    'Source 1 of connection <my-id>: addresses may not be empty.',
  ],
  [
    'an empty address of a source',
    'amqp-10',
    { sources: [source({ addresses: ['a', ''] })] },
    'Source 0 of connection <my-id>: addresses may not be empty.',
  ],
  [
    'an empty address of a target',
    'amqp-10',
    { targets: [target({ address: '' })] },
    'Targets of connection <my-id>: addresses may not be empty.',
  ],
  [
    'extra fields that are none of a thing',
    'amqp-10',
    { targets: [target({ topics: [`${TWIN}?extraFields=attributes,owner`] })] },
    'Thing field selection <attributes,owner> was not valid.',
    'Fields of a thing are: thingId, policyId, definition, _namespace, _revision, _created, ' +
      '_modified, _metadata, _policy, _context, features, attributes. It stands at ' +
      '</targets/0/topics/0>.',
    'things:field.selection.invalid',
  ],
]

function diverting(headerMapping: JsonObject, specificConfig: JsonObject = {}): JsonObject {
  return { specificConfig, sources: [source({ headerMapping })] }
}

const DIVERT = 'divert-response-to-connection'

const diversions: readonly Refusal[] = [
  [
    'a diversion to nowhere',
    'amqp-10',
    diverting({ [DIVERT]: ' ' }),
    'The divert-response-to-connection in headerMapping must not be empty',
  ],
  [
    'a diversion to what is no id',
    'amqp-10',
    diverting({ [DIVERT]: 'a b' }),
    'Invalid target connection ID format in divert-response-to-connection: a b',
  ],
  [
    'a diversion to itself',
    'amqp-10',
    diverting({ [DIVERT]: 'my-id' }),
    'It is pointless to divert responses to the originating connection, it will receive the ' +
      'responses by default. Remove the divert-response-to-connection from the headerMapping of ' +
      'connection: my-id',
  ],
  [
    'a diversion of unknown responses',
    'amqp-10',
    diverting(
      { 'divert-expected-response-types': 'response,all' },
      { 'is-diversion-source': 'TRUE' },
    ),
    'Invalid response type in <divert-expected-response-types>: all. Valid types are: response, ' +
      'error, nack',
  ],
  [
    'a diversion target with topics',
    'amqp-10',
    { specificConfig: { 'is-diversion-target': true }, targets: [target({ topics: [TWIN] })] },
    'Connection my-id has topics configured in target out but isDiversionTarget is true. When ' +
      'isDiversionTarget is true, no topics must be configured in targets.',
  ],
  [
    'a diversion target that authorizes what is no id',
    'amqp-10',
    {
      specificConfig: {
        'is-diversion-target': true,
        'authorized-connections-as-sources': 'good, not good',
      },
      ...TARGETS,
    },
    "The Connection ID 'not good' is not valid.",
    'It must be conform to the regular expression: <[a-zA-Z0-9-_:]{1,100}>.',
    'connectivity:connection.id.invalid',
  ],
]

const all: readonly Refusal[] = [...counts, ...addresses, ...diversions]

for (const refusal of all) it(`refuses ${refusal[0]}`, () => assertRefused(refusal))

it('refuses a filter that is no RQL', () => {
  const refused: readonly (readonly [filter: string, message: RegExp])[] = [
    ['eq(thingId,1', /position 12: expected '\)'/],
    ['', /position 0: expected one of the operators/],
    ['eq(color,1)', /^Unknown property name: color\. /],
  ]
  for (const [filter, message] of refused) {
    const topics = [TWIN, `${TWIN}?filter=${filter}`]
    const error = errorOf(() => validate('amqp-10', { targets: [target(), target({ topics })] }))
    assert.is(error.error, 'rql.expression.invalid')
    assert.match(error.message, message)
    assert.match(error.description ?? '', / It stands at <\/targets\/1\/topics\/1>\.$/)
  }
})

it('refuses extra fields that are no selector, with placeholders too', () => {
  for (const extraFields of ['attributes(a', 'attributes(a,{{ thing:id }}', '{{ thing:id }},']) {
    const changes = { targets: [target({ topics: [`${TWIN}?extraFields=${extraFields}`] })] }
    const { error } = errorOf(() => validate('amqp-10', changes))
    assert.is(error, 'json.fieldselector.invalid', extraFields)
  }
})

it('reports the first of several mistakes in the order of Ditto', () => {
  const wrong = {
    uri: 'http://h:1',
    sources: [source({ addresses: [''], declaredAcks: ['other:label'] })],
    ca: 'x',
  }
  const messages: string[] = []
  const fixes: readonly JsonObject[] = [
    {},
    { sources: [source({ declaredAcks: ['other:label'] })] },
    { sources: [source()] },
    { sources: [source()], ca: null },
  ]
  for (const fix of fixes) {
    messages.push(errorOf(() => validate('amqp-10', { ...wrong, ...fix })).message.slice(0, 20))
  }
  assert.equal(messages, [
    'Source 0 of connecti',
    'Declared acknowledge',
    '/ca: bad format. Exp',
    "The URI scheme 'http",
  ])
})
