import * as assert from 'uvu/assert'
import { parseConnection } from '../../../src/connection/model.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { body, errorOf, parse, source, target } from './bodies.ts'

const it = suite('connection model, what it refuses')

const refusals: readonly [
  title: string,
  json: unknown,
  error: string,
  message: string,
  mode?: 'create' | 'modify' | 'dry-run',
][] = [
  ['no object', [], 'json.invalid', 'The connection is not a valid JSON object!'],
  [
    'an id when creating',
    body('mqtt', { id: 'my-id' }),
    'connectivity:id.notsettable',
    'It is not allowed to provide an explicit ID for a connection.',
    'create',
  ],
  [
    'another id than the path',
    body('mqtt', { id: 'other' }),
    'connectivity:id.notsettable',
    'It is not allowed to provide an explicit ID for a connection.',
  ],
  ['no type', {}, 'json.field.missing', 'JSON did not include required </connectionType> field!'],
  [
    'an unknown type',
    { ...body('mqtt'), connectionType: 'mqtt-6' },
    'json.invalid',
    'Connection type <mqtt-6> is invalid!',
  ],
  [
    'no status',
    { connectionType: 'mqtt', uri: 'tcp://h:1' },
    'json.field.missing',
    'JSON did not include required </connectionStatus> field!',
  ],
  [
    'no status of a dry run',
    { connectionType: 'mqtt', uri: 'tcp://h:1' },
    'json.field.missing',
    'JSON did not include required </connectionStatus> field!',
    'dry-run',
  ],
  [
    'an unknown status',
    body('mqtt', { connectionStatus: 'opened' }),
    'json.invalid',
    'Connection status <opened> is invalid!',
  ],
  [
    'no URI',
    { connectionType: 'mqtt', connectionStatus: 'open' },
    'json.field.missing',
    'JSON did not include required </uri> field!',
  ],
  [
    'a URI that is no text, without repeating it',
    body('mqtt', { uri: ['canary'] }),
    'json.invalid',
    'The value for </uri> is not of type <String>!',
  ],
  [
    'a URI without a port',
    body('mqtt', { uri: 'tcp://u:canary@host', targets: [target()] }),
    'connectivity:connection.uri.invalid',
    "The Connection URI 'tcp://u:*****@host' has an invalid format.",
  ],
  [
    'addresses that are no array',
    body('mqtt', { sources: [source({ addresses: 'in' })] }),
    'json.invalid',
    'Value <"in"> for </sources/0/addresses> is not of type <JsonArray>!',
  ],
  [
    'a count that is no integer',
    body('mqtt', { clientCount: 1.5 }),
    'json.invalid',
    'Value <1.5> for </clientCount> is not of type <Integer>!',
  ],
  [
    'a target without an address',
    body('mqtt', { targets: [{}] }),
    'json.field.missing',
    'JSON did not include required </targets/0/address> field!',
  ],
  [
    'an enforcement without an input',
    body('mqtt', { sources: [source({ enforcement: {} })] }),
    'json.field.missing',
    'JSON did not include required </sources/0/enforcement/input> field!',
  ],
  [
    'a mapping definition without options',
    body('mqtt', { mappingDefinitions: { js: { mappingEngine: 'JavaScript' } } }),
    'json.field.missing',
    'JSON did not include required </mappingDefinitions/js/options> field!',
  ],
  [
    'a mapping context that is none',
    body('mqtt', { mappingContext: 5 }),
    'json.invalid',
    'Value <5> for </mappingContext> is not of type <JsonObject>!',
  ],
  [
    'credentials of an unknown type, without repeating them',
    body('mqtt', { credentials: { type: 'magic', password: 'canary' } }),
    'json.invalid',
    'Unknown credential type <magic>',
  ],
  [
    'plain credentials without a password',
    body('mqtt', { credentials: { type: 'plain', username: 'u' } }),
    'json.field.missing',
    'JSON did not include required </credentials/password> field!',
  ],
  [
    'a secret of the wrong type, without repeating it',
    body('mqtt', { credentials: { type: 'plain', username: 'u', password: ['canary'] } }),
    'json.invalid',
    'The value for </credentials/password> is not of type <String>!',
  ],
  [
    'a client count of 0',
    body('mqtt', { clientCount: 0 }),
    'connectivity:connection.configuration.invalid',
    'The client count must be positive!',
  ],
  [
    'a processor pool size of 0',
    body('mqtt', { processorPoolSize: 0 }),
    'connectivity:connection.configuration.invalid',
    'The processor pool size must be positive!',
  ],
  [
    'a consumer count of -1',
    body('mqtt', { sources: [source({ consumerCount: -1 })] }),
    'connectivity:connection.configuration.invalid',
    'The consumer count must be positive!',
  ],
  [
    'an empty authorization subject',
    body('mqtt', { sources: [source({ authorizationContext: [''] })] }),
    'connectivity:connection.configuration.invalid',
    'The authorization subject must not be empty!',
  ],
  [
    'neither sources nor targets',
    body('mqtt'),
    'connectivity:connection.configuration.invalid',
    'Either a source or a target must be specified in the configuration of a connection!',
  ],
  [
    'sources and targets without authorization',
    body('mqtt', {
      sources: [
        source({ authorizationContext: [], addresses: ['a', 'b'] }),
        source({ authorizationContext: [], addresses: ['b', 'c'] }),
      ],
      targets: [target({ authorizationContext: null })],
    }),
    'connectivity:connection.configuration.invalid',
    'The Sources [a, b, c] and Targets [out] are missing an authorization context.',
  ],
  [
    'a target without authorization',
    body('mqtt', { sources: [source()], targets: [target({ authorizationContext: [] })] }),
    'connectivity:connection.configuration.invalid',
    'The Targets [out] are missing an authorization context.',
  ],
  [
    'announcements of several clients',
    body('mqtt-5', {
      clientCount: 2,
      targets: [target({ topics: ['_/_/connections/announcements?namespaces=x'] })],
    }),
    'connectivity:connection.configuration.invalid',
    'Connection announcements (topic _/_/connections/announcements) can only be used with client ' +
      'count 1.',
  ],
  [
    'an unknown topic',
    body('mqtt', { targets: [target({ topics: ['x'] })] }),
    'connectivity:topic.invalid',
    "The topic 'x' could not be parsed.",
  ],
  [
    'a label that is none',
    body('mqtt', { sources: [source({ declaredAcks: ['a b c'] })] }),
    'acknowledgement:label.invalid',
    'Acknowledgement label <a b c> is invalid.',
  ],
  [
    'an issued label that is none',
    body('mqtt', { targets: [target({ issuedAcknowledgementLabel: 'ä' })] }),
    'acknowledgement:label.invalid',
    'Acknowledgement label <ä> is invalid.',
  ],
  [
    'an acknowledgement request that is none',
    body('mqtt', { sources: [source({ acknowledgementRequests: { includes: ['ä'] } })] }),
    'acknowledgement:request.parsing.failed',
    '<ä> cannot be parsed to an acknowledgement request!',
  ],
]

