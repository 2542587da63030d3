import * as assert from 'uvu/assert'
import type { ExpressionContext } from '../../../src/expression/context.ts'
import {
  ALL_PLACEHOLDERS,
  CONNECTION_ONLY,
  compilePlaceholder,
  ENFORCEMENT_FILTER,
  ENFORCEMENT_INPUT,
  HEADER_ONLY,
  SOURCE_ADDRESS,
} from '../../../src/expression/placeholders.ts'
import { UNRESOLVED, type Values } from '../../../src/expression/values.ts'
import type { JsonValue } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { adaptableWith, contextWith, NOW_MS, topicWith } from './contexts.ts'

const it = suite('placeholders')

function resolve(placeholder: string, context: ExpressionContext = contextWith()): Values {
  const colon = placeholder.indexOf(':')
  const source = compilePlaceholder(placeholder.slice(0, colon), placeholder.slice(colon + 1))!
  const values = source.all(context)
  assert.is(source.first(context), values[0], placeholder)
  assert.ok(source.multiple || values.length <= 1, placeholder)
  return values
}

const policy = contextWith({
  adaptable: adaptableWith({
    topic: topicWith({
      full: 'ns/p/policies/commands/modify',
      namespace: 'ns',
      name: 'p',
      group: 'policies',
      channel: 'none',
    }),
    path: '/',
  }),
})

it('looks into the message', () => {
  const cases: [placeholder: string, expected: Values][] = [
    ['header:reply-to', ['replies/1']],
    ['header:Reply-To', ['replies/1']],
    ['header:mixed', ['case']],
    ['header:MIXED', ['case']],
    ['header:count', ['3']],
    ['header:missing', UNRESOLVED],
    ['header:constructor', UNRESOLVED],
    ['entity:id', ['org.acme:lamp']],
    ['entity:namespace', ['org.acme']],
    ['entity:name', ['lamp']],
    ['thing:id', ['org.acme:lamp']],
    ['policy:id', UNRESOLVED],
    ['thing-json:attributes/size', ['1.5']],
    ['thing-json:/attributes/size', ['1.5']],
    ['thing-json:attributes/list', ['a', 'b']],
    ['thing-json:attributes/none', UNRESOLVED],
    ['thing-json:attributes/nothing', ['null']],
    ['thing-json:attributes/on', ['true']],
    ['thing-json:attributes/deep', ['{"x":1}']],
    ['thing-json:attributes/missing', UNRESOLVED],
    ['thing-json:thingId', ['org.acme:lamp']],
    ['thing-json: attributes/size ', ['1.5']],
    ['thing-json:attributes/size/', ['1.5']],
    ['thing-json:attributes/list/0', UNRESOLVED],
    ['thing-json:attributes/deep/x', ['1']],
    ['header: count', UNRESOLVED],
    ['header:device_id', ['Acme:Sensor-1']],
    ['time:now_epoch_millis[s]', [String(NOW_MS - 89)]],
    ['feature:id', ['bulb']],
    ['topic:full', ['org.acme/lamp/things/twin/commands/modify']],
    ['topic:namespace', ['org.acme']],
    ['topic:entityName', ['lamp']],
    ['topic:group', ['things']],
    ['topic:channel', ['twin']],
    ['topic:criterion', ['commands']],
    ['topic:action', ['modify']],
    ['topic:subject', UNRESOLVED],
    ['topic:action-subject', ['modify']],
    ['resource:type', ['thing']],
    ['resource:path', ['/features/bulb/properties/on']],
    ['time:now', ['2026-03-04T05:06:07.089Z']],
    ['time:now[d]', ['2026-03-04T00:00:00Z']],
    ['request:subjectId', ['integration:a', 'integration:b']],
    ['connection:id', ['the-connection']],
    ['source:address', ['telemetry/lamp']],
  ]
  for (const [placeholder, expected] of cases) {
    assert.equal(resolve(placeholder), expected, placeholder)
  }
})

it('shows JSON values as text', () => {
  const cases: [value: JsonValue, expected: Values][] = [
    ['text', ['text']],
    ['', ['']],
    [0, ['0']],
    [false, ['false']],
    [null, ['null']],
    [{ b: [1, 'x'] }, ['{"b":[1,"x"]}']],
    [{}, ['{}']],
    [[], UNRESOLVED],
    [
      [null, '', 1, { a: 1 }, ['x']],
      ['null', '', '1', '{"a":1}', '["x"]'],
    ],
  ]
  for (const [a, expected] of cases) {
    assert.equal(resolve('thing-json:a', contextWith({ thing: { a } })), expected)
  }
  const headers = { list: ['a', 'b'], on: true, object: { a: 1 } }
  assert.equal(resolve('header:list', contextWith({ headers })), ['["a","b"]'])
  assert.equal(resolve('header:on', contextWith({ headers })), ['true'])
  assert.equal(resolve('header:object', contextWith({ headers })), ['{"a":1}'])
})

it('splits names with colons at the first colon only', () => {
  const context = contextWith({ headers: { 'a:b:c': 'x' } })
  assert.equal(resolve('header:a:b:c', context), ['x'])
})

