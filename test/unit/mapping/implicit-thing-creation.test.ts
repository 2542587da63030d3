/** The ImplicitThingCreation mapper: templates, headers and errors, by tables. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import type { ExternalMessage } from '../../../src/protocol/external-message.ts'
import { suite } from '../../support/suite.ts'
import { adaptable, external, outcomes, promptMapper, refusal, signals } from './support.ts'

const it = suite('mapping/implicit-thing-creation')

function creation(options: JsonObject) {
  const definition = { mappingEngine: 'ImplicitThingCreation', options }
  return promptMapper({ id: 'c', engine: 'ImplicitThingCreation', definition })
}

function created(options: JsonObject, message: ExternalMessage): unknown {
  const [command] = signals(creation(options).inbound([message]))[0] as unknown[]
  return command
}

function thingOf(thing: JsonObject | string, message: ExternalMessage): unknown {
  return (created({ thing }, message) as { value: unknown }).value
}

const DEVICE = { device_id: 'headerNamespace:headerDeviceId', gateway_id: 'ns:gateway' }

it("Ditto's example", () => {
  const options = {
    thing: {
      thingId: '{{ header:device_id }}',
      attributes: { CreatedBy: 'ImplicitThingCreation' },
    },
    commandHeaders: {
      'If-None-Match': '*',
      'correlation-id': '{{ header:correlation-id }}',
    },
    allowPolicyLockout: true,
  }
  const command = {
    topic: 'headerNamespace/headerDeviceId/things/twin/commands/create',
    path: '/',
    value: { thingId: DEVICE.device_id, attributes: { CreatedBy: 'ImplicitThingCreation' } },
  }
  const headers = { 'if-none-match': '*', 'allow-policy-lockout': true }
  const batch = [external('x', { ...DEVICE, 'correlation-id': 'c-1' }), external('x', DEVICE)]
  assert.equal(signals(creation(options).inbound(batch)), [
    [{ ...command, headers: { ...headers, 'correlation-id': 'c-1' } }],
    [{ ...command, headers }],
  ])
})

it('policies may stand in the template, inline or as a copy', () => {
  const policy = { entries: { DEFAULT: { subjects: {}, resources: {} } } }
  const thing = {
    thingId: '{{ header:device_id }}',
    policyId: '{{ header:device_id }}',
    _policy: policy,
    _copyPolicyFrom: '{{ header:gateway_id }}',
  }
  assert.equal(thingOf(thing, external('x', DEVICE)), {
    thingId: DEVICE.device_id,
    policyId: DEVICE.device_id,
    _policy: policy,
    _copyPolicyFrom: DEVICE.gateway_id,
  })
})

const TEMPLATE = {
  thingId: 'ns:d',
  attributes: {
    via: '{{ header:via | fn:default("direct") }}',
    'of {{ header:name }}': [1, null, true, '{{ header:name }}/{{ header:name }}'],
    gone: '{{ header:via | fn:delete() }}',
    by: '{{ request:subjectId }}',
  },
}

it('a template may be an object or text, with expressions in its texts and names', () => {
  const message = { ...external('x', { name: 'x' }), subjects: ['first:subject', 'other:subject'] }
  for (const thing of [TEMPLATE, JSON.stringify(TEMPLATE)]) {
    assert.equal(thingOf(thing, message), {
      thingId: 'ns:d',
      attributes: {
        via: 'direct',
        'of x': [1, null, true, 'x/x'],
        gone: '',
        by: 'first:subject',
      },
    })
  }
})

it('the time is that of the message', () => {
  const thing = { thingId: 'ns:d', attributes: { at: '{{ time:now_epoch_millis }}' } }
  const before = Date.now()
  const { attributes } = thingOf(thing, external('x')) as { attributes: { at: string } }
  assert.ok(Number(attributes.at) >= before && Number(attributes.at) <= Date.now())
})

it('whatever a message brings stays within its text', () => {
  const one = creation({ thing: { thingId: 'ns:d', attributes: { a: '<{{ header:a }}>' } } })
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (a) => {
      const [result] = one.inbound([external('x', { a })])
      assert.ok(result!.ok)
      const { value } = result!.values[0]!
      assert.equal(value, { thingId: 'ns:d', attributes: { a: `<${a}>` } })
    }),
  )
})

it('headers of the command are resolved for each message', () => {
  const options = {
    thing: { thingId: 'ns:d' },
    allowPolicyLockout: 'false',
    commandHeaders: {
      'test-header': 'this-is-a-test-header',
      'Other-Test-Header': '{{ header:gateway_id }}',
      'empty-test-header': "{{ header:gateway_id | fn:filter(header:foobar, 'eq', 'bar') }}",
      'Allow-Policy-Lockout': true,
      'response-required': false,
      'put-metadata': [{ key: '*/by', value: '{{ header:gateway_id }}' }],
    },
  }
  const constant = {
    'if-none-match': '*',
    'test-header': 'this-is-a-test-header',
    'response-required': false,
    'allow-policy-lockout': false,
  }
  const batch = [{ gateway_id: '1' }, {}, { gateway_id: '2', foobar: 'bar' }].map((headers) =>
    external('x', headers as Record<string, string>),
  )
  const headers = outcomes(creation(options).inbound(batch), ({ headers }) => headers)
  assert.equal(headers, [
    [
      {
        ...constant,
        'other-test-header': '1',
        'put-metadata': [{ key: '*/by', value: '1' }],
      },
    ],
    [constant],
    [
      {
        ...constant,
        'other-test-header': '2',
        'empty-test-header': '2',
        'put-metadata': [{ key: '*/by', value: '2' }],
      },
    ],
  ])
})

