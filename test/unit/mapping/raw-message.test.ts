/** The RawMessage mapper, by tables. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { JsonObject, JsonValue } from '../../../src/json/types.ts'
import type { ExternalMessage } from '../../../src/protocol/external-message.ts'
import { suite } from '../../support/suite.ts'
import { adaptable, external, promptMapper, refusal } from './support.ts'

const it = suite('mapping/raw-message')

function raw(options: JsonObject = {}) {
  const definition = { mappingEngine: 'RawMessage', options }
  return promptMapper({ id: 'r', engine: 'RawMessage', definition })
}

function inbound(message: ExternalMessage, options: JsonObject = {}): unknown {
  const [result] = raw(options).inbound([message])
  if (!result!.ok) return [result!.error.error, result!.error.description]
  return result!.values.map(({ topic, path, value, status, headers }) => ({
    topic: topic.full,
    path,
    ...(value === undefined ? {} : { value }),
    ...(status === undefined ? {} : { status }),
    headers,
  }))
}

const TO = {
  'ditto-message-thing-id': 'ns:t',
  'ditto-message-subject': 'ask/me',
  'content-type': 'text/plain',
}
const TOPIC = 'ns/t/things/live/messages/ask/me'
const INBOX = '/inbox/messages/ask/me'
const text = { 'content-type': 'text/plain' }

/** Title, headers, payload, what comes of it. */
const INBOUND: readonly (readonly [string, Record<string, string>, string | Uint8Array, object])[] =
  [
    [
      'six bytes of a feature, as a response',
      {
        'content-type': 'application/octet-stream',
        status: '200',
        'ditto-message-subject': 'heat',
        'ditto-message-direction': 'TO',
        'ditto-message-thing-id': 'demo:coffee',
        'ditto-message-feature-id': 'tank',
      },
      Uint8Array.of(1, 2, 3, 4, 5, 6),
      {
        topic: 'demo/coffee/things/live/messages/heat',
        path: '/features/tank/inbox/messages/heat',
        value: 'AQIDBAUG',
        status: 200,
        headers: { 'content-type': 'application/octet-stream' },
      },
    ],
    ['text', TO, 'hi', { topic: TOPIC, path: INBOX, value: 'hi', headers: text }],
    [
      'JSON',
      { ...TO, 'content-type': 'application/vnd.x+json' },
      '{"a":1}',
      {
        topic: TOPIC,
        path: INBOX,
        value: { a: 1 },
        headers: { 'content-type': 'application/vnd.x+json' },
      },
    ],
    [
      'bytes',
      { ...TO, 'content-type': 'image/png' },
      Uint8Array.of(1, 2),
      { topic: TOPIC, path: INBOX, value: 'AQI=', headers: { 'content-type': 'image/png' } },
    ],
    [
      'bytes that are text',
      { ...TO, 'content-type': 'Text/Plain; charset=utf-8' },
      new TextEncoder().encode('grün'),
      {
        topic: TOPIC,
        path: INBOX,
        value: 'grün',
        headers: { 'content-type': 'Text/Plain; charset=utf-8' },
      },
    ],
    [
      'a script, which is text',
      { ...TO, 'content-type': 'application/javascript' },
      'f()',
      {
        topic: TOPIC,
        path: INBOX,
        value: 'f()',
        headers: { 'content-type': 'application/javascript' },
      },
    ],
    ['an empty text', TO, '', { topic: TOPIC, path: INBOX, value: '', headers: text }],
    [
      'a subject with a tilde',
      { ...TO, 'ditto-message-subject': 'a~b' },
      'x',
      {
        topic: 'ns/t/things/live/messages/a~b',
        path: '/inbox/messages/a~b',
        value: 'x',
        headers: text,
      },
    ],
    [
      'a merge patch is neither text nor JSON',
      { ...TO, 'content-type': 'application/merge-patch+json' },
      '{}',
      {
        topic: TOPIC,
        path: INBOX,
        value: 'e30=',
        headers: { 'content-type': 'application/merge-patch+json' },
      },
    ],
    [
      'from a feature, as a response',
      {
        ...TO,
        'ditto-message-feature-id': 'f/1',
        'ditto-message-direction': 'FROM',
        status: '204',
      },
      'x',
      {
        topic: TOPIC,
        path: '/features/f~11/outbox/messages/ask/me',
        value: 'x',
        status: 204,
        headers: text,
      },
    ],
  ]
