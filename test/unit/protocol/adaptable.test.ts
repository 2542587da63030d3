import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { formatPointer } from '../../../src/json/pointer.ts'
import type { JsonObject, JsonValue } from '../../../src/json/types.ts'
import {
  type Adaptable,
  adaptableFromText,
  adaptableToJson,
  adaptableToText,
  parseAdaptable,
} from '../../../src/protocol/adaptable.ts'
import { parseTopicPath } from '../../../src/protocol/topic-path.ts'
import { errorOf } from '../../support/ditto-error.ts'
import { suite } from '../../support/suite.ts'
import { jsonObject, jsonValue, memberName } from '../json/arbitraries.ts'

const it = suite('protocol/adaptable')
const TOPIC = 'org.acme/car/things/twin/commands/modify'

it('reads every member of an envelope', () => {
  const text = JSON.stringify({
    fields: 'thingId,attributes',
    metadata: { issued: 1 },
    timestamp: '2026-01-01T00:00:00Z',
    revision: 7,
    status: 200,
    extra: { attributes: { vin: 'W1' } },
    value: { a: [1] },
    path: '/attributes',
    headers: { 'Correlation-ID': 'c', 'response-required': 'false' },
    topic: TOPIC,
    unknown: 'left out',
  })
  assert.equal(adaptableFromText(text), {
    topic: parseTopicPath(TOPIC),
    headers: { 'correlation-id': 'c', 'response-required': false },
    path: '/attributes',
    value: { a: [1] },
    extra: { attributes: { vin: 'W1' } },
    status: 200,
    revision: 7,
    timestamp: '2026-01-01T00:00:00Z',
    metadata: { issued: 1 },
    fields: 'thingId,attributes',
  })
})

it('needs only topic and path, and tells a null value from none', () => {
  const bare = { topic: parseTopicPath(TOPIC), headers: {}, path: '/' }
  assert.equal(parseAdaptable({ topic: TOPIC, path: '/' }), bare)
  assert.equal(parseAdaptable({ topic: TOPIC, path: '/', value: null }), { ...bare, value: null })
  assert.equal(parseAdaptable({ topic: TOPIC, path: '/', headers: null, status: null }), bare)
})

it('writes paths as Ditto does', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', '/'],
    ['/', '/'],
    ['attributes/a', '/attributes/a'],
    ['/attributes/a/', '/attributes/a'],
    ['/inbox/messages//odd', '/inbox/messages//odd'],
  ]
  for (const [path, expected] of cases) {
    assert.is(parseAdaptable({ topic: TOPIC, path }).path, expected, path)
  }
})

it('refuses what is no envelope', () => {
  const cases: readonly (readonly [JsonValue, string, string])[] = [
    [[], 'json.invalid', 'Value <[]> for </> is not of type <JsonObject>!'],
    [{ path: '/' }, 'json.field.missing', 'JSON did not include required </topic> field!'],
    [{ topic: TOPIC }, 'json.field.missing', 'JSON did not include required </path> field!'],
    [{ topic: 1, path: '/' }, 'json.invalid', 'Value <1> for </topic> is not of type <String>!'],
    [
      { topic: TOPIC, path: '/', headers: 'x' },
      'json.invalid',
      'Value <"x"> for </headers> is not of type <JsonObject>!',
    ],
    [
      { topic: TOPIC, path: '/', status: '200' },
      'json.invalid',
      'Value <"200"> for </status> is not of type <Integer>!',
    ],
    [
      { topic: TOPIC, path: '/', status: 42 },
      'json.invalid',
      'Value <42> for </status> is not of type <HttpStatus>!',
    ],
    [
      { topic: TOPIC, path: '/', revision: 1.5 },
      'json.invalid',
      'Value <1.5> for </revision> is not of type <Long>!',
    ],
    [
      { topic: TOPIC, path: '/', extra: [1] },
      'json.invalid',
      'Value <[1]> for </extra> is not of type <JsonObject>!',
    ],
    [
      { topic: TOPIC, path: '/', headers: { 'response-required': 1 } },
      'header.invalid',
      "The value '1' of the header 'response-required' is not a valid boolean.",
    ],
    [
      { topic: 'ns', path: '/' },
      'protocoladapter:unknown.topicpath',
      "The topic path 'ns' is not supported.",
    ],
  ]
  for (const [json, code, message] of cases) {
    const error = errorOf(() => parseAdaptable(json))
    assert.equal([error.status, error.error, error.message], [400, code, message])
  }
  assert.is(errorOf(() => adaptableFromText('{"topic"')).error, 'json.invalid')
})

