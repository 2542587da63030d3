import * as assert from 'uvu/assert'
import type { JsonObject, JsonValue } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { apply, command, errorIdOf, NOW, stored, THEN } from './support.ts'

const it = suite('twin/apply')

/** Everything a thing can have. */
const FULL = {
  definition: 'org.acme:Car:1.0.0',
  attributes: { vin: 'W1', engine: { kind: 'electric', kw: 110 } },
  features: {
    lamp: {
      definition: ['org.acme:Lamp:1.0.0'],
      properties: { on: true, color: { r: 1, g: 2 } },
      desiredProperties: { on: false },
    },
  },
}

/** Action, path, value; then status, action of the event, and what is at the path afterwards. */
type Case = [string, string, JsonValue | undefined, number, string, JsonValue | undefined]

const CHANGES: readonly Case[] = [
  ['modify', '/policyId', 'ns:other', 204, 'modified', 'ns:other'],
  ['modify', '/definition', 'a:b:2', 204, 'modified', 'a:b:2'],
  ['modify', '/attributes', { a: 1 }, 204, 'modified', { a: 1 }],
  ['modify', '/attributes/vin', 'W2', 204, 'modified', 'W2'],
  ['modify', '/attributes/engine/kw', 120, 204, 'modified', 120],
  ['modify', '/attributes/new', null, 201, 'created', null],
  ['modify', '/attributes/engine/deep/er', [1], 201, 'created', [1]],
  ['modify', '/attributes/vin/inner', 1, 201, 'created', 1],
  ['modify', '/features', { b: {} }, 204, 'modified', { b: {} }],
  ['modify', '/features/lamp', { properties: { x: 1 } }, 204, 'modified', { properties: { x: 1 } }],
  ['modify', '/features/new', {}, 201, 'created', {}],
  ['modify', '/features/lamp/definition', ['a:b:1'], 204, 'modified', ['a:b:1']],
  ['modify', '/features/lamp/properties', { on: 1 }, 204, 'modified', { on: 1 }],
  ['modify', '/features/lamp/properties/on', false, 204, 'modified', false],
  ['modify', '/features/lamp/properties/color/b', 3, 201, 'created', 3],
  ['modify', '/features/lamp/desiredProperties', {}, 204, 'modified', {}],
  ['modify', '/features/lamp/desiredProperties/on', true, 204, 'modified', true],
  ['modify', '/features/lamp/desiredProperties/hue', 7, 201, 'created', 7],
  ['merge', '/policyId', 'ns:other', 204, 'merged', 'ns:other'],
  ['merge', '/definition', 'a:b:2', 204, 'merged', 'a:b:2'],
  ['merge', '/definition', null, 204, 'merged', undefined],
  [
    'merge',
    '/attributes',
    { vin: null, a: 1 },
    204,
    'merged',
    { engine: FULL.attributes.engine, a: 1 },
  ],
  ['merge', '/attributes', null, 204, 'merged', undefined],
  ['merge', '/attributes/engine', { kw: null }, 204, 'merged', { kind: 'electric' }],
  ['merge', '/attributes/not/yet', { a: { b: null, c: 1 } }, 204, 'merged', { a: { c: 1 } }],
  ['merge', '/features', { lamp: null, b: {} }, 204, 'merged', { b: {} }],
  ['merge', '/features/lamp', null, 204, 'merged', undefined],
  ['merge', '/features/new/properties/x', 1, 204, 'merged', 1],
  ['merge', '/features/lamp/definition', ['a:b:1'], 204, 'merged', ['a:b:1']],
  ['merge', '/features/lamp/properties', { on: null }, 204, 'merged', { color: { r: 1, g: 2 } }],
  ['merge', '/features/lamp/properties/color', { g: 9 }, 204, 'merged', { r: 1, g: 9 }],
  ['merge', '/features/lamp/desiredProperties/on', true, 204, 'merged', true],
  ['delete', '/definition', undefined, 204, 'deleted', undefined],
  ['delete', '/attributes', undefined, 204, 'deleted', undefined],
  ['delete', '/attributes/engine/kw', undefined, 204, 'deleted', undefined],
  ['delete', '/features', undefined, 204, 'deleted', undefined],
  ['delete', '/features/lamp', undefined, 204, 'deleted', undefined],
  ['delete', '/features/lamp/definition', undefined, 204, 'deleted', undefined],
  ['delete', '/features/lamp/properties', undefined, 204, 'deleted', undefined],
  ['delete', '/features/lamp/properties/on', undefined, 204, 'deleted', undefined],
  ['delete', '/features/lamp/desiredProperties', undefined, 204, 'deleted', undefined],
  ['delete', '/features/lamp/desiredProperties/on', undefined, 204, 'deleted', undefined],
]

