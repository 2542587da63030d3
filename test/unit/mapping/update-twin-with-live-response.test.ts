/** The UpdateTwinWithLiveResponse mapper: which responses update the twin, by tables. */
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { adaptable, external, outcomes, promptMapper, refusal, signals } from './support.ts'

const it = suite('mapping/update-twin-with-live-response')

function update(options: JsonObject = {}) {
  const definition = { mappingEngine: 'UpdateTwinWithLiveResponse', options }
  return promptMapper({ id: 'u', engine: 'UpdateTwinWithLiveResponse', definition })
}

const RESPONSE = {
  topic: 'ns/t/things/live/commands/retrieve',
  headers: { 'correlation-id': 'c', channel: 'live', secret: 'stays out' },
  path: '/attributes/foo',
  value: 'bar',
  status: 200,
}
const MERGE = {
  topic: 'ns/t/things/twin/commands/merge',
  path: '/attributes/foo',
  value: 'bar',
  headers: {
    'response-required': false,
    'if-match': '*',
    'content-type': 'application/merge-patch+json',
    'correlation-id': 'c-merge-into-twin',
  },
}
const THING = { thingId: 'ns:t', features: { f: { properties: { a: 'bar', b: 42 } } } }

/** Title, change of the response, what comes of it. */
const CASES: readonly (readonly [string, object, readonly unknown[]])[] = [
  ['an attribute', {}, [MERGE]],
  ['a whole thing', { path: '/', value: THING }, [{ ...MERGE, path: '/', value: THING }]],
  ['a null', { value: null }, [{ ...MERGE, value: null }]],
  ['no value: nothing is deleted', { value: undefined }, []],
  ['a twin response', { topic: 'ns/t/things/twin/commands/retrieve' }, []],
  ['a response to something else', { topic: 'ns/t/things/live/commands/modify' }, []],
  ['a response about a policy', { topic: 'ns/t/policies/commands/retrieve' }, []],
  ['a response about several things', { topic: '_/_/things/live/commands/retrieve' }, []],
  ['a command', { status: undefined }, []],
  ['a negative response', { status: 404 }, []],
  ['an error', { topic: 'ns/t/things/live/errors', status: 400 }, []],
  ['a message', { topic: 'ns/t/things/live/messages/retrieve' }, []],
]
for (const [title, change, expected] of CASES) {
  it(title, () => {
    const message = external(JSON.stringify({ ...RESPONSE, ...change }))
    assert.equal(signals(update().inbound([message])), [expected])
  })
}

it('what is no Ditto Protocol is dropped', () => {
  const batch = ['foobar', '[]', '{}', '', undefined, Uint8Array.of(0xff)].map((payload) =>
    external(payload),
  )
  assert.equal(
    signals(update().inbound(batch)),
    batch.map(() => []),
  )
})

it('a response without a correlation id gets one', () => {
  const text = JSON.stringify({ ...RESPONSE, headers: {} })
  const [[first], [second]] = outcomes(
    update().inbound([external(text), external(text)]),
    ({ headers }) => headers['correlation-id'],
  ) as [[string], [string]]
  assert.match(first, /^[\da-f-]{36}-merge-into-twin$/)
  assert.is.not(first, second)
})

it("Ditto's example: headers of the command with what the message brings", () => {
  const dittoHeadersForMerge = {
    'if-match': '*',
    'response-required': false,
    'put-metadata': [
      { key: '*/updated-by', value: '{{ request:subjectId }}' },
      { key: '*/updated-via', value: 'device-live-response' },
      { key: '*/update-hint', value: '{{ header:some-custom-hint }}' },
      { key: '*/updated-at', value: '{{ time:now }}' },
      { key: '*/unresolved', value: "{{header:unresolvable-header|fn:default('none')}}" },
    ],
  }
  const message = {
    ...external(JSON.stringify(RESPONSE), { 'some-custom-hint': 'my-awesome-hint' }),
    subjects: ['pre-authenticated:test-connection'],
  }
  const [[headers]] = outcomes(
    update({ dittoHeadersForMerge }).inbound([message]),
    ({ headers }) => headers,
  ) as [[JsonObject]]
  const { 'put-metadata': metadata, ...others } = headers
  assert.equal(others, MERGE.headers)
  const values = (metadata as { value: string }[]).map(({ value }) => value)
  const now = values.splice(3, 1)[0]!
  assert.ok(Date.parse(now) <= Date.now())
  assert.equal(values, [
    'pre-authenticated:test-connection',
    'device-live-response',
    'my-awesome-hint',
    'none',
  ])
})

it('expressions that are unresolved stay, beside those that are not', () => {
  const dittoHeadersForMerge = {
    Trace: '{{ header:trace }} by {{ header:none }}',
    other: '{{ header:none }}',
    gone: 'a{{ fn:delete() }}',
    'Correlation-Id': 'of no use',
  }
  const message = external(JSON.stringify(RESPONSE), { trace: 't' })
  const results = update({ dittoHeadersForMerge }).inbound([message])
  assert.equal(
    outcomes(results, ({ headers }) => headers),
    [
      [
        {
          trace: 't by {{ header:none }}',
          other: '{{ header:none }}',
          gone: 'a',
          'content-type': 'application/merge-patch+json',
          'correlation-id': 'c-merge-into-twin',
        },
      ],
    ],
  )
})

it('nothing leaves', () => {
  assert.equal(update().outbound([adaptable()]), [{ ok: true, values: [] }])
})

/** Headers, what the error says. */
const REFUSED: readonly (readonly [JsonObject | string, string])[] = [
  ['x', '<dittoHeadersForMerge> must be an object'],
  [{ a: '{{ thing:id }}' }, "<dittoHeadersForMerge/a> is not valid. The placeholder 'thing:id'"],
  [{ 'response-required': 'maybe' }, '<dittoHeadersForMerge/response-required> is not valid.'],
  [{ 'put-metadata': ['x'] }, '<dittoHeadersForMerge/put-metadata> is not valid.'],
]
for (const [dittoHeadersForMerge, told] of REFUSED) {
  it(`refuses ${JSON.stringify(dittoHeadersForMerge)}`, () => {
    const message = refusal('UpdateTwinWithLiveResponse', { dittoHeadersForMerge })
    assert.ok(message.includes(told), message)
  })
}
