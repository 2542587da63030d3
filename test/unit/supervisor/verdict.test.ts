import * as assert from 'uvu/assert'
import {
  describeExit,
  type EngineExit,
  Investigation,
  type ScriptNote,
} from '../../../src/supervisor/verdict.ts'
import { suite } from '../../support/suite.ts'

const it = suite('verdict')

const WEDGED_AFTER_MS = 2_500

function note(connectionId: string, since: number, ageMs: number, slow = false): ScriptNote {
  return { thread: 0, shard: 1, connectionId, definition: 'js', slow, since, ageMs }
}

const YOUNG = note('young', 2_000, 10)
const SAME = note('young', 2_500, 5)
const OTHER = note('other', 1_500, 20, true)
const THIRD = note('third', 1_400, 30, true)
const PROMPT = note('prompt', 2_600, 1)
const FOURTH = note('fourth', 1_300, 40)
const OLD = note('old', 1_000, WEDGED_AFTER_MS + 1)

const crash = (signal: NodeJS.Signals): EngineExit => ({ code: null, signal })
const code = (value: number): EngineExit => ({ code: value, signal: null })
const killed = (killedFor: 'wedged' | 'silent'): EngineExit => ({
  code: null,
  signal: 'SIGKILL',
  killedFor,
})

/** How the engine ended, what was noted, who is accused. */
const CASES: readonly [EngineExit, readonly ScriptNote[], string | undefined][] = [
  [crash('SIGSEGV'), [], undefined],
  [crash('SIGSEGV'), [YOUNG], 'young'],
  [crash('SIGABRT'), [YOUNG, OLD], 'old'],
  [crash('SIGTRAP'), [OLD, YOUNG], 'old'],
  [crash('SIGTRAP'), [YOUNG, OTHER], undefined],
  [crash('SIGABRT'), [YOUNG, SAME], 'young'],
  [crash('SIGSEGV'), [PROMPT, YOUNG], 'young'],
  [crash('SIGSEGV'), [PROMPT, OTHER], undefined],
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

for (const [exit, notes, accused] of CASES) {
  const noted = notes.map(({ connectionId }) => connectionId).join(' and ') || 'nobody'
  it(`${describeExit(exit)}, ${noted} noted: accuses ${accused ?? 'nobody'}`, () => {
    const investigation = new Investigation(WEDGED_AFTER_MS)
    assert.is(investigation.suspect(exit, notes, 0)?.connectionId, accused)
  })
}

/** What was noted at crashes in a row and when, and who is accused of the last. */
const ROWS: readonly [string, readonly [number, readonly ScriptNote[]][], string | undefined][] = [
  [
    'there both times',
    [
      [0, [YOUNG, OTHER]],
      [9, [THIRD, YOUNG]],
    ],
    'young',
  ],
  [
    'there alone the second time',
    [
      [0, [YOUNG, OTHER]],
      [9, [OTHER]],
    ],
    'other',
  ],
  [
    'two there both times: the oldest',
    [
      [0, [YOUNG, OTHER]],
      [9, [YOUNG, OTHER]],
    ],
    'other',
  ],
  [
    'nobody there both times',
    [
      [0, [YOUNG, OTHER]],
      [9, [THIRD, FOURTH]],
    ],
    undefined,
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
    undefined,
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
    undefined,
  ],
]

for (const [title, crashes, accused] of ROWS) {
  it(`several in a script, ${title}`, () => {
    const investigation = new Investigation(WEDGED_AFTER_MS)
    const suspects = crashes.map(([at, notes]) =>
      investigation.suspect(crash('SIGSEGV'), notes, at),
    )
    assert.is(suspects.at(-1)?.connectionId, accused)
    assert.is(suspects[0], undefined)
  })
}
