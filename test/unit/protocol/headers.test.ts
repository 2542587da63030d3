import * as assert from 'uvu/assert'
import type { JsonValue } from '../../../src/json/types.ts'
import {
  booleanHeader,
  durationMsHeader,
  headersFromOutside,
  headersToOutside,
  listHeader,
  readableFromOutside,
  toExternalHeaders,
  typedHeader,
  writableToOutside,
} from '../../../src/protocol/headers.ts'
import { errorOf } from '../../support/ditto-error.ts'
import { suite } from '../../support/suite.ts'

const it = suite('protocol/headers')

it('knows what may come in and what may go out', () => {
  const cases: readonly (readonly [string, boolean, boolean])[] = [
    ['correlation-id', true, true],
    ['requested-acks', true, true],
    ['condition', true, false],
    ['declared-acks', true, false],
    ['etag', false, true],
    ['ditto-originator', false, true],
    ['ditto-weak-ack', false, true],
    ['ditto-origin', false, false],
    ['ditto-sudo', false, false],
    ['ditto-auth-context', false, false],
    ['my-own', true, true],
    ['constructor', true, true],
  ]
  for (const [name, readable, writable] of cases) {
    assert.is(readableFromOutside(name), readable, name)
    assert.is(writableToOutside(name), writable, name)
  }
})

it('takes values of known headers in their type and as text', () => {
  const cases: readonly (readonly [string, JsonValue, JsonValue])[] = [
    ['response-required', true, true],
    ['response-required', 'false', false],
    ['correlation-id', 7, '7'],
    ['content-type', 'text/plain', 'text/plain'],
    ['requested-acks', ['a'], ['a']],
    ['requested-acks', '["a","b"]', ['a', 'b']],
    ['requested-acks', [], []],
    ['timeout', 10, '10'],
    ['timeout', '500ms', '500ms'],
    ['channel', ' LIVE ', 'live'],
    ['if-equal', 'skip', 'skip'],
    ['at-historical-revision', '12', 12],
    ['at-historical-revision', 12, 12],
    ['merge-thing-patch-conditions', '{"a":"b"}', { a: 'b' }],
    ['my-own', { any: ['thing'] }, { any: ['thing'] }],
    ['my-own', 7, 7],
  ]
  for (const [name, given, expected] of cases) {
    assert.equal(typedHeader(name, given), expected, `${name}: ${JSON.stringify(given)}`)
    assert.equal(headersFromOutside({ [name]: given }), { [name]: expected })
  }
})

it('refuses values of known headers that are of no use', () => {
  const cases: readonly (readonly [string, JsonValue, string])[] = [
    [
      'response-required',
      'yes',
      "The value 'yes' of the header 'response-required' is not a valid boolean.",
    ],
    [
      'response-required',
      'True',
      "The value 'True' of the header 'response-required' is not a valid boolean.",
    ],
    ['timeout', '-1', "The value '-1' of the header 'timeout' is not a valid duration."],
    ['timeout', true, "The value 'true' of the header 'timeout' is not a valid duration."],
    [
      'requested-acks',
      'a,b',
      "The value 'a,b' of the header 'requested-acks' is not a valid JSON array.",
    ],
    [
      'requested-acks',
      [1],
      "The value '[1]' of the header 'requested-acks' is not a valid JSON array.",
    ],
    [
      'at-historical-revision',
      '1.5',
      "The value '1.5' of the header 'at-historical-revision' is not a valid long.",
    ],
    [
      'merge-thing-patch-conditions',
      '[]',
      "The value '[]' of the header 'merge-thing-patch-conditions' is not a valid JSON object.",
    ],
    ['channel', 'radio', "The value 'radio' of the header 'channel' is not a valid twin|live."],
    ['correlation-id', '', "The value of the header 'correlation-id' must not be empty."],
  ]
  for (const [name, given, message] of cases) {
    const error = errorOf(() => headersFromOutside({ [name]: given }))
    assert.equal([error.status, error.error, error.message], [400, 'header.invalid', message])
  }
})

it('takes names in any case, and neither nulls nor headers that are not for the outside', () => {
  const given = {
    'Correlation-ID': 'c',
    'My-Own': 'x',
    'Ditto-Origin': 'forged',
    'ditto-sudo': true,
    etag: 'forged',
    'reply-to': null,
  }
  assert.equal(headersFromOutside(given), { 'correlation-id': 'c', 'my-own': 'x' })
})

it('copies no headers that are as they should be', () => {
  const inbound = { 'correlation-id': 'c', 'response-required': false, 'my-own': 1 }
  assert.is(headersFromOutside(inbound), inbound)
  assert.is(headersToOutside(inbound), inbound)
})

it('shows the outside what is for the outside', () => {
  const headers = {
    'correlation-id': 'c',
    condition: 'eq(a,1)',
    'ditto-origin': 'conn',
    'requested-acks': ['a'],
    'response-required': false,
    'entity-revision': 3,
    'my-own': { a: 1 },
  }
  const { condition, 'ditto-origin': origin, ...visible } = headers
  assert.equal(headersToOutside(headers), visible)
  assert.equal(toExternalHeaders(headers), {
    'correlation-id': 'c',
    'requested-acks': '["a"]',
    'response-required': 'false',
    'entity-revision': '3',
    'my-own': '{"a":1}',
  })
})

it('reads booleans, lists and durations whatever form they have', () => {
  const headers = {
    yes: true,
    no: 'false',
    odd: 'maybe',
    list: ['a', 'b'],
    text: '["a","b"]',
    commas: 'a, b,',
    empty: [],
    blank: '',
    'not-json': '[a',
    seconds: 10,
    ms: '250ms',
    never: 'soon',
  }
  assert.equal(
    ['yes', 'no', 'odd', 'absent'].map((name) => booleanHeader(headers, name, true)),
    [true, false, true, true],
  )
  assert.equal(listHeader(headers, 'list'), ['a', 'b'])
  assert.equal(listHeader(headers, 'text'), ['a', 'b'])
  assert.equal(listHeader(headers, 'commas'), ['a', 'b'])
  assert.equal(listHeader(headers, 'empty'), [])
  assert.equal(listHeader(headers, 'blank'), [])
  assert.equal(listHeader(headers, 'not-json'), ['[a'])
  assert.is(listHeader(headers, 'absent'), undefined)
  assert.equal(
    ['seconds', 'ms', 'never', 'absent'].map((name) => durationMsHeader(headers, name)),
    [10_000, 250, undefined, undefined],
  )
})
