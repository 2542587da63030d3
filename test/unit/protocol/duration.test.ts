import * as assert from 'uvu/assert'
import { parseDurationMs } from '../../../src/protocol/duration.ts'
import { suite } from '../../support/suite.ts'

const it = suite('protocol/duration')

it('reads every unit, seconds when there is none', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['10', 10_000],
    ['+10', 10_000],
    ['10s', 10_000],
    ['500ms', 500],
    ['1m', 60_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1mo', 2_629_746_000],
    ['1y', 31_556_952_000],
  ]
  for (const [text, ms] of cases) assert.is(parseDurationMs(text), ms, text)
})

it('refuses what is no duration', () => {
  for (const text of [
    '',
    's',
    '-1',
    '-1s',
    '1.5s',
    '1 s',
    ' 1',
    '1S',
    '1min',
    '1us',
    '9'.repeat(20),
  ]) {
    assert.is(parseDurationMs(text), undefined, text)
  }
})
