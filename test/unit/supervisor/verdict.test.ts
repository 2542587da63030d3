import * as assert from 'uvu/assert'
import {
  describeExit,
  type EngineExit,
  type ScriptNote,
  suspectOf,
} from '../../../src/supervisor/verdict.ts'
import { suite } from '../../support/suite.ts'

const it = suite('verdict')

const WEDGED_AFTER_MS = 2_500

function note(connectionId: string, since: number, ageMs: number): ScriptNote {
  return { thread: 0, shard: 1, connectionId, definition: 'js', since, ageMs }
}

const YOUNG = note('young', 2_000, 10)
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
    assert.is(suspectOf(exit, notes, WEDGED_AFTER_MS)?.connectionId, accused)
  })
}