it('refuses values that would hurt whoever walks them', () => {
  const deep = `${'['.repeat(1_000)}${']'.repeat(1_000)}`
  for (const value of [deep, '{"__proto__":{"polluted":true}}']) {
    const text = `{"topic":"${TOPIC}","path":"/","value":${value}}`
    assert.is(errorOf(() => adaptableFromText(text)).error, 'json.invalid')
    assert.is(errorOf(() => parseAdaptable(JSON.parse(text))).error, 'json.invalid')
  }
})

it('does not quote long wrong values back', () => {
  const { message } = errorOf(() => parseAdaptable(['x'.repeat(10_000)]))
  assert.ok(message.length < 200)
})

it('writes members in the order of the documentation, without internal headers', () => {
  const adaptable: Adaptable = {
    fields: 'thingId',
    metadata: {},
    timestamp: '2026-01-01T00:00:00Z',
    revision: 0,
    status: 204,
    extra: {},
    value: false,
    path: '/attributes/a',
    headers: { 'ditto-origin': 'conn', 'correlation-id': 'c', condition: 'eq(a,1)' },
    topic: parseTopicPath(TOPIC),
  }
  const expected =
    `{"topic":"${TOPIC}","headers":{"correlation-id":"c"},"path":"/attributes/a","value":false,` +
    '"extra":{},"status":204,"revision":0,"timestamp":"2026-01-01T00:00:00Z","metadata":{},' +
    '"fields":"thingId"}'
  assert.is(adaptableToText(adaptable), expected)
  assert.is(JSON.stringify(adaptableToJson(adaptable)), expected)
})

it('reads back what it writes', () => {
  fc.assert(
    fc.property(adaptable(), (given) => {
      const text = adaptableToText(given)
      const read = adaptableFromText(text)
      assert.is(adaptableToText(read), text)
      assert.equal(read.topic, given.topic)
      assert.is(JSON.stringify(read.value), JSON.stringify(given.value))
    }),
  )
})

function adaptable(): fc.Arbitrary<Adaptable> {
  const harmless = <T extends JsonValue>(value: T): boolean =>
    !JSON.stringify(value).includes('__proto__')
  const object: fc.Arbitrary<JsonObject> = jsonObject.filter(harmless)
  return fc.record(
    {
      topic: fc
        .constantFrom(TOPIC, 'a/b/things/live/messages/c/d', 'a/b/policies/errors')
        .map(parseTopicPath),
      headers: fc.record(
        {
          'correlation-id': fc.string({ minLength: 1 }),
          'response-required': fc.boolean(),
          'requested-acks': fc.array(fc.string()),
          'my-own': jsonValue.filter((value) => value !== null && harmless(value)),
        },
        { requiredKeys: [] },
      ) as fc.Arbitrary<JsonObject>,
      path: fc.array(memberName, { maxLength: 4 }).map(formatPointer),
      value: jsonValue.filter(harmless),
      extra: object,
      status: fc.integer({ min: 100, max: 599 }),
      revision: fc.nat(),
      timestamp: fc.constant('2026-01-01T00:00:00.123Z'),
      metadata: object,
      fields: fc.string(),
    },
    { requiredKeys: ['topic', 'headers', 'path'] },
  )
}
