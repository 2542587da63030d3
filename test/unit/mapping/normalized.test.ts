/** The Normalized mapper, by tables. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../src/json/types.ts'
import { normalizedOutbound } from '../../../src/mapping/normalized.ts'
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
/** Some twenty times what it takes; with a copy of the deleted fields per field it takes minutes. */
const WIDE_MERGE_MS = 5_000
const MERGED = 'ns/t/things/twin/events/merged'
const DELETED = 'ns/t/things/twin/events/deleted'

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
    'a value deep within a feature',
    { ...EVENT, path: '/features/f/properties/p/q/r', value: [1, { s: null }] },
    {},
    {
      thingId: 'ns:t',
      features: { f: { properties: { p: { q: { r: [1, { s: null }] } } } } },
      _revision: 42,
    },
  ],
  [
    'a member with a slash in its name',
    { ...EVENT, path: '/attributes/a~1b' },
    {},
    { thingId: 'ns:t', attributes: { 'a/b': 1 }, _revision: 42 },
  ],
  [
    'lists of the event replace those of the extra fields',
    { ...EVENT, value: [1], extra: { attributes: { a: [2, 3] } } },
    {},
    { thingId: 'ns:t', attributes: { a: [1] }, _revision: 42 },
  ],
  [
    'nulls of the event remove what the extra fields have',
    { ...EVENT, value: null, extra: { attributes: { a: 9, b: 2 } } },
    {},
    { thingId: 'ns:t', attributes: { b: 2 }, _revision: 42 },
  ],
  [
    'where the extra fields have nothing nulls go one level deep',
    {
      ...EVENT,
      path: '/features',
      value: { f: null, g: { h: null } },
      extra: { policyId: 'ns:p' },
    },
    {},
    { thingId: 'ns:t', features: { g: { h: null } }, _revision: 42, policyId: 'ns:p' },
  ],
  [
    'without extra fields nulls are values',
    { ...EVENT, value: null },
    {},
    { thingId: 'ns:t', attributes: { a: null }, _revision: 42 },
  ],
  [
    'a merge with extra fields',
    {
      topic: MERGED,
      path: '/features/gear',
      value: { properties: { now: 80 } },
      extra: { features: { gear: { properties: { now: 90, max: 100 } } } },
    },
    {},
    { thingId: 'ns:t', features: { gear: { properties: { now: 80, max: 100 } } }, _revision: 42 },
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
    'the deletion of the thing without a timestamp',
    { topic: DELETED, path: '/', value: null },
    { includeDeletedFields: true },
    { thingId: 'ns:t', _revision: 42 },
  ],
  [
    'the deletion of a part is dropped',
    { topic: 'ns/t/things/twin/events/deleted', path: '/features/f', timestamp: AT },
    {},
    undefined,
  ],
  [
    'the deletion of a part is told when that is wanted',
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
    'a merge of the whole thing tells deleted fields in their places',
    {
      topic: MERGED,
      path: '/',
      value: { attributes: { at: null, is: 1 }, features: { f: { properties: { t: null } } } },
      timestamp: AT,
    },
    { includeDeletedFields: true },
    {
      thingId: 'ns:t',
      attributes: { is: 1 },
      _modified: AT,
      _revision: 42,
      _deletedFields: { attributes: { at: AT }, features: { f: { properties: { t: AT } } } },
    },
  ],
  [
    'without a timestamp there is nothing to tell of deleted fields',
    { topic: MERGED, path: '/attributes', value: { a: null, b: 1 } },
    { includeDeletedFields: true },
    { thingId: 'ns:t', attributes: { b: 1 }, _revision: 42 },
  ],
  [
    'a merge that deletes nothing',
    { topic: MERGED, path: '/attributes', value: { a: 1 }, timestamp: AT },
    { includeDeletedFields: true },
    { thingId: 'ns:t', attributes: { a: 1 }, _modified: AT, _revision: 42 },
  ],
  [
    'a selection with parts that do not exist',
    { ...EVENT, timestamp: AT },
    { fields: '_modified,nothing/of/that,attributes/none' },
    { _modified: AT },
  ],
  ['an empty selection', EVENT, { fields: '' }, {}],
  [
    'an event of a policy',
    { topic: 'ns/t/policies/events/modified', path: '/entries' },
    {},
    undefined,
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

it('what caused a merge loses nulls, too', () => {
  const value = { attributes: { none: null, some: 1 }, features: { f: { properties: null } } }
  const [thing] = normalized({ topic: MERGED, path: '/', value }) as JsonObject[]
  const context = thing!._context as JsonObject
  assert.equal(context.value, { attributes: { some: 1 } })
})

it('what caused a deletion has null for a value, and the field selector of its command', () => {
  const value = undefined as never
  const [deletion] = normalized({ topic: DELETED, path: '/', value }) as JsonObject[]
  assert.is((deletion!._context as JsonObject).value, null)
  const [event] = normalized({ ...EVENT, fields: 'attributes' }) as JsonObject[]
  assert.is((event!._context as JsonObject).fields, 'attributes')
})

it('selects parts of what caused it', () => {
  const headers = { 'content-type': 'application/json', 'correlation-id': 'c-1' }
  const fields = '_revision,_context(topic,path),_context/headers/content-type'
  const [thing] = normalized({ ...EVENT, headers }, { fields }) as JsonObject[]
  assert.equal(thing, {
    _revision: 42,
    _context: {
      topic: EVENT.topic,
      path: EVENT.path,
      headers: { 'content-type': 'application/json' },
    },
  })
})

it('headers that are not for the outside stay inside', () => {
  const signal = adaptable(EVENT)
  const inner = { ...signal, headers: { ...signal.headers, 'ditto-origin': 'c' } }
  const result = normalizedOutbound(inner, { fields: undefined, includeDeletedFields: false })
  assert.ok(result.ok)
  const { _context } = JSON.parse(result.values[0]!.payload as string)
  assert.equal(_context.headers, CAUSE.headers)
})

it('fails for a whole thing that is no object and for a path that is none', () => {
  for (const value of ['text', 7, [1]]) {
    assert.is(normalized({ ...EVENT, path: '/', value }), 'connectivity:message.mapping.failed')
  }
  assert.is(normalized({ ...EVENT, path: '/attributes//a' }), 'json.pointer.invalid')
})

/** The pointers to all nulls that are members of objects in objects. */
function nullsIn(value: JsonValue, at = ''): string[] {
  if (value === null) return [at]
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([name, member]) => nullsIn(member, `${at}/${name}`))
}

