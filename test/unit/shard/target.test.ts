import * as assert from 'uvu/assert'
import type { Target } from '../../../src/connection/types.ts'
import type { JsonObject } from '../../../src/json/types.ts'
import type { OutboundMetric } from '../../../src/monitoring/counters.ts'
import type { Signal, SignalKind } from '../../../src/protocol/signal.ts'
import { parseTopicPath } from '../../../src/protocol/topic-path.ts'
import { extraFor } from '../../../src/shard/enrichment.ts'
import type { Monitor } from '../../../src/shard/monitor.ts'
import { SignalContext, TargetProgram } from '../../../src/shard/target.ts'
import { testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'

const it = suite('target')

const EVENTS = '_/_/things/twin/events'

function program(topics: readonly string[], fields: Partial<Target> = {}): TargetProgram {
  return new TargetProgram(testTarget('out', { topics, ...fields }), {
    connectionId: 'c',
    mappersOf: () => [],
    monitor: {} as Monitor<OutboundMetric>,
  })
}

interface Happening {
  readonly kind?: SignalKind
  readonly topic?: string
  readonly path?: string
  readonly value?: JsonObject[string]
  readonly headers?: JsonObject
}

function contextOf(happening: Happening = {}): SignalContext {
  const { kind = 'twin-event', topic = 'ns/t/things/twin/events/modified' } = happening
  const { path = '/attributes/n', value = 7, headers = {} } = happening
  const adaptable = { topic: parseTopicPath(topic), headers, path, value }
  const signal: Signal = { kind, adaptable, entityId: 'ns:t', origin: 'o', subjects: [] }
  return new SignalContext('c', signal, () => 0, undefined)
}

/** One signal of each kind that a topic can subscribe to. */
const HAPPENINGS: Readonly<Record<string, Happening>> = {
  'twin event': {},
  'live event': { kind: 'live-event', topic: 'ns/t/things/live/events/modified' },
  'live command': { kind: 'live-command', topic: 'ns/t/things/live/commands/modify' },
  message: { kind: 'message', topic: 'ns/t/things/live/messages/ask', path: '/inbox/messages/ask' },
  'policy announcement': {
    kind: 'announcement',
    topic: 'ns/p/policies/announcements/subjectDeletion',
    path: '/',
  },
  'connection announcement': {
    kind: 'announcement',
    topic: '_/c/connections/announcements/opened',
    path: '/',
  },
  'twin command': { kind: 'twin-command', topic: 'ns/t/things/twin/commands/modify' },
}

const PASSING: readonly [topic: string, passing: readonly string[]][] = [
  [EVENTS, ['twin event']],
  ['_/_/things/live/events', ['live event']],
  ['_/_/things/live/commands', ['live command']],
  ['_/_/things/live/messages', ['message']],
  ['_/_/policies/announcements', ['policy announcement']],
  ['_/_/connections/announcements', ['connection announcement']],
  [`${EVENTS}?namespaces=ns`, ['twin event']],
  [`${EVENTS}?namespaces=other,ns`, ['twin event']],
  [`${EVENTS}?namespaces=other`, []],
  [`${EVENTS}?namespaces=n*`, []],
  [`${EVENTS}?namespaces=n`, []],
  ['_/_/policies/announcements?namespaces=other', []],
  ['_/_/policies/announcements?namespaces=ns&filter=nonsense', ['policy announcement']],
  ['_/_/connections/announcements?namespaces=other&filter=nonsense', ['connection announcement']],
  [`${EVENTS}?filter=gt(attributes/n,6)`, ['twin event']],
  [`${EVENTS}?filter=gt(attributes/n,7)`, []],
  [`${EVENTS}?filter=exists(attributes/other)`, []],
  [`${EVENTS}?filter=ne(attributes/other,1)`, ['twin event']],
  [`${EVENTS}?filter=eq(topic:action,'modified')`, ['twin event']],
  [`${EVENTS}?filter=eq(topic:action,%22modified%22)`, ['twin event']],
  [`${EVENTS}?namespaces=ns&filter=eq(topic:action,'created')`, []],
  ['_/_/things/live/events?filter=eq(attributes/n,7)', ['live event']],
  // Commands and messages tell nothing of the thing but its id.
  ['_/_/things/live/commands?filter=eq(attributes/n,7)', []],
  ["_/_/things/live/commands?filter=eq(topic:action,'modify')", ['live command']],
  ["_/_/things/live/commands?filter=eq(resource:path,'/attributes/n')", ['live command']],
  ["_/_/things/live/messages?filter=eq(topic:subject,'ask')", ['message']],
  ["_/_/things/live/messages?filter=like(resource:path,'/inbox/*')", ['message']],
  ["_/_/things/live/messages?filter=like(resource:path,'/outbox/*')", []],
  ["_/_/things/live/messages?filter=eq(thingId,'ns:t')", ['message']],
]

it('lets pass what its topics are about', () => {
  for (const [topic, passing] of PASSING) {
    const target = program([topic])
    const passed = Object.keys(HAPPENINGS).filter(
      (name) => target.matching(contextOf(HAPPENINGS[name])) !== undefined,
    )
    assert.equal(passed, passing, topic)
  }
})

it('asks for extra fields only when they could make the signal pass', () => {
  const plain = `${EVENTS}?filter=eq(attributes/n,7)`
  const kind = `${EVENTS}?filter=eq(attributes/kind,'lamp')&extraFields=attributes/kind`
  const cases: readonly [topics: readonly string[], enriching: number][] = [
    [[EVENTS], 0],
    [[`${EVENTS}?extraFields=attributes`], 1],
    [[kind], 1],
    [[`${EVENTS}?filter=eq(attributes/n,8)&extraFields=attributes/kind`], 0],
    [[`${EVENTS}?filter=eq(attributes/kind,'x')&extraFields=attributes/other`], 0],
    [[`${EVENTS}?filter=eq(attributes/kind,'x')&extraFields=attributes`], 1],
    [[`${EVENTS}?filter=eq(attributes/kind,'x')&extraFields=attributes/{{ header:x }}`], 1],
    [[`${EVENTS}?namespaces=other&extraFields=attributes`], 0],
    [['_/_/things/live/messages?extraFields=attributes', EVENTS], 0],
    [[plain, kind], 1],
    // It passes by the first and cannot pass by the second.
    [[plain, `${EVENTS}?filter=eq(attributes/n,8)&extraFields=attributes/kind`], 0],
    // Every filter may look at the extra fields of all topics of its type.
    [[`${EVENTS}?filter=eq(attributes/kind,'x')&extraFields=attributes/a`, kind], 2],
    [[`${EVENTS}?filter=eq(attributes/kind,'x')&extraFields=attributes/a`, `${kind}/x`], 2],
  ]
  for (const [topics, enriching] of cases) {
    assert.is(program(topics).enriching(contextOf()).length, enriching, topics.join(' '))
  }
})

it('takes the first topic that matches: those with extra fields first, then by their text', () => {
  const topics = [
    EVENTS,
    `${EVENTS}?extraFields=policyId`,
    `${EVENTS}?filter=eq(attributes/n,8)&extraFields=attributes/a`,
    `${EVENTS}?extraFields=attributes/b`,
    `${EVENTS}?filter=eq(attributes/n,7)&extraFields=attributes/b`,
  ]
  const extra = { policyId: 'ns:p', attributes: { a: 1, b: 2 } }
  for (const order of [topics, topics.toReversed()]) {
    const target = program(order)
    const context = contextOf().enrichedWith(extra)
    const topic = target.matching(context)!
    assert.equal(extraFor(target, topic, context), { attributes: { b: 2 } })
    assert.ok(topic.filter === undefined, 'extraFields=… sorts before filter=…')
  }
})

it('resolves each extra field by itself, and leaves out what has no value', () => {
  const selections: readonly [extraFields: string, happening: Happening, text: string][] = [
    ['attributes(a,b),thingId', {}, '/attributes/a,/attributes/b,/thingId'],
    ['features/*/properties/on', {}, '/features/*/properties/on'],
    ['attributes/vin,features/{{ feature:id }}/properties', {}, '/attributes/vin'],
    [
      'attributes/vin,features/{{ feature:id }}(definition,properties)',
      { path: '/features/lamp/properties/on' },
      '/attributes/vin,/features/lamp/definition,/features/lamp/properties',
    ],
    [
      'features/{{ feature:id }}/definition',
      { path: '/features', value: { a: {}, b: {} } },
      '/features/a/definition,/features/b/definition',
    ],
    ['attributes/{{ header:x }}', { headers: { x: 'a/b' } }, '/attributes/a/b'],
    ['attributes/{{ header:x }}', { headers: {} }, ''],
    // Devices cannot ask for more than the connection does.
    ['attributes/{{ header:x }}', { headers: { x: 'a,policyId' } }, ''],
    ['attributes/{{ header:x }}', { headers: { x: 'a(b' } }, ''],
    ['attributes/{{ header:x }}', { headers: { x: 'a//b' } }, ''],
    ['{{ header:x }}', { headers: { x: '/' } }, ''],
  ]
  for (const [extraFields, happening, text] of selections) {
    const target = program([`${EVENTS}?extraFields=${extraFields}`])
    const context = contextOf(happening)
    const [topic] = target.enriching(context)
    assert.is(topic!.extraFields!.selectionFor(context).text, text, extraFields)
  }
})
