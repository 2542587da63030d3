import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  compileFilter,
  compileSources,
  withoutShare,
} from '../../../../src/transport/mqtt/filters.ts'
import { testSource } from '../../../support/connection.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/mqtt/filters')

it('matches as MQTT 3.1.1, section 4.7 says', () => {
  const cases: readonly [filter: string, topic: string, matches: boolean][] = [
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/', false],
    ['a/b', 'A/b', false],
    ['#', 'a', true],
    ['#', '/', true],
    ['#', '$SYS/broker', false],
    ['+/broker', '$SYS/broker', false],
    ['$SYS/#', '$SYS/broker', true],
    ['a/#', 'a', true],
    ['a/#', 'a/', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a/b/c', false],
    ['+', 'a', true],
    ['+', '/a', false],
    ['+/+', '/a', true],
    ['/+', '/a', true],
    ['+/b/#', 'a/b', true],
    ['+/b/#', 'a/bb', false],
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a//c', true],
    ['a/+/c', 'a/b/cc', false],
  ]
  for (const [filter, topic, matches] of cases) {
    assert.is(compileFilter(filter)(topic), matches, `${filter} and ${topic}`)
  }
})

it('agrees with matching level by level', () => {
  const level = fc.constantFrom('a', 'b', 'ab', '')
  const topics = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))
  const filters = fc
    .tuple(
      fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 5 }),
      fc.boolean(),
    )
    .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'))
  fc.assert(
    fc.property(filters, topics, (filter, topic) => {
      assert.is(compileFilter(filter)(topic), matchesByLevels(filter.split('/'), topic.split('/')))
    }),
    { numRuns: 2000 },
  )
})

it('takes the first source address that matches, without the share name', () => {
  const match = compileSources([
    testSource(['exact/topic', '$share/group/shared/+']),
    testSource(['exact/#', '#']),
  ])
  assert.equal(pick(match('exact/topic')), [0, 'exact/topic'])
  assert.equal(pick(match('exact/other')), [1, 'exact/#'])
  assert.equal(pick(match('shared/1')), [0, '$share/group/shared/+'])
  assert.equal(pick(match('elsewhere')), [1, '#'])
  assert.is(match('$SYS/uptime'), undefined)
})

it('finds the filter inside a shared subscription', () => {
  assert.is(withoutShare('$share/group/a/+'), 'a/+')
  assert.is(withoutShare('$share/group//a'), '/a')
  assert.is(withoutShare('share/group/a'), 'share/group/a')
})

function pick(match: { source: number; sourceAddress: string } | undefined): unknown {
  return [match?.source, match?.sourceAddress]
}

function matchesByLevels(filter: readonly string[], topic: readonly string[]): boolean {
  const [level, ...rest] = filter
  if (level === undefined) return topic.length === 0
  if (level === '#') return true
  if (topic.length === 0 || (level !== '+' && level !== topic[0])) return false
  return matchesByLevels(rest, topic.slice(1))
}