for (const [action, path, value, status, eventAction, afterwards] of CHANGES) {
  it(`${action} ${path} ${JSON.stringify(value) ?? ''} gives ${status} and "${eventAction}"`, () => {
    const before = stored(FULL)
    const untouched = structuredClone(before)
    const { outcome, after } = apply(before, command(action, path, value))
    const { response, event } = outcome

    assert.equal(response.topic.full, `ns/t1/things/twin/commands/${action}`)
    assert.is(response.path, path)
    assert.is(response.status, status)
    assert.equal(response.value, status === 201 ? value : undefined)
    assert.is(response.headers['correlation-id'], 'c-1')

    assert.is(event?.topic.full, `ns/t1/things/twin/events/${eventAction}`)
    assert.is(event?.path, path)
    assert.equal(event?.value, value)
    assert.is(event !== undefined && 'value' in event, action !== 'delete')
    assert.is(event?.revision, 7)
    assert.is(event?.timestamp, NOW)

    assert.is(after?.revision, 7)
    const retrieved = apply(after, command('retrieve', path)).outcome.response
    assert.equal(retrieved.status === 200 ? retrieved.value : undefined, afterwards)
    assert.equal(before, untouched, 'what was given stays as it was')
  })
}

it('creates a thing with itself as policy, at revision 1', () => {
  const { outcome, after } = apply(undefined, command('create', '/', { attributes: { a: 1 } }))
  const thing = { thingId: 'ns:t1', policyId: 'ns:t1', attributes: { a: 1 } }
  assert.equal(outcome.response, {
    topic: outcome.response.topic,
    headers: {
      'correlation-id': 'c-1',
      'response-required': false,
      'content-type': 'application/json',
      'entity-revision': 1,
      etag: '"rev:1"',
    },
    path: '/',
    value: thing,
    status: 201,
  })
  assert.is(outcome.response.topic.full, 'ns/t1/things/twin/commands/create')
  assert.equal(outcome.event, {
    topic: outcome.event!.topic,
    headers: {
      'correlation-id': 'c-1',
      'response-required': false,
      'content-type': 'application/json',
      'entity-revision': 1,
      'ditto-originator': 'integration:test',
    },
    path: '/',
    value: thing,
    revision: 1,
    timestamp: NOW,
  })
  assert.is(outcome.event!.topic.full, 'ns/t1/things/twin/events/created')
  assert.equal(after, {
    thing,
    revision: 1,
    created: NOW,
    modified: NOW,
    sizeBound: JSON.stringify(thing).length,
  })
})

it('keeps of a thing only what things have', () => {
  const { outcome } = apply(
    undefined,
    command('create', '/', {
      features: { f: { properties: {}, color: 'red' } },
      unknown: 1,
      _policy: { entries: {} },
      policyId: 'ns:p',
      thingId: 'ns:t1',
    }),
  )
  const expected = { thingId: 'ns:t1', policyId: 'ns:p', features: { f: { properties: {} } } }
  assert.is(JSON.stringify(outcome.response.value), JSON.stringify(expected))
})