for (const [title, json, error, message, mode] of refusals) {
  it(`refuses ${title}`, () => {
    const actual = errorOf(() => parse(json, mode))
    assert.is(actual.error, error)
    assert.is(actual.message, message)
    assert.is(actual.status, error === 'acknowledgement:request.parsing.failed' ? 422 : 400)
    assert.not.match(JSON.stringify(actual), /canary/)
  })
}

const unknownFields: readonly [json: JsonObject, message: string, description: string][] = [
  [body('mqtt', { sorces: [] }), '</sorces>', 'Did you mean <sources>?'],
  [
    body('mqtt', { sources: [source({ addres: [] })] }),
    '</sources/0/addres>',
    'Did you mean <addresses>?',
  ],
  [
    body('mqtt', { targets: [target({ topic: 'x' })] }),
    '</targets/0/topic>',
    'Did you mean <topics>?',
  ],
  [
    body('mqtt', { sources: [source({ enforcement: { input: '', matchers: [] } })] }),
    '</sources/0/enforcement/matchers>',
    'Known fields are: input, filters.',
  ],
  [
    body('mqtt', { credentials: { type: 'plain', username: '', password: '', passwort: '' } }),
    '</credentials/passwort>',
    'Did you mean <password>?',
  ],
]

for (const [json, pointer, description] of unknownFields) {
  it(`refuses the unknown field ${pointer}`, () => {
    assert.equal(
      errorOf(() => parse(json)),
      {
        status: 400,
        error: 'connectivity:connection.configuration.invalid',
        message: `The field ${pointer} is unknown.`,
        description,
      },
    )
  })
}

it('refuses ids that cannot be ids', () => {
  const json = body('mqtt', { targets: [target()] })
  for (const id of ['', 'my id', 'ä', 'a/b', 'x'.repeat(101)]) {
    assert.equal(
      errorOf(() => parseConnection(json, { mode: 'modify', id })),
      {
        status: 400,
        error: 'connectivity:connection.id.invalid',
        message: `The Connection ID '${id}' is not valid.`,
        description: 'It must be conform to the regular expression: <[a-zA-Z0-9-_:]{1,100}>.',
      },
    )
  }
})
