import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { mergePatch } from '../../../src/json/merge-patch.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../src/json/types.ts'
import type { Adaptable } from '../../../src/protocol/adaptable.ts'
import type { Signal } from '../../../src/protocol/signal.ts'
import type { ThingRecord } from '../../../src/twin/thing.ts'
import { suite } from '../../support/suite.ts'
import { apply, command, signal, stored } from './support.ts'

const it = suite('twin/apply, properties')

/** Equality that a member called `constructor` does not mislead. */
function same(actual: unknown, expected: unknown): void {
  assert.ok(
    isDeepStrictEqual(asJson(actual), asJson(expected)),
    `${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`,
  )
}

/** As it would have come over the wire: objects with the usual prototype. */
function asJson(given: unknown): unknown {
  return given === undefined ? undefined : JSON.parse(JSON.stringify(given))
}

const name = fc.constantFrom('a', 'b', 'c', 'lamp', '__proto__', 'constructor')
const value: fc.Arbitrary<JsonValue> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<JsonValue>(null, true, 0, 1, 'x', []),
    tie('object'),
  ),
  object: fc.dictionary(name, tie('value'), { maxKeys: 3 }),
})).value as fc.Arbitrary<JsonValue>
const object = value.filter(isJsonObject)

const feature = fc.record({ properties: object, desiredProperties: object }, { requiredKeys: [] })
const thing = fc.record(
  {
    definition: fc.constantFrom('a:b:1', 'a:b:2'),
    attributes: object,
    features: fc.dictionary(name, feature, { maxKeys: 2 }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>

/** Paths with values that fit them, most of them about the same few names. */
const target = fc.oneof(
  fc.tuple(fc.constant('/'), thing),
  fc.tuple(fc.constant('/attributes'), object),
  fc.tuple(
    fc.array(name, { minLength: 1, maxLength: 3 }).map((path) => `/attributes/${path.join('/')}`),
    value,
  ),
  fc.tuple(fc.constant('/features'), fc.dictionary(name, feature, { maxKeys: 2 })),
  fc.tuple(
    name.map((id) => `/features/${id}`),
    feature,
  ),
  fc.tuple(
    fc.tuple(name, name).map(([id, property]) => `/features/${id}/properties/${property}`),
    value,
  ),
) as fc.Arbitrary<[string, JsonValue]>

const change = fc
  .tuple(fc.constantFrom('create', 'modify', 'merge', 'delete'), target)
  .map(([action, [path, given]]) => command(action, path, action === 'delete' ? undefined : given))

it('retrieves after a merge what RFC 7396 says', () => {
  fc.assert(
    fc.property(thing, object, (before, patch) => {
      const { outcome, after } = apply(stored(before), command('merge', '/attributes', patch))
      assert.is(outcome.response.status, 204)
      const read = apply(after, command('retrieve', '/attributes')).outcome.response
      same(read.value, mergePatch(before.attributes, patch))
    }),
  )
})

it('counts every change, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), (commands) => {
      let record: ThingRecord | undefined
      for (const each of commands) {
        const { outcome, after } = apply(record, each)
        if (outcome.event === undefined) {
          assert.is(after, record)
          assert.ok(outcome.response.status! >= 400)
        } else {
          assert.is(after?.revision, (record?.revision ?? 0) + 1)
          assert.is(outcome.event.revision, after?.revision)
          assert.is(outcome.response.headers['entity-revision'], after?.revision)
        }
        record = after
      }
    }),
  )
})

it('tells in its events everything that a copy needs to follow', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), (commands) => {
      let record: ThingRecord | undefined
      let copy: ThingRecord | undefined
      for (const each of commands) {
        const { outcome, after } = apply(record, each)
        record = after
        if (outcome.event !== undefined) copy = apply(copy, replay(outcome.event)).after
        same(copy?.thing, record?.thing)
        assert.is(copy?.revision, record?.revision)
      }
    }),
  )
})

it('never changes what it is given, and never throws', () => {
  const anything = fc
    .tuple(
      fc.constantFrom('create', 'modify', 'merge', 'delete', 'retrieve', 'migrate'),
      fc.oneof(target, fc.tuple(fc.string(), fc.jsonValue() as fc.Arbitrary<JsonValue>)),
    )
    .map(([action, [path, given]]) => command(action, path, given))
  fc.assert(
    fc.property(thing, anything, (before, each) => {
      const record = stored(before)
      const state = JSON.stringify(record)
      const sent = JSON.stringify(each)
      const { response } = apply(record, each).outcome
      assert.ok(response.status! < 500, JSON.stringify(response.value))
      assert.is(JSON.stringify(record), state)
      assert.is(JSON.stringify(each), sent)
    }),
  )
})

const COMMAND_OF: Record<string, string> = {
  created: 'modify',
  modified: 'modify',
  merged: 'merge',
  deleted: 'delete',
}

/** The command that does to a copy what the event tells. */
function replay(event: Adaptable): Signal {
  const { topic } = command(COMMAND_OF[event.topic.action!]!, event.path).adaptable
  const adaptable = { topic, headers: {}, path: event.path }
  return signal(event.value === undefined ? adaptable : { ...adaptable, value: event.value })
}
