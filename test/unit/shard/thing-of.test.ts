import * as assert from 'uvu/assert'
import type { JsonObject, JsonValue } from '../../../src/json/types.ts'
import type { SignalKind } from '../../../src/protocol/signal.ts'
import { parseTopicPath } from '../../../src/protocol/topic-path.ts'
import { thingOf } from '../../../src/shard/thing-of.ts'
import { suite } from '../../support/suite.ts'

const it = suite('thing of a signal')

interface Case {
  readonly title: string
  readonly kind?: SignalKind
  readonly action?: string
  readonly path: string
  readonly value?: JsonValue
  readonly extra?: JsonObject
  readonly thing: JsonObject
}

const CASES: readonly Case[] = [
  {
    title: 'an event puts its value where it belongs',
    path: '/features/lamp/properties/on',
    value: true,
    thing: { features: { lamp: { properties: { on: true } } } },
  },
  {
    title: 'an event of the whole thing tells all of it',
    action: 'created',
    path: '/',
    value: { attributes: { a: 1 } },
    thing: { attributes: { a: 1 } },
  },
  {
    title: 'what the event tells wins over the extra fields, which stay beside it',
    path: '/attributes/a',
    value: { new: 1 },
    extra: { attributes: { a: { old: 1 }, b: 2 } },
    thing: { attributes: { a: { new: 1 }, b: 2 } },
  },
  {
    title: 'a merge is merged',
    action: 'merged',
    path: '/attributes',
    value: { a: { new: 1 }, b: null },
    extra: { attributes: { a: { old: 1 }, b: 2 } },
    thing: { attributes: { a: { old: 1, new: 1 } } },
  },
  {
    title: 'what a merge takes away is not there, whether it was known or not',
    action: 'merged',
    path: '/attributes/gone',
    value: null,
    thing: { attributes: {} },
  },
  {
    title: 'a deletion tells nothing but the extra fields',
    action: 'deleted',
    path: '/attributes/a',
    extra: { attributes: { b: 2 } },
    thing: { attributes: { b: 2 } },
  },
  {
    title: 'the value of a message is not the state of the thing',
    kind: 'message',
    path: '/inbox/messages/ask',
    value: { attributes: { a: 1 } },
    extra: { attributes: { b: 2 } },
    thing: { attributes: { b: 2 } },
  },
  {
    title: 'nonsense of a live event leaves what is known',
    kind: 'live-event',
    path: '/',
    value: 'nonsense',
    extra: { attributes: { b: 2 } },
    thing: { attributes: { b: 2 } },
  },
  {
    title: 'names of devices are nothing special',
    path: '/attributes/__proto__',
    value: 1,
    thing: { attributes: JSON.parse('{"__proto__":1}') },
  },
]

for (const { title, kind = 'twin-event', action = 'modified', path, ...rest } of CASES) {
  it(title, () => {
    const { value, extra, thing } = rest
    const topic = parseTopicPath(
      kind === 'message' ? 'ns/t/things/live/messages/ask' : `ns/t/things/twin/events/${action}`,
    )
    const adaptable = { topic, headers: {}, path, ...(value !== undefined && { value }) }
    const before = JSON.stringify(extra)
    const signal = { kind, adaptable, entityId: 'ns:t', origin: 'o', subjects: [] }
    assert.equal(thingOf(signal, extra), { ...thing, thingId: 'ns:t' })
    assert.is(JSON.stringify(extra), before, 'extra fields are not changed')
  })
}

it('an event tells revision and timestamp, whatever was read later', () => {
  const adaptable = {
    topic: parseTopicPath('ns/t/things/twin/events/modified'),
    headers: {},
    path: '/attributes/a',
    value: 1,
    revision: 3,
    timestamp: '2026-01-01T00:00:00Z',
  }
  const signal = {
    kind: 'twin-event',
    adaptable,
    entityId: 'ns:t',
    origin: 'o',
    subjects: [],
  } as const
  assert.equal(thingOf(signal, { _revision: 9 }), {
    attributes: { a: 1 },
    thingId: 'ns:t',
    _revision: 3,
    _modified: '2026-01-01T00:00:00Z',
  })
})

it('only what is about a thing has its id', () => {
  const ids: readonly (readonly [topic: string, kind: SignalKind, id: unknown])[] = [
    ['ns/t/things/twin/events/deleted', 'twin-event', 'ns:t'],
    ['ns/t/things/live/messages/ask', 'message', 'ns:t'],
    ['ns/t/policies/announcements/subjectDeletion', 'announcement', undefined],
  ]
  for (const [topic, kind, id] of ids) {
    const adaptable = { topic: parseTopicPath(topic), headers: {}, path: '/', value: {} }
    const signal = { kind, adaptable, entityId: 'ns:t', origin: 'o', subjects: [] }
    assert.is(thingOf(signal).thingId, id, topic)
  }
})