for (const [title, headers, payload, expected] of INBOUND) {
  it(`makes a live message of ${title}`, () => {
    assert.equal(inbound(external(payload, headers)), [expected])
  })
}

it('without a content type there are bytes, without payload no value', () => {
  const { 'content-type': _, ...headers } = TO
  const expected = {
    topic: TOPIC,
    path: INBOX,
    headers: { 'content-type': 'application/octet-stream' },
  }
  assert.equal(inbound(external('x', headers)), [{ ...expected, value: 'eA==' }])
  assert.equal(inbound(external(undefined, headers)), [expected])
})

it('Ditto Protocol stays what it is', () => {
  const protocol = { 'content-type': 'application/vnd.eclipse.ditto+json; charset=utf-8' }
  const command = { topic: 'ns/t/things/twin/commands/modify', path: '/attributes/a', value: 1 }
  const [signal] = inbound(external(JSON.stringify(command), protocol)) as { topic: string }[]
  assert.is(signal!.topic, command.topic)
})

it('headers may be resolved otherwise', () => {
  const incomingMessageHeaders = {
    'content-type': 'application/json',
    'ditto-message-thing-id': 'ns:{{ header:device }}',
    'ditto-message-subject': '{{ header:mqtt.topic | fn:substring-after("/") }}',
  }
  const headers = { device: 'd', 'mqtt.topic': 'x/alarm' }
  assert.equal(inbound(external('[1]', headers), { incomingMessageHeaders }), [
    {
      topic: 'ns/d/things/live/messages/alarm',
      path: '/inbox/messages/alarm',
      value: [1],
      headers: { 'content-type': 'application/json' },
    },
  ])
})

it('headers of the documentation, and placeholders of the source and of time', () => {
  const incomingMessageHeaders = {
    'Content-Type': "{{ header:content-type | fn:default('application/octet-stream') }}",
    status: '{{ header:status }}',
    'ditto-message-subject': "{{ header:ditto-message-subject | fn:default('other') }}",
    'ditto-message-direction': 'TO',
    'ditto-message-thing-id': "{{ header:ditto-message-thing-id | fn:default('ns:other') }}",
    'ditto-message-feature-id': '{{ header:ditto-message-feature-id }}',
    more: '{{ time:now }}',
  }
  assert.equal(inbound(external('x'), { incomingMessageHeaders }), [
    {
      topic: 'ns/other/things/live/messages/other',
      path: '/inbox/messages/other',
      value: 'eA==',
      headers: { 'content-type': 'application/octet-stream' },
    },
  ])
  const fromSource = {
    'ditto-message-subject': '{{ request:subjectId }}/{{ time:now_epoch_millis }}',
  }
  const message = { ...external('x', TO), subjects: ['test:me'] }
  const [signal] = inbound(message, { incomingMessageHeaders: fromSource }) as { topic: string }[]
  assert.match(signal!.topic, /messages\/test:me\/\d+$/)
})

it('notifications of Hono are dropped, unless others are to be', () => {
  const notification = {
    ...TO,
    'content-type': 'application/vnd.eclipse-hono-empty-notification',
  }
  assert.equal(inbound(external('x', notification)), [])
  const options = { 'content-type-blocklist': 'text/plain' }
  assert.is((inbound(external('x', notification), options) as unknown[]).length, 1)
  assert.equal(inbound(external('x', TO), options), [])
})

it('what is missing or wrong is named', () => {
  const cases: readonly (readonly [Record<string, string>, string, string])[] = [
    [{}, 'connectivity:message.mapping.failed', '<ditto-message-thing-id>'],
    [{ 'ditto-message-thing-id': 'ns:t' }, 'connectivity:message.mapping.failed', 'subject>'],
    [{ ...TO, 'ditto-message-thing-id': 'none' }, 'things:id.invalid', ''],
    [{ ...TO, status: 'many' }, 'header.invalid', 'status'],
    [{ ...TO, status: '600' }, 'header.invalid', 'status'],
    [{ ...TO, 'ditto-message-direction': 'from' }, 'header.invalid', 'ditto-message-direction'],
    [{ ...TO, 'ditto-message-direction': 'AWAY' }, 'header.invalid', 'ditto-message-direction'],
    [{ ...TO, 'ditto-message-feature-id': '' }, 'header.invalid', 'ditto-message-feature-id'],
    [{ ...TO, 'ditto-message-subject': '' }, 'messages:subject.invalid', ''],
    [{ ...TO, 'content-type': 'application/json' }, 'json.invalid', ''],
  ]
  for (const [headers, error, told] of cases) {
    const [code, description] = inbound(external('no json', headers)) as [string, string]
    assert.is(code, error)
    assert.match(description, told)
  }
  const options = { incomingMessageHeaders: { 'content-type': '{{ header:none }}' } }
  assert.equal(
    (inbound(external('x', TO), options) as string[])[0],
    'messages:messageformat.invalid',
  )
})

