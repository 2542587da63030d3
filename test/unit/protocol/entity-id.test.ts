import * as assert from 'uvu/assert'
import {
  entityIdOf,
  isValidThingId,
  MAX_ENTITY_ID_CHARS,
  parsePolicyId,
  parseThingId,
} from '../../../src/protocol/entity-id.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { parseTopicPath } from '../../../src/protocol/topic-path.ts'
import { suite } from '../../support/suite.ts'

const it = suite('protocol/entity-id')

it('tells the entity a topic is about', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['org.acme/car/things/twin/commands/modify', 'org.acme:car'],
    ['org.acme/a:b/things/twin/commands/modify', 'org.acme:a:b'],
    ['/car/things/twin/commands/modify', ':car'],
    ['org.acme/rules/policies/commands/modify', 'org.acme:rules'],
    ['_/_/things/twin/commands/retrieve', ''],
    ['_/car/things/twin/commands/retrieve', ''],
    ['unknown/unknown/things/twin/errors', ''],
    ['unknown/unknown/policies/errors', ''],
    ['org.acme/unknown/things/twin/errors', 'org.acme:unknown'],
    ['_/mine/connections/announcements/opened', 'mine'],
  ]
  for (const [topic, id] of cases) assert.is(entityIdOf(parseTopicPath(topic)), id, topic)
})

const longest = `ns:${'x'.repeat(MAX_ENTITY_ID_CHARS - 3)}`

it('accepts ids with and without namespace', () => {
  const valid = ['ns:name', ':name', 'org.acme:car', 'a-b.c_d:x', 'ns:a:b', 'ns:a b', 'ns:日本']
  for (const id of [...valid, 'n1:{{x}}', longest]) assert.ok(isValidThingId(id), id)
})

it('refuses everything else', () => {
  const invalid = [
    '',
    'name',
    'ns:',
    ':',
    '1ns:name',
    'ns.:name',
    '.ns:name',
    'n s:name',
    'ns..a:n',
  ]
  const names = ['ns:a/b', 'ns:a\u0000', 'ns:a\u001f', 'ns:a\u007f', 'ns:a\u00ff', 'ns\n:a']
  for (const id of [...invalid, ...names, '_:_', `${longest}x`]) {
    assert.not.ok(isValidThingId(id), JSON.stringify(id))
    assert.throws(() => parseThingId(id), hasCode('things:id.invalid'))
    assert.throws(() => parsePolicyId(id), hasCode('policies:id.invalid'))
  }
})

it('splits an id at its first colon', () => {
  assert.equal(parseThingId('org.acme:a:b'), { namespace: 'org.acme', name: 'a:b' })
  assert.equal(parsePolicyId(':p'), { namespace: '', name: 'p' })
})

it('decides about hostile namespaces at once', () => {
  const start = performance.now()
  assert.not.ok(isValidThingId(`${'a.'.repeat(120)}!:name`))
  assert.ok(performance.now() - start < 50)
})

function hasCode(code: string): (thrown: unknown) => boolean {
  return (thrown) =>
    thrown instanceof DittoException && thrown.error.status === 400 && thrown.error.error === code
}
