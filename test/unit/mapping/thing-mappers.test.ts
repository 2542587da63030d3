/** The mappers that change things on their own: by tables. */
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import type { EngineName } from '../../../src/mapping/definitions.ts'
import type { ExternalMessage } from '../../../src/protocol/external-message.ts'
import { suite } from '../../support/suite.ts'
import { adaptable, external, promptMapper, refusal } from './support.ts'

const it = suite('mapping/thing-mappers')

function mapper(engine: EngineName, options: JsonObject) {
  return promptMapper({ id: 'm', engine, definition: { mappingEngine: engine, options } })
}

function inbound(engine: EngineName, options: JsonObject, message: ExternalMessage): unknown {
  const [result] = mapper(engine, options).inbound([message])
  if (!result!.ok) return result!.error.error
  return result!.values.map(({ topic, path, value, headers }) => ({
    topic: topic.full,
    path,
    value,
    headers,
  }))
}

const OF_DEVICE = { thingId: '{{ header:device_id }}' }
const HONO = { device_id: 'ns:d', 'creation-time': '1569844917000' }
const QUIET = { 'response-required': false, 'requested-acks': [] }
const SINCE = '2019-09-30T12:01:57Z'

function feature(readyUntil: string, featureId = 'ConnectionStatus') {
  return {
    topic: 'ns/d/things/twin/commands/modify',
    path: `/features/${featureId}`,
    value: {
      definition: ['org.eclipse.ditto:ConnectionStatus:1.0.0'],
      properties: { status: { readySince: SINCE, readyUntil } },
    },
    headers: QUIET,
  }
}

/** Title, headers, what comes of them. */
const STATUSES: readonly (readonly [string, Record<string, string>, readonly unknown[]])[] = [
  ['so many seconds', { ...HONO, ttd: '20' }, [feature('2019-09-30T12:02:17Z')]],
  ['for ever', { ...HONO, ttd: '-1' }, [feature('9999-12-31T23:59:59Z')]],
  [
    'gone',
    { ...HONO, ttd: '0' },
    [
      {
        topic: 'ns/d/things/twin/commands/modify',
        path: '/features/ConnectionStatus/properties/status/readyUntil',
        value: SINCE,
        headers: QUIET,
      },
    ],
  ],
  ['without ttd', HONO, []],
  ['without creation time', { device_id: 'ns:d', ttd: '1' }, []],
  ['without device', { 'creation-time': '1', ttd: '1' }, []],
  ['ttd below -1', { ...HONO, ttd: '-2' }, []],
  ['ttd that is no number', { ...HONO, ttd: '1.5' }, []],
  ['a negative creation time', { ...HONO, 'creation-time': '-1', ttd: '1' }, []],
  ['a time out of range', { ...HONO, 'creation-time': '999999999999999999', ttd: '1' }, []],
  ['a device that is no thing', { ...HONO, device_id: 'none', ttd: '1' }, []],
]
for (const [title, headers, expected] of STATUSES) {
  it(`ConnectionStatus: ${title}`, () => {
    assert.equal(inbound('ConnectionStatus', OF_DEVICE, external('x', headers)), expected)
  })
}

it('ConnectionStatus: another feature, and nothing on the way out', () => {
  const options = { thingId: 'ns:d', featureId: '{{ header:f }}' }
  const message = external(undefined, { ...HONO, f: 'a', ttd: '20' })
  assert.equal(inbound('ConnectionStatus', options, message), [
    feature('2019-09-30T12:02:17Z', 'a'),
  ])
  assert.equal(mapper('ConnectionStatus', options).outbound([adaptable()]), [
    { ok: true, values: [] },
  ])
})

const TEMPLATE = {
  thingId: '{{ header:device_id }}',
  policyId: 'ns:p',
  _copyPolicyFrom: 'ns:other',
  attributes: { via: '{{ header:via | fn:default("direct") }}', '{{ header:name }}': [1, null] },
}
const DEVICE = { device_id: 'ns:d', name: 'x', via: 'say "hi" \\ }' }

it('ImplicitThingCreation: the template with what the message brings, whatever that contains', () => {
  for (const thing of [TEMPLATE, JSON.stringify(TEMPLATE)]) {
    assert.equal(inbound('ImplicitThingCreation', { thing }, external('x', DEVICE)), [
      {
        topic: 'ns/d/things/twin/commands/create',
        path: '/',
        value: {
          thingId: 'ns:d',
          policyId: 'ns:p',
          _copyPolicyFrom: 'ns:other',
          attributes: { via: DEVICE.via, x: [1, null] },
        },
        headers: { 'allow-policy-lockout': true, 'if-none-match': '*' },
      },
    ])
  }
})

it('ImplicitThingCreation: headers of the command are resolved for each message', () => {
  const options = {
    thing: { thingId: 'ns:d' },
    allowPolicyLockout: 'false',
    commandHeaders: {
      'if-none-match': 'x',
      trace: '{{ header:trace }}',
      'response-required': false,
    },
  }
  const one = mapper('ImplicitThingCreation', options)
  for (const trace of ['1', '2']) {
    const [result] = one.inbound([external('x', { trace })])
    assert.ok(result!.ok)
    assert.equal(result!.values[0]!.headers, {
      'allow-policy-lockout': false,
      'if-none-match': 'x',
      trace,
      'response-required': false,
    })
  }
  const [without] = one.inbound([external('x')])
  assert.ok(without!.ok)
  assert.is(without!.values[0]!.headers.trace, undefined)
})