/** Title, options, headers of the message, the error. */
const FAILING: readonly (readonly [string, JsonObject, Record<string, string>, string, string])[] =
  [
    [
      'a header that is missing',
      { thing: { thingId: 'ns:d', attributes: { Info: '{{ header:gateway_id }}' } } },
      {},
      'placeholder:unresolved',
      "The placeholder '{{ header:gateway_id }}' could not be resolved.",
    ],
    [
      'an id that is none',
      { thing: { thingId: '{{header:id}}' } },
      { id: 'invalid' },
      'things:id.invalid',
      "Thing ID 'invalid' is not valid!",
    ],
    [
      'a header that cannot be',
      { thing: { thingId: 'ns:d' }, commandHeaders: { timeout: '{{ header:t }}' } },
      { t: 'soon' },
      'header.invalid',
      'timeout',
    ],
    [
      'a name that is forbidden',
      { thing: { thingId: 'ns:d', attributes: { '{{ header:n }}': 1 } } },
      { n: '__proto__' },
      'json.invalid',
      '',
    ],
  ]
for (const [title, options, headers, code, text] of FAILING) {
  it(`${title} fails the message`, () => {
    const [result] = creation(options).inbound([external('x', headers)])
    assert.ok(!result!.ok)
    assert.is(result!.error.error, code)
    assert.ok(result!.error.message.includes(text))
  })
}

const NOT_FOUND = {
  status: 404,
  error: 'things:thing.notfound',
  message: 'none',
  description: 'd',
}
const ERRORS = { topic: 'ns/d/things/twin/errors', path: '/', status: 404 }

it('outbound it tells errors, and drops the rest', () => {
  const batch = [
    adaptable({ ...ERRORS, value: NOT_FOUND }),
    adaptable({ ...ERRORS, value: { message: 'only' } }),
    adaptable({ ...ERRORS, value: 'no object' }),
    adaptable({ topic: 'ns/d/things/twin/commands/create', path: '/', status: 201, value: {} }),
    adaptable(),
  ]
  const [told, partial, ...others] = creation({ thing: { thingId: 'ns:d' } }).outbound(batch)
  assert.equal(told, { ok: false, error: NOT_FOUND })
  assert.ok(!partial!.ok)
  assert.equal(partial!.error, {
    status: 404,
    error: 'connectivity:message.mapping.failed',
    message: 'only',
  })
  for (const other of others) assert.equal(other, { ok: true, values: [] })
})

const MINIMAL = { thingId: 'n:t' }

/** Options, what the error says. */
const REFUSED: readonly (readonly [JsonObject, string])[] = [
  [{}, "property 'thing' was missing"],
  [{ thing: 1 }, '<thing> must be an object'],
  [{ thing: 'no json' }, '<thing> must be a JSON object'],
  [{ thing: '[]' }, '<thing> must be a JSON object'],
  [{ thing: {} }, "property 'thing/thingId' was missing"],
  [{ thing: '{"policyId":"a:b"}' }, "property 'thing/thingId' was missing"],
  [{ thing: { thingId: 'none' } }, "<thing/thingId> is not valid. Thing ID 'none'"],
  [{ thing: { thingId: 7 } }, "<thing/thingId> is not valid. Thing ID '7'"],
  [{ thing: { thingId: 'n:t', policyId: 'none' } }, '<thing/policyId> is not valid. Policy ID'],
  [{ thing: { thingId: '{{ thing:id }}' } }, "<thing/thingId> is not valid. The placeholder 'thi"],
  [
    { thing: { ...MINIMAL, attributes: { a: [{ b: '{{ header:x | fn:nope() }}' }] } } },
    '<thing/attributes/a/0/b> is not valid.',
  ],
  [{ thing: { ...MINIMAL, _copyPolicyFrom: '{{ ref:things/n:o/policyId }}' } }, '_copyPolicyFrom>'],
  [{ thing: MINIMAL, allowPolicyLockout: 'x' }, '<allowPolicyLockout> must be a boolean'],
  [{ thing: MINIMAL, commandHeaders: 1 }, '<commandHeaders> must be an object'],
  [{ thing: MINIMAL, commandHeaders: { a: '{{ entity:id }}' } }, '<commandHeaders/a> is not valid'],
  [{ thing: MINIMAL, commandHeaders: { Timeout: 'soon' } }, '<commandHeaders/Timeout> is not'],
]
for (const [options, told] of REFUSED) {
  it(`refuses ${JSON.stringify(options)}`, () => {
    const message = refusal('ImplicitThingCreation', options)
    assert.ok(message.includes(told), message)
  })
}