const MESSAGE = { topic: TOPIC, path: INBOX, headers: {} }

/** Title, signal, headers and payload. */
const OUTBOUND: readonly (readonly [string, JsonObject, object, unknown])[] = [
  [
    'text',
    { ...MESSAGE, value: 'hi' },
    {
      'ditto-message-direction': 'TO',
      'ditto-message-thing-id': 'ns:t',
      'ditto-message-subject': 'ask/me',
      'content-type': 'text/plain; charset=utf-8',
    },
    'hi',
  ],
  [
    'JSON of a response of a feature',
    {
      ...MESSAGE,
      path: '/features/f~11/outbox/messages/ask/me',
      headers: { 'content-type': 'application/json' },
      value: { a: 1 },
      status: 200,
    },
    {
      'ditto-message-direction': 'FROM',
      'ditto-message-thing-id': 'ns:t',
      'ditto-message-subject': 'ask/me',
      'content-type': 'application/json',
      'ditto-message-feature-id': 'f/1',
      status: '200',
    },
    '{"a":1}',
  ],
  [
    'bytes',
    { ...MESSAGE, headers: { 'content-type': 'image/png' }, value: 'AQI=' },
    {
      'ditto-message-direction': 'TO',
      'ditto-message-thing-id': 'ns:t',
      'ditto-message-subject': 'ask/me',
      'content-type': 'image/png',
    },
    [1, 2],
  ],
]
for (const [title, signal, headers, payload] of OUTBOUND) {
  it(`publishes ${title}`, () => {
    const [result] = raw().outbound([adaptable({ ...signal, revision: undefined as never })])
    assert.ok(result!.ok)
    const [message] = result!.values
    assert.equal(message!.headers, headers)
    const sent = message!.payload
    assert.equal(typeof sent === 'string' ? sent : [...sent!], payload)
  })
}

it('publishes a message without a value without a payload', () => {
  const [result] = raw().outbound([
    adaptable({ ...MESSAGE, value: undefined as never, revision: undefined as never }),
  ])
  assert.ok(result!.ok)
  assert.is(result!.values[0]!.payload, undefined)
  assert.is(result!.values[0]!.headers['ditto-message-subject'], 'ask/me')
})

it('any other signal and Ditto Protocol leave as Ditto Protocol', () => {
  const type = 'application/vnd.eclipse.ditto+json'
  const cases: readonly (readonly [JsonObject, JsonObject])[] = [
    [{}, {}],
    [{ topic: 'ns/t/things/twin/errors', path: '/', status: 404, value: {} }, {}],
    [{ ...MESSAGE, headers: { 'content-type': type } }, {}],
    [MESSAGE, { outgoingContentType: `${type}; charset=utf-8` }],
  ]
  for (const [signal, options] of cases) {
    const [result] = raw(options).outbound([adaptable(signal)])
    assert.ok(result!.ok)
    const [message] = result!.values
    assert.is(message!.headers['content-type'], type)
    assert.ok(JSON.parse(message!.payload as string).topic)
  }
})

it('content types without one of its own come from the options, in lower case', () => {
  const signal = adaptable({ ...MESSAGE, value: 'AQI=' })
  const [result] = raw({ outgoingContentType: 'Application/Octet-Stream' }).outbound([signal])
  assert.ok(result!.ok)
  assert.is(result!.values[0]!.headers['content-type'], 'application/octet-stream')
  assert.equal([...(result!.values[0]!.payload as Uint8Array)], [1, 2])
})

