import * as assert from 'uvu/assert'
import type { LogCategory, LogType } from '../../../src/monitoring/log-entry.ts'
import { failureText, successText } from '../../../src/monitoring/log-texts.ts'
import { suite } from '../../support/suite.ts'

const it = suite('log texts')

const SUCCESS: readonly (readonly [LogCategory, LogType, string])[] = [
  ['source', 'consumed', 'Received signal.'],
  ['source', 'dropped', 'Payload mapping returned null, message is dropped.'],
  ['target', 'published', 'Successfully published signal.'],
  ['response', 'published', 'Successfully published response.'],
  ['source', 'throttled', 'Message was throttled'],
  ['connection', 'other', 'Message was other'],
]

it('has a text for each success', () => {
  for (const [category, type, text] of SUCCESS) assert.is(successText(category, type), text)
})

it('puts message and description of the error into the text of a failure', () => {
  assert.is(
    failureText('source', 'mapped', { message: 'It costs $& more.', description: 'Pay.' }),
    'Ran into a failure when mapping incoming signal: It costs $& more. Pay.',
  )
  assert.is(
    failureText('target', 'dropped', { message: 'Full.' }),
    'Failure while message was dropped: Full.',
  )
})

it('says when no error is known', () => {
  assert.is(
    failureText('target', 'published'),
    'Ran into a failure when publishing signal: not specified',
  )
})

it('has failures without a reason', () => {
  assert.is(
    failureText('response', 'dropped', { message: 'x' }),
    'Response dropped, missing replyTo address.',
  )
})
