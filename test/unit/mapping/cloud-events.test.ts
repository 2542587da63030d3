/** The CloudEvents mapper, by tables. */
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { cloudEventInbound, cloudEventOutbound } from '../../../src/mapping/cloud-events.ts'
import { suite } from '../../support/suite.ts'
import { adaptable, external } from './support.ts'

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

function inbound(payload: object | string | undefined, headers: Record<string, string>): unknown {
  const text = typeof payload === 'object' ? JSON.stringify(payload) : payload
  const result = cloudEventInbound(external(text, headers))
  if (!result.ok) return result.error.description
  return result.values.map(({ topic, value, headers: { 'correlation-id': id } }) => [
    topic.full,
    value,
    id,
  ])
}

const MAPPED = [[COMMAND.topic, 1, 'e-1']]
const NONE = 'This is not a CloudEvent'

/** Title, payload, headers, what comes of it. */
const CASES: readonly (readonly [
  string,
  object | string | undefined,
  Record<string, string>,
  unknown,
])[] = [
  ['binary mode', COMMAND, BINARY, MAPPED],
  ['structured mode', { ...EVENT, data: COMMAND }, STRUCTURED, MAPPED],
  [
    'structured mode in Base64',
    { ...EVENT, data_base64: Buffer.from(JSON.stringify(COMMAND)).toString('base64') },
    STRUCTURED,
    MAPPED,
  ],
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

it('tells of an absent payload and of one that is no JSON', () => {
  assert.match(String(inbound(undefined, STRUCTURED)), 'absent or empty')
  assert.type(inbound('no json', STRUCTURED), 'string')
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

it('what goes out comes back, and an event without correlation id gets one', () => {
  const sent = cloudEventOutbound(adaptable({ headers: {} }))
  assert.ok(sent.ok)
  const back = cloudEventInbound(sent.values[0]!)
  assert.ok(back.ok)
  assert.is(back.values[0]!.value, true)
  assert.type(back.values[0]!.headers['correlation-id'], 'string')
})
