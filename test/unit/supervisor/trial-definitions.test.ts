/** Which mappers a trial is about, and how many there may be. */
import * as assert from 'uvu/assert'
import { readTrial } from '../../../src/mapping/trial-schema.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { trialDefinitions } from '../../../src/supervisor/trial-definitions.ts'
import { suite } from '../../support/suite.ts'

const it = suite('trial definitions')

const LIMITS = { maxScriptBytes: 50_000, maxExecutionMs: 100, memoryMb: 16 }

function definitionsOf(ids: readonly string[], messages: number) {
  const ditto = { mappingEngine: 'Ditto', options: {} }
  const trial = readTrial({
    mappingDefinitions: Object.fromEntries(ids.map((id) => [id, ditto])),
    messages: Array.from({ length: messages }, () => ({})),
  })
  return trialDefinitions(trial, undefined, LIMITS)
}

it('what would be told without bound is refused with what to do', () => {
  const ids = Array.from({ length: 20 }, (_, at) => `d${at}`)
  assert.is(definitionsOf(ids, 50).length, 20)
  assert.is(definitionsOf(['x'.repeat(1_000)], 1).length, 1)
  for (const [refused, text, advice] of [
    [() => definitionsOf(ids, 51), '<20> mappers would get <51> messages', 'Try fewer messages'],
    [() => definitionsOf(['x'.repeat(1_001)], 1), 'has <1001> characters', 'shorter name'],
  ] as const) {
    assert.throws(
      refused,
      (thrown: unknown) =>
        thrown instanceof DittoException &&
        thrown.error.status === 400 &&
        thrown.error.message.includes(text) &&
        thrown.error.description!.includes(advice),
    )
  }
})
