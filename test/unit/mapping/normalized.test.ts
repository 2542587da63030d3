/** The Normalized mapper, by tables. */
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { adaptable, external, promptMapper, refusal } from './support.ts'

const it = suite('mapping/normalized')

function normalized(signal: JsonObject, options: JsonObject = {}): unknown {
  const definition = { mappingEngine: 'Normalized', options }
  const mapper = promptMapper({ id: 'n', engine: 'Normalized', definition })
  const [result] = mapper.outbound([adaptable(signal)])
  if (!result!.ok) return result!.error.error
  return result!.values.map(({ headers, payload }) => {
    assert.equal(headers, { 'content-type': 'application/json' })
    return JSON.parse(payload as string)
  })
}

const EVENT = { topic: 'ns/t/things/twin/events/modified', path: '/attributes/a', value: 1 }
const AT = '2026-01-01T00:00:00Z'
const CAUSE = { headers: { 'correlation-id': 'c-1' } }

/** Title, signal, options, the thing without `_context`. */
const CASES: readonly (readonly [string, JsonObject, JsonObject, JsonObject | undefined])[] = [
  ['a value at its place', EVENT, {}, { thingId: 'ns:t', attributes: { a: 1 }, _revision: 42 }],
  [
    'a whole thing',
    { ...EVENT, path: '/', value: { thingId: 'ns:t', policyId: 'ns:p' }, timestamp: AT },
    {},
    { thingId: 'ns:t', policyId: 'ns:p', _modified: AT, _revision: 42 },
  ],
  [
    'extra fields fill what the event lacks',
    { ...EVENT, extra: { attributes: { a: 9, b: [1, 2] }, policyId: 'ns:p' } },
    {},
    { thingId: 'ns:t', attributes: { a: 1, b: [1, 2] }, _revision: 42, policyId: 'ns:p' },
  ],
  [
    'a live event counts, too',
    { ...EVENT, topic: 'ns/t/things/live/events/modified' },
    {},
    { thingId: 'ns:t', attributes: { a: 1 }, _revision: 42 },
  ],
  [
    'the deletion of the thing',
    {
      topic: 'ns/t/things/twin/events/deleted',
      path: '/',
      value: undefined as never,
      timestamp: AT,
    },
    {},
    { thingId: 'ns:t', _modified: AT, _revision: 42, _deleted: AT },
  ],
  [
    'the deletion of a part is dropped',
    { topic: 'ns/t/things/twin/events/deleted', path: '/features/f', timestamp: AT },
    {},
    undefined,
  ],
  [
    'or told, when that is wanted',
    {
      topic: 'ns/t/things/twin/events/deleted',
      path: '/features/f',
      value: undefined as never,
      timestamp: AT,
    },
    { includeDeletedFields: 'true' },
    { thingId: 'ns:t', _modified: AT, _revision: 42, _deletedFields: { features: { f: AT } } },
  ],
  [
    'a merge loses what is null or empty',
    {
      topic: 'ns/t/things/twin/events/merged',
      path: '/attributes',
      value: { a: null, b: { c: null }, d: 0, e: [null] },
    },
    {},
    { thingId: 'ns:t', attributes: { d: 0, e: [null] }, _revision: 42 },
  ],
  [
    'and tells it among the deleted fields',
    {
      topic: 'ns/t/things/twin/events/merged',
      path: '/attributes',
      value: { a: null, b: { c: null }, '{{ /x.*/ }}': null, d: 1 },
      timestamp: AT,
    },
    { includeDeletedFields: true },
    {
      thingId: 'ns:t',
      attributes: { d: 1 },
      _modified: AT,
      _revision: 42,
      _deletedFields: { attributes: { a: AT, b: { c: AT } } },
    },
  ],
  [
    'a merge with null deletes where it points to',
    {
      topic: 'ns/t/things/twin/events/merged',
      path: '/attributes/a',
      value: null,
      timestamp: AT,
    },
    { includeDeletedFields: true },
    { thingId: 'ns:t', _modified: AT, _revision: 42, _deletedFields: { attributes: { a: AT } } },
  ],
  [
    'a selection',
    { ...EVENT, extra: { attributes: { b: 2, c: 3 } } },
    { fields: 'thingId,attributes(a,b)' },
    { thingId: 'ns:t', attributes: { a: 1, b: 2 } },
  ],
  [
    'a command',
    { topic: 'ns/t/things/twin/commands/modify', path: '/attributes/a' },
    {},
    undefined,
  ],
  ['a message', { topic: 'ns/t/things/live/messages/m', path: '/inbox/messages/m' }, {}, undefined],
  ['a response', { topic: 'ns/t/things/twin/commands/modify', status: 204 }, {}, undefined],
]

for (const [title, signal, options, expected] of CASES) {
  it(title, () => {
    const things = normalized(signal, options) as JsonObject[]
    assert.is(things.length, expected === undefined ? 0 : 1)
    if (expected === undefined) return
    const { _context, ...thing } = things[0]!
    assert.equal(thing, expected)
  })
}

it('tells what caused it, headers as text', () => {
  const headers = { 'correlation-id': 'c-1', 'response-required': false, 'requested-acks': ['a:b'] }
  const [thing] = normalized({ ...EVENT, headers }) as JsonObject[]
  assert.equal(thing!._context, {
    topic: EVENT.topic,
    path: EVENT.path,
    value: 1,
    headers: { ...CAUSE.headers, 'response-required': 'false', 'requested-acks': '["a:b"]' },
  })
  const [only] = normalized(EVENT, { fields: '_context(topic,value)' }) as JsonObject[]
  assert.equal(only, { _context: { topic: EVENT.topic, value: 1 } })
})

it('drops everything that comes in', () => {
  const definition = { mappingEngine: 'Normalized', options: {} }
  const mapper = promptMapper({ id: 'n', engine: 'Normalized', definition })
  assert.equal(mapper.inbound([external('{}')]), [{ ok: true, values: [] }])
})

it('refuses options by their name', () => {
  assert.match(refusal('Normalized', { fields: 7 }), 'The option <fields> must be a string')
  assert.match(refusal('Normalized', { fields: 'a(b' }), 'The option <fields> is not valid')
  assert.match(refusal('Normalized', { includeDeletedFields: 'perhaps' }), '<includeDeletedFields>')
})
