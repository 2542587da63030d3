import * as assert from 'uvu/assert'
import type { LogCategory, LogType } from '../../../src/monitoring/log-entry.ts'
import { failureText, showsMessage, successText } from '../../../src/monitoring/log-texts.ts'
import { suite } from '../../support/suite.ts'

const it = suite('log texts')

/** Category, type, text of a success, of a failure, of an exception; whether the message is shown. */
type Row = readonly [LogCategory, LogType, string, string, string, boolean]

const NULL = 'Payload mapping returned null, message is dropped.'
const UNSUCCESSFUL =
  'Response was not successful. This may be the case for when a thing could not be found or the ' +
  'authorization subject of the consuming source was not allowed to write a thing.'
const usual = (what: string): readonly [string, string] => [
  `Ran into a failure ${what}: E. D.`,
  `Unexpected failure ${what}: E. D.`,
]
const plain = (type: LogType): readonly [string, string] => [
  `Failure while message was ${type}: E. D.`,
  `Unexpected failure while message was ${type}: E. D.`,
]

const ROWS: readonly Row[] = [
  [
    'source',
    'consumed',
    'Received signal.',
    'Ran into a failure when parsing an input command: E. D.',
    'Ran into an unexpected failure when parsing an input command: E. D.',
    true,
  ],
  ['source', 'mapped', 'Mapped incoming signal.', ...usual('when mapping incoming signal'), true],
  ['source', 'dropped', NULL, ...plain('dropped'), false],
  [
    'source',
    'enforced',
    'Successfully applied enforcement on incoming signal.',
    ...usual('when enforcing incoming signal'),
    true,
  ],
  [
    'source',
    'acknowledged',
    'Successfully acknowledged incoming signal.',
    ...usual('when acknowledging incoming signal'),
    true,
  ],
  ['source', 'throttled', 'Message was throttled', ...plain('throttled'), false],
  ['source', 'other', 'Message was other', ...plain('other'), false],
  ['target', 'dispatched', 'Successfully dispatched signal.', ...plain('dispatched'), true],
  [
    'target',
    'filtered',
    'Signal successfully passed possible filters.',
    ...plain('filtered'),
    false,
  ],
  [
    'target',
    'mapped',
    'Successfully mapped outgoing signal.',
    ...usual('when mapping outgoing signal'),
    false,
  ],
  ['target', 'dropped', NULL, ...plain('dropped'), true],
  [
    'target',
    'published',
    'Successfully published signal.',
    ...usual('when publishing signal'),
    true,
  ],
  [
    'target',
    'acknowledged',
    'Received successful acknowledgement for published signal.',
    ...usual('for expected acknowledgement of published signal'),
    true,
  ],
  ['response', 'dispatched', 'Received response.', UNSUCCESSFUL, UNSUCCESSFUL, true],
  [
    'response',
    'filtered',
    'Dropped response since requester did not require response via Header response-required',
    ...plain('filtered'),
    false,
  ],
  [
    'response',
    'mapped',
    'Successfully mapped outbound response.',
    ...usual('when mapping outgoing signal'),
    false,
  ],
  [
    'response',
    'dropped',
    NULL,
    'Response dropped, missing replyTo address.',
    plain('dropped')[1],
    true,
  ],
  [
    'response',
    'published',
    'Successfully published response.',
    ...usual('when publishing response'),
    true,
  ],
  [
    'response',
    'acknowledged',
    'Received successful acknowledgement for published response.',
    ...usual('for expected acknowledgement of published response'),
    true,
  ],
  ['connection', 'other', 'Message was other', ...plain('other'), false],
]

it('words every kind of entry as Ditto does', () => {
  const known = { error: 'x:y', message: 'E.', description: 'D.' }
  const unexpected = { ...known, error: 'connectivity:internalerror' }
  for (const [category, type, success, failure, exception, shown] of ROWS) {
    const what = `${category}.${type}`
    assert.is(successText(category, type), success, what)
    assert.is(failureText(category, type, known), failure, what)
    assert.is(failureText(category, type, unexpected), exception, what)
    assert.is(showsMessage(category, type), shown, what)
  }
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