for (const action of ['modify', 'merge']) {
  it(`${action} of a thing that does not exist creates it, and says so`, () => {
    const value = { policyId: 'ns:p', attributes: { a: 1 } }
    const { outcome } = apply(undefined, command(action, '/', value))
    assert.is(outcome.response.topic.full, 'ns/t1/things/twin/commands/create')
    assert.is(outcome.response.status, 201)
    assert.is(outcome.event?.topic.action, 'created')
    assert.equal(outcome.event?.value, { thingId: 'ns:t1', ...value })
  })
}

it('creates by merge without the nulls of the patch', () => {
  const patch = { definition: null, attributes: { a: null, b: { c: null, d: 1 } } }
  const { outcome } = apply(undefined, command('merge', '/', patch))
  assert.equal(outcome.response.value, {
    thingId: 'ns:t1',
    policyId: 'ns:t1',
    attributes: { b: { d: 1 } },
  })
})

it('modify of a whole thing replaces all but its policy id, and keeps its creation', () => {
  const { outcome, after } = apply(stored(FULL), command('modify', '/', { attributes: {} }))
  const thing = { thingId: 'ns:t1', policyId: 'ns:p', attributes: {} }
  assert.is(outcome.response.status, 204)
  assert.equal(outcome.event?.value, thing)
  assert.is(outcome.event?.topic.action, 'modified')
  assert.equal(after?.thing, thing)
  assert.is(after !== undefined && 'created' in after && after.created, THEN)
})

it('merges a whole thing, and the event tells the patch', () => {
  const patch = { attributes: { vin: null }, features: { lamp: null } }
  const { outcome, after } = apply(stored(FULL), command('merge', '/', patch))
  assert.is(outcome.response.status, 204)
  assert.is(outcome.response.headers['content-type'], 'application/merge-patch+json')
  assert.is(outcome.event?.headers['content-type'], 'application/merge-patch+json')
  assert.equal(outcome.event?.value, patch)
  assert.equal(after?.thing?.attributes, { engine: FULL.attributes.engine })
  assert.equal(after?.thing?.features, {})
})

it('goes on counting when a deleted thing is created again', () => {
  const deleted = apply(stored(FULL), command('delete', '/'))
  assert.is(deleted.outcome.response.status, 204)
  assert.is(deleted.outcome.event?.topic.action, 'deleted')
  assert.equal(deleted.after, { thing: undefined, revision: 7 })
  assert.is(errorIdOf(apply(deleted.after, command('retrieve', '/')).outcome.response), NOT_FOUND)
  const again = apply(deleted.after, command('create', '/', {}))
  assert.is(again.outcome.response.headers['entity-revision'], 8)
  assert.is(again.outcome.event?.revision, 8)
})

const NOT_FOUND = 'things:thing.notfound'

/** What is stored; action, path, value; the error. */
type Refusal = [JsonObject | undefined, string, string, JsonValue | undefined, string]