/** What a value leaves as, in bytes; undefined where it is refused. */
const BASE64: readonly (readonly [JsonValue, readonly number[] | undefined])[] = [
  ['', []],
  ['AQ==', [1]],
  ['AQ', [1]],
  ['AQI', [1, 2]],
  ['AQID', [1, 2, 3]],
  ['AQ=', undefined],
  ['A', undefined],
  ['AQID=', undefined],
  ['A===', undefined],
  ['=', undefined],
  ['AQ==AQ==', undefined],
  ['AQ-_', undefined],
  ['AQ I', undefined],
  ['no base64!', undefined],
  [7, undefined],
  [null, undefined],
  [{ a: 1 }, undefined],
]
for (const [value, expected] of BASE64) {
  it(`bytes of ${JSON.stringify(value)}`, () => {
    const headers = { 'content-type': 'image/png' }
    const [result] = raw().outbound([adaptable({ ...MESSAGE, headers, value })])
    if (result!.ok) assert.equal([...(result!.values[0]!.payload as Uint8Array)], expected)
    else {
      assert.is(expected, undefined)
      assert.is(result!.error.error, 'messages:messageformat.invalid')
      assert.match(result!.error.message, '<image/png>')
    }
  })
}

it('bytes that come in leave as they were', () => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      fc.boolean(),
      fc.option(fc.stringMatching(/^[^/~]{1,9}$/)),
      roundTrip,
    ),
  )
  function roundTrip(bytes: Uint8Array, isFrom: boolean, featureId: string | null): void {
    const headers: Record<string, string> = {
      ...TO,
      'content-type': 'application/octet-stream',
      'ditto-message-direction': isFrom ? 'FROM' : 'TO',
    }
    if (featureId !== null) headers['ditto-message-feature-id'] = `${featureId}/~1`
    const [signal] = raw().inbound([external(bytes, headers)])
    assert.ok(signal!.ok)
    const [out] = raw().outbound(signal!.values)
    assert.ok(out!.ok)
    assert.equal([...(out!.values[0]!.payload as Uint8Array)], [...bytes])
    assert.equal(out!.values[0]!.headers, headers)
  }
})

it('what goes out comes back as it was', () => {
  const subjects = fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,8}){0,2}$/)
  // A member of this name is refused wherever JSON comes in.
  const values = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'))
  fc.assert(
    fc.property(subjects, values, (subject, value) => {
      const json = {
        topic: `ns/t/things/live/messages/${subject}`,
        path: `/inbox/messages/${subject}`,
        headers: { 'content-type': 'application/json' },
        value: JSON.parse(JSON.stringify(value)),
      }
      const signal = adaptable({ ...json, revision: undefined as never })
      const [out] = raw().outbound([signal])
      assert.ok(out!.ok)
      const sent = out!.values[0]!
      if (typeof value === 'string') return
      const [back] = raw().inbound([sent])
      assert.ok(back!.ok)
      assert.equal(back!.values[0]!.value, json.value)
      assert.is(back!.values[0]!.path, json.path)
    }),
  )
})

/** Headers in the options, and what is told of them beside their names. */
const REFUSED: readonly (readonly [string, JsonValue, string])[] = [
  ['ditto-message-direction', 'AWAY', 'message direction'],
  ['ditto-message-thing-id', 'none', 'none'],
  ['Ditto-Message-Thing-Id', 'none', 'none'],
  ['ditto-message-subject', '', 'Subject'],
  ['ditto-message-feature-id', '', 'feature ID'],
  ['status', 'many', 'HTTP status code'],
  ['status', 99, 'HTTP status code'],
  ['status', null, 'must be a string'],
  ['content-type', { a: 1 }, 'must be a string'],
  ['content-type', '{{ thing:id }}', 'thing:id'],
  ['more', '{{ fn:nothing() }}', 'nothing'],
]
for (const [name, value, told] of REFUSED) {
  it(`refuses ${JSON.stringify(value)} for ${name}`, () => {
    const text = refusal('RawMessage', { incomingMessageHeaders: { [name]: value } })
    assert.match(text, `<incomingMessageHeaders/${name}>`)
    assert.match(text, told)
  })
}

it('refuses options by their name', () => {
  assert.match(refusal('RawMessage', { outgoingContentType: 7 }), '<outgoingContentType>')
  assert.match(refusal('RawMessage', { outgoingContentType: '' }), '<outgoingContentType>')
  assert.match(refusal('RawMessage', { incomingMessageHeaders: 'x' }), '<incomingMessageHeaders>')
})

it('takes numbers for headers', () => {
  const incomingMessageHeaders = { status: 202 }
  const [signal] = inbound(external('x', TO), { incomingMessageHeaders }) as { status: number }[]
  assert.is(signal!.status, 202)
})
