import * as assert from 'uvu/assert'
import {
  ENFORCEMENT_FILTER,
  ENFORCEMENT_INPUT,
  SOURCE_ADDRESS,
} from '../../../src/expression/placeholders.ts'
import { compileTemplate } from '../../../src/expression/template.ts'
import { UNRESOLVED, type Values } from '../../../src/expression/values.ts'
import type { TopicPath } from '../../../src/protocol/topic-path.ts'
import { suite } from '../../support/suite.ts'
import { adaptableWith, contextWith, topicWith } from './contexts.ts'

const it = suite('enforcement templates')

it('inputs take the first value, from headers and the address only', () => {
  const cases: [input: string, expected: string | undefined][] = [
    ['{{ header:device_id }}', 'Acme:Sensor-1'],
    ['{{ header:DEVICE_ID | fn:lower() }}', 'acme:sensor-1'],
    ['acme:{{ header:device_id | fn:substring-after(":") }}', 'acme:Sensor-1'],
    [`{{ header:device_id | fn:split(':') }}`, 'Acme'],
    ['{{ source:address }}', 'telemetry/lamp'],
    [`{{ source:address | fn:substring-after('/') }}`, 'lamp'],
    ['{{ header:missing }}', undefined],
    ['x{{ header:missing }}', undefined],
    ['{{ header:device_id | fn:delete() }}', undefined],
    ['constant', 'constant'],
  ]
  for (const [input, expected] of cases) {
    assert.is(compileTemplate(input, ENFORCEMENT_INPUT).resolve(contextWith()), expected, input)
  }
  for (const refused of ['thing:id', 'entity:id', 'topic:full']) {
    const compile = () => compileTemplate(`{{ ${refused} }}`, ENFORCEMENT_INPUT)
    assert.throws(compile, new RegExp(refused))
  }
  assert.throws(() => compileTemplate('{{ header:a }}', SOURCE_ADDRESS), /header:a/)
})

const THING: TopicPath = topicWith()
const POLICY: TopicPath = topicWith({
  full: 'org.acme/rules/policies/commands/modify',
  name: 'rules',
  group: 'policies',
  channel: 'none',
})
const NOBODY: TopicPath = topicWith({ namespace: '_', name: '_' })

it('filters give every value, of the entity that the signal is about', () => {
  const cases: [filter: string, topic: TopicPath, expected: Values][] = [
    ['{{ entity:id }}', THING, ['org.acme:lamp']],
    ['{{ thing:id }}', THING, ['org.acme:lamp']],
    ['{{ thing:namespace }}/{{ thing:name }}', THING, ['org.acme/lamp']],
    ['{{ policy:id }}', THING, UNRESOLVED],
    ['{{ entity:id }}', POLICY, ['org.acme:rules']],
    ['{{ policy:namespace }}', POLICY, ['org.acme']],
    ['{{ policy:name | fn:upper() }}', POLICY, ['RULES']],
    ['{{ thing:id }}', POLICY, UNRESOLVED],
    ['{{ thing:id }}', NOBODY, UNRESOLVED],
    ['{{ entity:name }}', NOBODY, UNRESOLVED],
    [`{{ thing:id | fn:split(':') }}`, THING, ['org.acme', 'lamp']],
    [`{{ entity:name | fn:split('') }}x`, THING, ['lx', 'ax', 'mx', 'px']],
    [`{{ policy:id | fn:default(thing:id) }}`, THING, ['org.acme:lamp']],
    ['{{ thing:id }}{{ policy:id }}', THING, UNRESOLVED],
    ['telemetry/{{ thing:name }}', THING, ['telemetry/lamp']],
    ['constant', NOBODY, ['constant']],
    ['', THING, ['']],
  ]
  for (const [filter, topic, expected] of cases) {
    const context = contextWith({ adaptable: adaptableWith({ topic, path: '/' }) })
    const values = compileTemplate(filter, ENFORCEMENT_FILTER).resolveAll(context)
    assert.equal(values, expected, `${filter} ${topic.full}`)
    if (expected === UNRESOLVED) assert.is(values, UNRESOLVED, filter)
  }
})

it('filters refuse what the sender could say', () => {
  const refused = ['header:a', 'source:address', 'request:subjectId', 'thing-json:a', 'topic:full']
  for (const placeholder of refused) {
    const message = new RegExp(placeholder)
    assert.throws(() => compileTemplate(`{{ ${placeholder} }}`, ENFORCEMENT_FILTER), message)
    const hidden = `{{ thing:id | fn:filter(${placeholder},'exists') }}`
    assert.throws(() => compileTemplate(hidden, ENFORCEMENT_FILTER), message)
    const nested = `{{ policy:id | fn:default(fn:default(${placeholder})) }}`
    assert.throws(() => compileTemplate(nested, ENFORCEMENT_FILTER), message)
  }
})