const REFUSALS: readonly Refusal[] = [
  [{}, 'create', '/', {}, 'things:thing.conflict'],
  [{}, 'create', '/attributes', {}, 'protocoladapter:unknown.command'],
  [undefined, 'modify', '/attributes/a', 1, NOT_FOUND],
  [undefined, 'merge', '/attributes/a', 1, NOT_FOUND],
  [undefined, 'delete', '/', undefined, NOT_FOUND],
  [undefined, 'retrieve', '/', undefined, NOT_FOUND],
  [{}, 'retrieve', '/definition', undefined, 'things:definition.notfound'],
  [{}, 'retrieve', '/attributes', undefined, 'things:attributes.notfound'],
  [{}, 'retrieve', '/attributes/a', undefined, 'things:attributes.notfound'],
  [FULL, 'retrieve', '/attributes/a', undefined, 'things:attribute.notfound'],
  [{}, 'retrieve', '/features', undefined, 'things:features.notfound'],
  [{}, 'retrieve', '/features/x', undefined, 'things:feature.notfound'],
  [{}, 'retrieve', '/features/x/properties/y', undefined, 'things:feature.notfound'],
  [
    LAMPLESS(),
    'retrieve',
    '/features/lamp/definition',
    undefined,
    'things:feature.definition.notfound',
  ],
  [
    LAMPLESS(),
    'retrieve',
    '/features/lamp/properties',
    undefined,
    'things:feature.properties.notfound',
  ],
  [
    LAMPLESS(),
    'retrieve',
    '/features/lamp/properties/on',
    undefined,
    'things:feature.properties.notfound',
  ],
  [
    FULL,
    'retrieve',
    '/features/lamp/properties/off',
    undefined,
    'things:feature.property.notfound',
  ],
  [
    LAMPLESS(),
    'retrieve',
    '/features/lamp/desiredProperties',
    undefined,
    'things:feature.desiredProperties.notfound',
  ],
  [
    FULL,
    'retrieve',
    '/features/lamp/desiredProperties/off',
    undefined,
    'things:feature.desiredProperty.notfound',
  ],
  [{}, 'modify', '/features/x/properties/y', 1, 'things:feature.notfound'],
  [{}, 'modify', '/features/x/definition', ['a:b:1'], 'things:feature.notfound'],
  [FULL, 'delete', '/attributes/none', undefined, 'things:attribute.notfound'],
  [{}, 'delete', '/attributes/none', undefined, 'things:attribute.notfound'],
  [
    LAMPLESS(),
    'delete',
    '/features/lamp/properties/on',
    undefined,
    'things:feature.property.notfound',
  ],
  [{}, 'delete', '/features/lamp/properties/on', undefined, 'things:feature.notfound'],
  [FULL, 'delete', '/features/none', undefined, 'things:feature.notfound'],
  [FULL, 'delete', '/policyId', undefined, 'protocoladapter:unknown.command'],
  [FULL, 'migrate', '/', {}, 'signal.unsupported'],
  [FULL, 'modify', '/nonsense', 1, 'protocoladapter:unknown.path'],
  [FULL, 'modify', '/features/lamp/color', 1, 'protocoladapter:unknown.path'],
  [FULL, 'modify', '/attributes//a', 1, 'json.pointer.invalid'],
  [FULL, 'modify', '/attributes/a', undefined, 'json.field.missing'],
  [FULL, 'modify', '/attributes', 'text', 'json.invalid'],
  [FULL, 'merge', '/attributes', 5, 'json.invalid'],
  [FULL, 'modify', '/attributes', { 'a/b': 1 }, 'json.key.invalid'],
  [FULL, 'modify', '/attributes/x', { 'a\u0000': 1 }, 'json.key.invalid'],
  [FULL, 'modify', '/attributes/a~1b', 1, 'json.key.invalid'],
  [FULL, 'modify', '/policyId', 'no-colon', 'policies:id.invalid'],
  [FULL, 'modify', '/policyId', 5, 'json.invalid'],
  [FULL, 'merge', '/policyId', null, 'things:policyId.notdeletable'],
  [FULL, 'merge', '/', { policyId: null }, 'things:policyId.notdeletable'],
  [FULL, 'merge', '/', { thingId: null }, 'things:id.notdeletable'],
  [FULL, 'modify', '/', { thingId: 'ns:t2' }, 'things:id.notsettable'],
  [undefined, 'create', '/', { thingId: 'ns:t2' }, 'things:id.notsettable'],
  [FULL, 'modify', '/', { _policy: {} }, 'things:policy.notallowed'],
  [FULL, 'merge', '/', { _copyPolicyFrom: 'ns:p' }, 'things:policy.notallowed'],
  [FULL, 'modify', '/definition', 'not a definition', 'things:definition.identifier.invalid'],
  [FULL, 'modify', '/definition', 'ftp://x/y', 'things:definition.identifier.invalid'],
  [FULL, 'modify', '/definition', null, 'json.invalid'],
  [FULL, 'modify', '/features/lamp/definition', [], 'things:feature.definition.empty'],
  [FULL, 'modify', '/features/lamp/definition', 'a:b:1', 'json.invalid'],
  [FULL, 'modify', '/features/lamp', { definition: ['x'] }, 'things:definition.identifier.invalid'],
  [FULL, 'modify', '/features', { lamp: 5 }, 'json.invalid'],
]