it('ImplicitThingCreation: what cannot be resolved or is no id fails', () => {
  const thing = { thingId: '{{ header:device_id }}', attributes: { a: '{{ header:a }}' } }
  const options = { thing }
  assert.is(inbound('ImplicitThingCreation', options, external('x')), 'placeholder:unresolved')
  const bad = external('x', { device_id: 'none', a: '' })
  assert.is(inbound('ImplicitThingCreation', options, bad), 'things:id.invalid')
})

it('ImplicitThingCreation: subjects of the source can be named', () => {
  const thing = { thingId: 'ns:d', attributes: { by: '{{ request:subjectId }}' } }
  const message = { ...external('x'), subjects: ['a:b'] }
  const [created] = inbound('ImplicitThingCreation', { thing }, message) as { value: JsonObject }[]
  assert.equal(created!.value.attributes, { by: 'a:b' })
})

it('ImplicitThingCreation: outbound it tells errors, and drops the rest', () => {
  const one = mapper('ImplicitThingCreation', { thing: { thingId: 'ns:d' } })
  const value = { status: 404, error: 'things:thing.notfound', message: 'none', description: 'd' }
  const error = adaptable({ topic: 'ns/d/things/twin/errors', path: '/', value, status: 404 })
  const [told, dropped] = one.outbound([error, adaptable()])
  assert.equal(told, { ok: false, error: value })
  assert.equal(dropped, { ok: true, values: [] })
})

const RESPONSE = {
  topic: 'ns/t/things/live/commands/retrieve',
  headers: { 'correlation-id': 'c' },
  path: '/attributes/a',
  value: 7,
  status: 200,
}
const MERGE = {
  topic: 'ns/t/things/twin/commands/merge',
  path: '/attributes/a',
  value: 7,
  headers: {
    'response-required': false,
    'if-match': '*',
    'content-type': 'application/merge-patch+json',
    'correlation-id': 'c-merge-into-twin',
  },
}

/** Title, change of the response, what comes of it. */
const RESPONSES: readonly (readonly [string, object, readonly unknown[]])[] = [
  ['a live response', {}, [MERGE]],
  ['a twin response', { topic: 'ns/t/things/twin/commands/retrieve' }, []],
  ['a response to something else', { topic: 'ns/t/things/live/commands/modify' }, []],
  ['a command', { status: undefined }, []],
  ['a negative response', { status: 404 }, []],
  ['a message', { topic: 'ns/t/things/live/messages/m' }, []],
]
for (const [title, change, expected] of RESPONSES) {
  it(`UpdateTwinWithLiveResponse: ${title}`, () => {
    const message = external(JSON.stringify({ ...RESPONSE, ...change }))
    assert.equal(inbound('UpdateTwinWithLiveResponse', {}, message), expected)
  })
}

it('UpdateTwinWithLiveResponse: other headers, and no Ditto Protocol', () => {
  const dittoHeadersForMerge = { trace: '{{ header:trace }}', other: '{{ header:none }}' }
  const message = external(JSON.stringify(RESPONSE), { trace: 't' })
  const [merge] = inbound('UpdateTwinWithLiveResponse', { dittoHeadersForMerge }, message) as {
    headers: JsonObject
  }[]
  assert.equal(merge!.headers, {
    trace: 't',
    other: '{{ header:none }}',
    'content-type': 'application/merge-patch+json',
    'correlation-id': 'c-merge-into-twin',
  })
  for (const payload of ['no json', '[]', undefined]) {
    assert.equal(inbound('UpdateTwinWithLiveResponse', {}, external(payload)), [])
  }
})

/** Engine, options, what the error says. */
const REFUSED: readonly (readonly [EngineName, JsonObject, string])[] = [
  ['ConnectionStatus', {}, `property 'thingId'`],
  ['ConnectionStatus', { thingId: 'none' }, `Thing ID 'none' is not valid`],
  ['ConnectionStatus', { thingId: 'ns:{{ thing:id }}' }, 'thing:id'],
  ['ConnectionStatus', { thingId: 'ns:d', featureId: 1 }, '<featureId> must be a string'],
  ['ImplicitThingCreation', {}, `property 'thing'`],
  ['ImplicitThingCreation', { thing: 'no json' }, '<thing> must be a JSON object'],
  ['ImplicitThingCreation', { thing: {} }, `property 'thing/thingId'`],
  ['ImplicitThingCreation', { thing: { thingId: 'none' } }, '<thing/thingId>'],
  ['ImplicitThingCreation', { thing: { thingId: 'n:t', policyId: 'none' } }, '<thing/policyId>'],
  ['ImplicitThingCreation', { thing: { thingId: 'n:t' }, allowPolicyLockout: 'x' }, 'Lockout>'],
  ['ImplicitThingCreation', { thing: { thingId: 'n:t' }, commandHeaders: 1 }, '<commandHeaders>'],
  ['ImplicitThingCreation', { thing: { thingId: 'n:t', a: '{{ thing:id }}' } }, 'thing:id'],
  ['UpdateTwinWithLiveResponse', { dittoHeadersForMerge: [] }, '<dittoHeadersForMerge>'],
]
for (const [engine, options, told] of REFUSED) {
  it(`${engine} refuses ${JSON.stringify(options)}`, () => {
    assert.match(refusal(engine, options), told)
  })
}
