import * as assert from 'uvu/assert'
import {
  describeExit,
  type EngineExit,
  Investigation,
  type ScriptNote,
  type Verdict,
} from '../../../src/supervisor/verdict.ts'
import { suite } from '../../support/suite.ts'

const it = suite('verdict')

const WEDGED_AFTER_MS = 2_500

function note(connectionId: string, since: number, ageMs: number): ScriptNote {
  return { thread: 0, shard: 1, connectionId, definition: 'js', since, ageMs }
}

const YOUNG = note('young', 2_000, 10)
const SAME = note('young', 2_500, 5)
const OTHER = note('other', 1_500, 20)
const THIRD = note('third', 1_400, 30)
const FOURTH = note('fourth', 1_300, 40)
const OLD = note('old', 1_000, WEDGED_AFTER_MS + 1)

const crash = (signal: NodeJS.Signals): EngineExit => ({ code: null, signal })
const code = (value: number): EngineExit => ({ code: value, signal: null })
const killed = (killedFor: 'wedged' | 'silent'): EngineExit => ({
  code: null,
  signal: 'SIGKILL',
  killedFor,
})

/** How the engine ended, what was noted, who did it. */
const CASES: readonly [EngineExit, readonly ScriptNote[], string | undefined][] = [
  [crash('SIGSEGV'), [], undefined],
  [crash('SIGSEGV'), [YOUNG], 'young'],
  [crash('SIGABRT'), [YOUNG, OLD], 'old'],
  [crash('SIGTRAP'), [OLD, YOUNG], 'old'],
  [crash('SIGTRAP'), [YOUNG, OTHER], 'other or young'],
  [crash('SIGABRT'), [YOUNG, SAME], 'young'],
  [crash('SIGABRT'), [YOUNG, OTHER, SAME, THIRD], 'third or other or young'],
  [crash('SIGILL'), [YOUNG], 'young'],
  [crash('SIGBUS'), [YOUNG], 'young'],
  [code(134), [YOUNG], 'young'],
  [code(1), [YOUNG], undefined],
  [code(0), [OLD], undefined],
  [crash('SIGTERM'), [YOUNG], undefined],
  [crash('SIGKILL'), [YOUNG], undefined],
  [crash('SIGKILL'), [YOUNG, OLD], 'old'],
  [killed('wedged'), [YOUNG, OLD], 'old'],
  [killed('silent'), [YOUNG], undefined],
  [killed('silent'), [OLD], 'old'],
  [{ code: null, signal: null }, [OLD], undefined],
]

/** The accused, or all suspects with the likeliest first; undefined when it is nobody. */
function wordsOf({ accused, suspects }: Verdict): string | undefined {
  return accused?.connectionId ?? (suspects.join(' or ') || undefined)
}

for (const [exit, notes, expected] of CASES) {
  const noted = notes.map(({ connectionId }) => connectionId).join(' and ') || 'nobody'
  it(`${describeExit(exit)}, ${noted} noted: it was ${expected ?? 'nobody'}`, () => {
    const investigation = new Investigation(WEDGED_AFTER_MS)
    assert.is(wordsOf(investigation.judge(exit, notes, 0)), expected)
  })
}

/** What was noted at crashes in a row and when, and who did the last. */
const ROWS: readonly [string, readonly [number, readonly ScriptNote[]][], string][] = [
  [
    'one of them the next time, too',
    [
      [0, [YOUNG, OTHER]],
      [9, [THIRD, YOUNG]],
    ],
    'young',
  ],
  [
    'one of them alone the next time',
    [
      [0, [YOUNG, OTHER]],
      [9, [OTHER]],
    ],
    'other',
  ],
  [
    'two of them the next time: it is still open',
    [
      [0, [YOUNG, OTHER, THIRD]],
      [9, [YOUNG, OTHER]],
    ],
    'other or young',
  ],
  [
    'the same again and again: the oldest',
    [
      [0, [YOUNG, OTHER]],
      [9, [YOUNG, OTHER]],
      [20, [YOUNG, OTHER]],
    ],
    'other',
  ],
  [
    'nobody of them the next time',
    [
      [0, [YOUNG, OTHER]],
      [9, [THIRD, FOURTH]],
    ],
    'fourth or third',
  ],
  [
    'another one alone',
    [
      [0, [YOUNG, OTHER]],
      [9, [THIRD]],
    ],
    'third',
  ],
  [
    'too long ago',
    [
      [0, [YOUNG, OTHER]],
      [60_001, [YOUNG, THIRD]],
    ],
    'third or young',
  ],
  [
    'the next counts from the last',
    [
      [0, [YOUNG, OTHER]],
      [9, [THIRD, FOURTH]],
      [20, [YOUNG, FOURTH]],
    ],
    'fourth',
  ],
  [
    'an accusation closes the case',
    [
      [0, [YOUNG, OTHER]],
      [9, [YOUNG]],
      [20, [OTHER, THIRD]],
    ],
    'third or other',
  ],
]

for (const [title, crashes, expected] of ROWS) {
  it(`several in a script, ${title}`, () => {
    const investigation = new Investigation(WEDGED_AFTER_MS)
    const verdicts = crashes.map(([at, notes]) => investigation.judge(crash('SIGSEGV'), notes, at))
    assert.is(verdicts[0]!.accused, undefined)
    assert.is(wordsOf(verdicts.at(-1)!), expected)
  })
}