function leavesOf(value: JsonValue, at = ''): string[] {
  if (!isJsonObject(value)) return [at]
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, `${at}/${name}`))
}

const members = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  object: fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), tie('value'), { maxKeys: 4 }),
  value: fc.oneof({ maxDepth: 4 }, fc.constantFrom<JsonValue>(null, 0, 'x', [null]), tie('object')),
}))

it('of a merge nothing is left that is null or empty, and each null is a deleted field', () => {
  fc.assert(
    fc.property(members.object, (value) => {
      const signal = { topic: MERGED, path: '/attributes', value, timestamp: AT }
      const [thing] = normalized(signal, { includeDeletedFields: true }) as JsonObject[]
      assert.equal(nullsIn(thing!), [])
      assert.not.match(JSON.stringify(thing), '{}')
      const { attributes = {} } = (thing!._deletedFields ?? {}) as JsonObject
      const told = isJsonObject(attributes) ? leavesOf(attributes) : []
      assert.equal(told.filter((pointer) => pointer !== '').sort(), nullsIn(value).sort())
    }),
  )
})

it('a wide merge takes no longer per field than a narrow one', () => {
  const value = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`a${at}`, null]))
  const signal = { topic: MERGED, path: '/attributes', value, timestamp: AT }
  const start = performance.now()
  const [thing] = normalized(signal, { includeDeletedFields: true }) as JsonObject[]
  assert.ok(performance.now() - start < WIDE_MERGE_MS)
  const { attributes } = thing!._deletedFields as JsonObject
  assert.is(Object.keys(attributes as JsonObject).length, 50_000)
})

it('drops everything that comes in', () => {
  const definition = { mappingEngine: 'Normalized', options: {} }
  const mapper = promptMapper({ id: 'n', engine: 'Normalized', definition })
  assert.equal(mapper.inbound([external('{}')]), [{ ok: true, values: [] }])
})

it('refuses options by their name', () => {
  assert.match(refusal('Normalized', { fields: 7 }), 'The option <fields> must be a string')
  assert.match(refusal('Normalized', { fields: ['a'] }), 'The option <fields> must be a string')
  assert.match(refusal('Normalized', { fields: 'a(b' }), 'The option <fields> is not valid')
  assert.match(refusal('Normalized', { includeDeletedFields: 1 }), 'must be a boolean')
  assert.match(refusal('Normalized', { includeDeletedFields: 'perhaps' }), '<includeDeletedFields>')
})
