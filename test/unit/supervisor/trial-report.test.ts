/** What is told of a trial, finished or broken off. */
import * as assert from 'uvu/assert'
import type { TrialProgress } from '../../../src/engine/trial-orders.ts'
import { readTrial } from '../../../src/mapping/trial-schema.ts'
import { TrialReport } from '../../../src/supervisor/trial-report.ts'
import { suite } from '../../support/suite.ts'

const it = suite('trial report')

function report(messages: number): TrialReport {
  const texts = Array.from({ length: messages }, () => ({ textPayload: 'x' }))
  return new TrialReport(readTrial({ messages: texts }), ['one', 'two'])
}

function dropped(mapper: string): TrialProgress {
  return { kind: 'mapped', mapping: { mapper, outcome: 'dropped', durationMs: 1, console: [] } }
}

function outcomes(trial: TrialReport): unknown {
  return trial
    .result()
    .results.map(({ mappings }) =>
      mappings.map(({ mapper, outcome, error }) => [mapper, outcome, error?.description]),
    )
}

it('has an entry for each message, and in it one for each mapper', () => {
  const trial = report(2)
  assert.not(trial.isCompiled)
  trial.take({ kind: 'compiled' })
  assert.ok(trial.isCompiled)
  for (const mapper of ['one', 'two', 'one', 'two']) trial.take(dropped(mapper))
  const both = [
    ['one', 'dropped', undefined],
    ['two', 'dropped', undefined],
  ]
  assert.equal(outcomes(trial), [both, both])
})

it('names the message that ended the process; those before it keep their results', () => {
  const trial = report(3)
  trial.take({ kind: 'compiled' })
  for (const mapper of ['one', 'two', 'one']) trial.take(dropped(mapper))
  trial.breakOff('ended its process')
  const notTried =
    'The message was not tried: mapping definition <two> ended its process with the message at ' +
    '</messages/1>. Try again without that message.'
  assert.equal(outcomes(trial), [
    [
      ['one', 'dropped', undefined],
      ['two', 'dropped', undefined],
    ],
    [
      ['one', 'dropped', undefined],
      [
        'two',
        'failed',
        'Check what it does with the message at </messages/1>: it must come to an end and must not ' +
          'exhaust the memory.',
      ],
    ],
    [
      ['one', 'failed', notTried],
      ['two', 'failed', notTried],
    ],
  ])
  const { error } = trial.result().results[1]!.mappings[1]!
  assert.match(error!.message, 'mapping definition <two> ended its process')
})