function LAMPLESS(): JsonObject {
  return { features: { lamp: {} } }
}

for (const [thing, action, path, value, error] of REFUSALS) {
  const state =
    thing === undefined ? 'nothing' : `a thing with ${Object.keys(thing).join('+') || '-'}`
  it(`${action} ${path} ${JSON.stringify(value) ?? ''} on ${state} is refused: ${error}`, () => {
    const before = thing === undefined ? undefined : stored(thing)
    const { outcome, after } = apply(before, command(action, path, value))
    assert.is(errorIdOf(outcome.response), error)
    assert.is(outcome.response.topic.full, 'ns/t1/things/twin/errors')
    assert.is(outcome.response.path, '/')
    assert.is(outcome.response.headers['correlation-id'], 'c-1')
    assert.is(outcome.response.status, (outcome.response.value as { status: number }).status)
    assert.is(outcome.event, undefined)
    assert.is(after, before, 'nothing changed')
  })
}

it('accepts an http URL as definition', () => {
  const { outcome } = apply(
    stored({}),
    command('modify', '/definition', 'https://acme.org/tm.jsonld'),
  )
  assert.is(outcome.response.status, 201)
})

it('retrieves fields, also the special ones, and all of a wildcard', () => {
  const fields = 'thingId,attributes(vin),features/*/properties/on,_revision,_modified,_namespace'
  const { outcome } = apply(stored(FULL), command('retrieve', '/', undefined, { fields }))
  assert.equal(outcome.response.value, {
    thingId: 'ns:t1',
    attributes: { vin: 'W1' },
    features: { lamp: { properties: { on: true } } },
    _revision: 6,
    _modified: THEN,
    _namespace: 'ns',
  })
})

it('retrieves a thing without its special fields', () => {
  const { outcome, after } = apply(stored(FULL), command('retrieve', '/'))
  assert.equal(outcome.response.value, { thingId: 'ns:t1', policyId: 'ns:p', ...FULL })
  assert.is(outcome.response.headers.etag, '"rev:6"')
  assert.is(outcome.event, undefined)
  assert.is(after?.revision, 6)
})

it('selects fields of a part relative to that part', () => {
  const extras = { fields: 'properties/on' }
  const { outcome } = apply(stored(FULL), command('retrieve', '/features/lamp', undefined, extras))
  assert.equal(outcome.response.value, { properties: { on: true } })
})

it('answers policy commands honestly', () => {
  const policies = { ...command('modify', '/'), entityId: 'ns:p' }
  const topic = {
    full: 'ns/p/policies/commands/modify',
    namespace: 'ns',
    name: 'p',
    group: 'policies',
    channel: 'none',
    criterion: 'commands',
    action: 'modify',
  } as const
  const { outcome } = apply(undefined, { ...policies, adaptable: { ...policies.adaptable, topic } })
  assert.is(errorIdOf(outcome.response), 'signal.unsupported')
  assert.is(outcome.response.topic.full, 'ns/p/policies/errors')
  assert.match(JSON.stringify(outcome.response.value), 'Policies are not available yet')
})

it('refuses historical revisions instead of answering with the current one', () => {
  const headers = { 'at-historical-revision': 3 }
  const { outcome } = apply(stored({}), command('retrieve', '/', undefined, { headers }))
  assert.is(errorIdOf(outcome.response), 'signal.unsupported')
})

it('asks the policy before it answers', () => {
  const asked: unknown[] = []
  const policy = {
    mayRead: (...args: unknown[]) => asked.push(args) < 0,
    mayWrite: (...args: unknown[]) => asked.push(args) < 0,
  }
  const read = apply(stored({}), command('retrieve', '/attributes/a'), { policy })
  const write = apply(stored({}), command('modify', '/attributes/a', 1), { policy })
  assert.is(errorIdOf(read.outcome.response), NOT_FOUND)
  assert.is(errorIdOf(write.outcome.response), 'things:thing.notmodifiable')
  const question = [['integration:test'], 'ns:p', ['attributes', 'a']]
  assert.equal(asked, [question, question])
})
