import * as assert from 'uvu/assert'
import {
  isSharedFilter,
  mqttTopicError,
  mqttTopicFilterError,
} from '../../../src/connection/rules/mqtt-topics.ts'
import { suite } from '../../support/suite.ts'

const it = suite('mqtt topics')

const LAST = "the wildcard '#' must be the whole of the last level."
const WHOLE = "the wildcard '+' must be a whole level."
const NO_GROUP = 'a shared subscription needs a group: $share/{group}/{filter}.'
const NO_FILTER = 'a shared subscription needs a filter: $share/{group}/{filter}.'

const filters: readonly [filter: string, error: string | undefined][] = [
  ['a', undefined],
  ['/', undefined],
  ['a//b', undefined],
  ['#', undefined],
  ['+', undefined],
  ['+/+/#', undefined],
  ['/+', undefined],
  ['$SYS/#', undefined],
  ['ä ö/ü', undefined],
  ['$share/group/#', undefined],
  ['$share/group//', undefined],
  ['$shared/#', undefined],
  ['x'.repeat(65_535), undefined],
  ['', 'must not be empty.'],
  ['a\0b', 'must not contain the null character.'],
  ['a\uD800', 'must be well-formed Unicode.'],
  ['ä'.repeat(32_768), 'must not be longer than 65535 bytes.'],
  ['#/a', LAST],
  ['a/b#', LAST],
  ['##', LAST],
  ['a+', WHOLE],
  ['a/+b/c', WHOLE],
  ['$share/', NO_GROUP],
  ['$share//a', NO_GROUP],
  ['$share/group', NO_FILTER],
  ['$share/group/', NO_FILTER],
  ['$share/+/a', 'the group of a shared subscription must not contain wildcards.'],
  ['$share/group/a#', LAST],
]

for (const [filter, error] of filters) {
  it(`filter ${JSON.stringify(filter.slice(0, 30))}`, () => {
    assert.is(mqttTopicFilterError(filter), error)
  })
}

const topics: readonly [topic: string, error: string | undefined][] = [
  ['a/b', undefined],
  ['$SYS/a', undefined],
  ['{{ thing:id }}', undefined],
  ['', 'must not be empty.'],
  ['a/+/b', "must not contain the wildcard '+'."],
  ['a/#', "must not contain the wildcard '#'."],
  ['a\0', 'must not contain the null character.'],
]

for (const [topic, error] of topics) {
  it(`topic ${JSON.stringify(topic)}`, () => assert.is(mqttTopicError(topic), error))
}

it('tells shared subscriptions', () => {
  assert.is(isSharedFilter('$share/g/a'), true)
  assert.is(isSharedFilter('share/g/a'), false)
  assert.is(isSharedFilter('$shared/g'), false)
})
