/** The CloudEvents mapper, by tables. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { cloudEventInbound, cloudEventOutbound } from '../../../src/mapping/cloud-events.ts'
import { suite } from '../../support/suite.ts'
import { adaptable, external, promptMapper } from './support.ts'

const it = suite('mapping/cloud-events')

const COMMAND = { topic: 'ns/t/things/twin/commands/modify', path: '/attributes/a', value: 1 }
const EVENT = { specversion: '1.0', id: 'e-1', source: '/s', type: 'x' }
const BINARY = {
  'content-type': 'application/vnd.eclipse.ditto+json',
  'ce-id': 'e-1',
  'ce-source': '/s',
  'ce-type': 'x',
  'ce-specversion': '1.0',
}
const STRUCTURED = { 'content-type': 'application/cloudevents+json' }

function base64(json: unknown): string {
  return Buffer.from(JSON.stringify(json)).toString('base64')
}

function inbound(payload: object | string | undefined, headers: Record<string, string>): unknown {
  const isText = typeof payload !== 'object' || payload instanceof Uint8Array
  const result = cloudEventInbound(external(isText ? payload : JSON.stringify(payload), headers))
  if (!result.ok) return result.error.description
  return result.values.map(({ topic, value, headers: { 'correlation-id': id } }) => [
    topic.full,
    value,
    id,
  ])
}

const MAPPED = [[COMMAND.topic, 1, 'e-1']]
const NONE = 'This is not a CloudEvent'
const NO_BASE64 = 'The data_base64 of the CloudEvent must be a Base64 text.'
const NO_PAYLOAD =
  'As payload was absent or empty, please make sure to send payload in your messages.'

/** Title, payload, headers, what comes of it. */
const CASES: readonly (readonly [
  string,
  object | string | undefined,
  Record<string, string>,
  unknown,
])[] = [
  ['binary mode', COMMAND, BINARY, MAPPED],
  ['structured mode', { ...EVENT, data: COMMAND }, STRUCTURED, MAPPED],
  ['structured mode in Base64', { ...EVENT, data_base64: base64(COMMAND) }, STRUCTURED, MAPPED],
  [
    'Base64 without its padding',
    { ...EVENT, data_base64: base64({ ...COMMAND, path: '/attributes/ab' }).replace(/=+$/, '') },
    STRUCTURED,
    MAPPED,
  ],
  ['Base64 before data', { ...EVENT, data: 1, data_base64: base64(COMMAND) }, STRUCTURED, MAPPED],
  [
    'an event of bytes',
    new TextEncoder().encode(JSON.stringify({ ...EVENT, data: COMMAND })),
    STRUCTURED,
    MAPPED,
  ],
  ['binary mode in bytes', new TextEncoder().encode(JSON.stringify(COMMAND)), BINARY, MAPPED],
  [
    'a correlation id that gives way to the id of the event',
    { ...COMMAND, headers: { 'correlation-id': 'own' } },
    BINARY,
    MAPPED,
  ],
  ['text that is no Base64', { ...EVENT, data_base64: '{"topic"}' }, STRUCTURED, NO_BASE64],
  ['Base64 that is no text', { ...EVENT, data_base64: 7, data: COMMAND }, STRUCTURED, NO_BASE64],
  ['an id that is no text', { ...EVENT, id: 7, data: COMMAND }, STRUCTURED, NONE],
  ['an empty id', { ...EVENT, id: '', data: COMMAND }, STRUCTURED, NONE],
  ['an empty id in binary mode', COMMAND, { ...BINARY, 'ce-id': '' }, NONE],
  ['nothing', undefined, STRUCTURED, NO_PAYLOAD],
  ['nothing of another content type', '', { 'content-type': 'text/plain' }, NO_PAYLOAD],
  ['Ditto Protocol that is no event', COMMAND, { 'content-type': BINARY['content-type'] }, NONE],
  ['an event without its id', { ...EVENT, id: undefined, data: COMMAND }, STRUCTURED, NONE],
  ['an event without data', EVENT, STRUCTURED, NONE],
  ['a list', [], STRUCTURED, NONE],
  ['another content type', { ...EVENT, data: COMMAND }, { 'content-type': 'application/json' }, []],
  [
    'parameters of the content type',
    COMMAND,
    { ...BINARY, 'content-type': `${BINARY['content-type']}; charset=utf-8` },
    [],
  ],
]
for (const [title, payload, headers, expected] of CASES) {
  it(`reads ${title}`, () => assert.equal(inbound(payload, headers), expected))
}