it('prefers the header of exactly that name', () => {
  const context = contextWith({ headers: { A: 'upper', a: 'lower' } })
  assert.equal(resolve('header:A', context), ['upper'])
  assert.equal(resolve('header:a', context), ['lower'])
})

it('finds nothing where nothing is', () => {
  const nothing: ExpressionContext = { connectionId: 'c', headers: { none: null }, now: () => 0 }
  const placeholders = [
    'entity:id',
    'thing:id',
    'policy:id',
    'thing-json:a',
    'feature:id',
    'topic:full',
  ]
  for (const placeholder of [
    ...placeholders,
    'resource:path',
    'resource:type',
    'request:subjectId',
    'source:address',
    'header:none',
  ]) {
    assert.is(resolve(placeholder, nothing), UNRESOLVED, placeholder)
  }
})

it('tells things, policies and connections apart', () => {
  assert.equal(resolve('entity:id', policy), ['ns:p'])
  assert.equal(resolve('policy:name', policy), ['p'])
  assert.is(resolve('thing:id', policy), UNRESOLVED)
  assert.equal(resolve('topic:channel', policy), ['none'])
  assert.equal(resolve('resource:type', policy), ['policy'])
  assert.is(resolve('feature:id', policy), UNRESOLVED)
  const topic = topicWith({
    namespace: '_',
    name: 'c',
    group: 'connections',
    criterion: 'announcements',
    subject: 'opened',
  })
  const connection = contextWith({ adaptable: adaptableWith({ topic, path: '/' }) })
  assert.is(resolve('entity:id', connection), UNRESOLVED)
  assert.equal(resolve('resource:type', connection), ['connectivity'])
  const many = contextWith({
    adaptable: adaptableWith({ topic: topicWith({ namespace: '_', name: '_' }) }),
  })
  assert.is(resolve('thing:namespace', many), UNRESOLVED)
})

it('knows subjects and types of messages and acknowledgements', () => {
  const { action: _, ...withoutAction } = topicWith()
  const message = contextWith({
    adaptable: adaptableWith({
      topic: { ...withoutAction, criterion: 'messages', subject: 'ask/it' },
      path: '/features/a~1b/inbox/messages/ask',
    }),
  })
  assert.equal(resolve('topic:action-subject', message), ['ask/it'])
  assert.is(resolve('topic:action', message), UNRESOLVED)
  assert.equal(resolve('resource:type', message), ['message'])
  assert.equal(resolve('feature:id', message), ['a/b'])
  const ack = contextWith({
    adaptable: adaptableWith({
      topic: { ...withoutAction, criterion: 'acks', subject: 'label' },
      path: '/',
    }),
  })
  assert.equal(resolve('resource:type', ack), ['acknowledgement'])
})

it('finds the features in things and in all features', () => {
  const cases: [path: string, value: object | string, expected: Values][] = [
    ['/', { features: { a: {}, b: null } }, ['a', 'b']],
    ['/', { attributes: {} }, UNRESOLVED],
    ['/', { features: null }, UNRESOLVED],
    ['/features', { a: {}, b: {} }, ['a', 'b']],
    ['/features', 'text', UNRESOLVED],
    ['/features/a', {}, ['a']],
    ['/attributes', { features: { a: {} } }, UNRESOLVED],
  ]
  for (const [path, value, expected] of cases) {
    const adaptable = adaptableWith({ path, value: value as string })
    assert.equal(resolve('feature:id', contextWith({ adaptable })), expected, path)
  }
  // What is read is not touched.
  const topic = topicWith({ action: 'retrieve' })
  const retrieved = adaptableWith({ topic, path: '/features', value: { a: {} } })
  assert.is(resolve('feature:id', contextWith({ adaptable: retrieved })), UNRESOLVED)
  const one = adaptableWith({ topic, path: '/features/a' })
  assert.equal(resolve('feature:id', contextWith({ adaptable: one })), ['a'])
})

it('has no other prefixes and names', () => {
  const placeholders = [
    'nope:id',
    'thing:x',
    'entity:',
    'policy:x',
    'thing-json:id',
    'thing-json:name',
    'thing-json:namespace',
    'feature:x',
    'topic:x',
    'resource:x',
    'time:x',
    'request:x',
    'connection:x',
    'source:x',
    'toString:x',
  ]
  for (const placeholder of placeholders) {
    const colon = placeholder.indexOf(':')
    const source = compilePlaceholder(placeholder.slice(0, colon), placeholder.slice(colon + 1))
    assert.is(source, undefined, placeholder)
  }
})

it('has ready sets for the places where placeholders are allowed', () => {
  assert.equal([...HEADER_ONLY], ['header'])
  assert.equal([...CONNECTION_ONLY], ['connection'])
  assert.equal([...SOURCE_ADDRESS], ['source'])
  assert.equal([...ENFORCEMENT_INPUT], ['header', 'source'])
  assert.equal([...ENFORCEMENT_FILTER], ['entity', 'thing', 'policy', 'feature'])
  assert.not(ALL_PLACEHOLDERS.has('policy'))
  assert.not(ALL_PLACEHOLDERS.has('source'))
})
