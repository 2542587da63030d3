/** The RawMessage mapper, by tables. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
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

it('what is missing or wrong is named', () => {
  const cases: readonly (readonly [Record<string, string>, string, string])[] = [
    [{}, 'connectivity:message.mapping.failed', '<ditto-message-thing-id>'],
    [{ 'ditto-message-thing-id': 'ns:t' }, 'connectivity:message.mapping.failed', 'subject>'],
    [{ ...TO, 'ditto-message-thing-id': 'none' }, 'things:id.invalid', ''],
    [{ ...TO, status: 'many' }, 'connectivity:message.mapping.failed', '<many>'],
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
      'content-type': 'text/plain; charset=UTF-8',
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

it('any other signal leaves as Ditto Protocol, and bytes must be Base64', () => {
  const [event] = raw().outbound([adaptable()])
  assert.ok(event!.ok)
  assert.is(event!.values[0]!.headers['content-type'], 'application/vnd.eclipse.ditto+json')
  for (const value of ['no base64!', 7, { a: 1 }]) {
    const [bad] = raw().outbound([
      adaptable({ ...MESSAGE, headers: { 'content-type': 'image/png' }, value }),
    ])
    assert.not(bad!.ok)
  }
})

it('what goes out comes back as it was', () => {
  const subjects = fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,8}){0,2}$/)
  fc.assert(
    fc.property(subjects, fc.jsonValue(), (subject, value) => {
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

it('refuses options by their name', () => {
  assert.match(refusal('RawMessage', { outgoingContentType: 7 }), '<outgoingContentType>')
  assert.match(refusal('RawMessage', { incomingMessageHeaders: 'x' }), '<incomingMessageHeaders>')
  const unknown = { incomingMessageHeaders: { a: '{{ thing:id }}' } }
  assert.match(refusal('RawMessage', unknown), 'thing:id')
})