for (const name of ['id', 'source', 'type', 'specversion']) {
  it(`insists on the attribute ${name}`, () => {
    const { [`ce-${name}`]: _, ...headers } = BINARY as Record<string, string>
    assert.is(inbound(COMMAND, headers), NONE)
    const event = { ...EVENT, data: COMMAND, [name]: undefined }
    assert.is(inbound(event, STRUCTURED), NONE)
  })
}

it('what is wrong with the data is told as of any protocol message', () => {
  const cases: readonly (readonly [object | string, string])[] = [
    ['no json', 'json.invalid'],
    [{ ...EVENT, data_base64: base64('a') }, 'json.invalid'],
    [{ ...EVENT, data: {} }, 'json.field.missing'],
    [{ ...EVENT, data: null }, 'json.invalid'],
    [{ ...EVENT, data: { ...COMMAND, topic: 'x' } }, 'protocoladapter:unknown.topicpath'],
  ]
  for (const [payload, error] of cases) {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    const result = cloudEventInbound(external(text, STRUCTURED))
    assert.not(result.ok)
    if (!result.ok) assert.is(result.error.error, error)
  }
})

it('writes structured events', () => {
  const result = cloudEventOutbound(adaptable({ timestamp: '2026-01-01T00:00:00Z' }))
  assert.ok(result.ok)
  const [message] = result.values
  assert.equal(message!.headers, STRUCTURED)
  const { data, ...event } = JSON.parse(message!.payload as string) as JsonObject
  assert.equal(event, {
    specversion: '1.0',
    id: 'c-1',
    source: 'https://github.com/eclipse-ditto/ditto',
    type: 'org.eclipse.ditto.outbound:things/twin/events/modified',
    datacontenttype: 'application/vnd.eclipse.ditto+json',
    time: '2026-01-01T00:00:00Z',
    subject: 'demo:pump',
  })
  assert.is((data as JsonObject).topic, 'demo/pump/things/twin/events/modified')
})

it('tells in its type what the topic tells beside the thing', () => {
  const cases = [
    ['ns/t/things/live/messages/ask/me', '/inbox/messages/ask/me', 'things/live/messages/ask/me'],
    ['ns/t/things/twin/errors', '/', 'things/twin/errors'],
    ['ns/p/policies/events/modified', '/entries', 'policies/events/modified'],
  ] as const
  for (const [topic, path, type] of cases) {
    const result = cloudEventOutbound(adaptable({ topic, path }))
    assert.ok(result.ok)
    const event = JSON.parse(result.values[0]!.payload as string)
    assert.is(event.type, `org.eclipse.ditto.outbound:${type}`)
    assert.is(event.datacontenttype, BINARY['content-type'])
  }
})

it('an event without correlation id and timestamp gets both', () => {
  const sent = cloudEventOutbound(adaptable({ headers: {} }))
  assert.ok(sent.ok)
  const { id, time } = JSON.parse(sent.values[0]!.payload as string)
  assert.match(id, /^[\da-f-]{36}$/)
  assert.not(Number.isNaN(Date.parse(time)))
})

it('what goes out comes back', () => {
  const correlationIds = fc.string({ minLength: 1 })
  // A member of this name is refused wherever JSON comes in.
  const values = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'))
  fc.assert(
    fc.property(correlationIds, values, (correlationId, given) => {
      const value = JSON.parse(JSON.stringify(given))
      const signal = adaptable({ headers: { 'correlation-id': correlationId }, value })
      const sent = cloudEventOutbound(signal)
      assert.ok(sent.ok)
      const back = cloudEventInbound(sent.values[0]!)
      assert.ok(back.ok)
      assert.equal(back.values, [signal])
    }),
  )
})

it('drops content types of its blocklist only when there is one', () => {
  const message = external(JSON.stringify({ ...EVENT, data: COMMAND }), STRUCTURED)
  for (const [options, count] of [
    [{}, 1],
    [{ 'content-type-blocklist': `a/b, ${STRUCTURED['content-type']}` }, 0],
  ] as const) {
    const definition = { mappingEngine: 'CloudEvents', options }
    const mapper = promptMapper({ id: 'c', engine: 'CloudEvents', definition })
    const [result] = mapper.inbound([message])
    assert.ok(result!.ok)
    assert.is(result!.values.length, count)
  }
})
