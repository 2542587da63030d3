import * as assert from 'uvu/assert'
import {
  brokerWords,
  channelStatus,
  lostError,
  noQueueError,
  openError,
} from '../../../../src/transport/amqp091/errors.ts'
import { toSettings } from '../../../../src/transport/amqp091/settings.ts'
import { testConnection } from '../../../support/connection.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/errors')

const plain = toSettings(testConnection({ uri: 'amqp://u:secret@h:5672/production' }), 0, false)
const secure = toSettings(testConnection({ uri: 'amqps://u:secret@h:5671' }), 0, false)

const NOT_FOUND = said(404, 'NOT-FOUND', "NOT_FOUND - no queue 'q' in vhost '/'")
const REFUSED = said(403, 'ACCESS-REFUSED', 'ACCESS_REFUSED - queue')
const INTERNAL = said(541, 'INTERNAL-ERROR', 'INTERNAL_ERROR')

it("the broker's words are freed of what is put around them", () => {
  assert.is(brokerWords(NOT_FOUND), "NOT_FOUND - no queue 'q' in vhost '/'")
  assert.is(brokerWords(new Error('read ECONNRESET')), 'read ECONNRESET')
  const several = said(406, 'PRECONDITION-FAILED', 'line one\nsays "two"')
  assert.is(brokerWords(several), 'line one\nsays "two"')
})

it("what a channel ended for is the user's to mend, or not", () => {
  assert.is(channelStatus(NOT_FOUND), 'misconfigured')
  assert.is(channelStatus(REFUSED), 'misconfigured')
  assert.is(channelStatus(INTERNAL), 'failed')
  assert.is(channelStatus(new Error('Channel ended, no reply will be forthcoming')), 'failed')
})

it('classifies why a session could not be opened', () => {
  const cases: readonly [unknown, typeof plain, string, string, string][] = [
    [withCode('ECONNREFUSED', 'connect'), plain, 'unreachable', 'failed', 'h:5672'],
    [withCode('ENOTFOUND', 'getaddrinfo'), plain, 'unreachable', 'misconfigured', 'h:5672'],
    [new AggregateError([new Error('one')]), plain, 'unreachable', 'failed', 'one'],
    [withCode('ECONNRESET', 'read'), plain, 'protocol', 'failed', 'ECONNRESET'],
    [withCode('ERR_SSL_WRONG_VERSION_NUMBER'), secure, 'tls', 'misconfigured', 'h:5671'],
    [
      new Error('Client network socket disconnected before secure TLS connection was established'),
      secure,
      'tls',
      'failed',
      'h:5671',
    ],
    [REFUSED, plain, 'authentication', 'misconfigured', 'ACCESS_REFUSED - queue'],
    [
      new Error('SASL mechanism EXTERNAL is not provided by the server'),
      secure,
      'authentication',
      'misconfigured',
      'EXTERNAL is not provided',
    ],
    [
      new Error('Expected ConnectionOpenOk; got <ConnectionClose channel:0>'),
      plain,
      'misconfigured',
      'misconfigured',
      "virtual host 'production'",
    ],
    [INTERNAL, plain, 'protocol', 'failed', 'INTERNAL_ERROR'],
  ]
  for (const [thrown, settings, failure, status, text] of cases) {
    const error = openError(thrown, settings)
    assert.equal([error.failure, error.status], [failure, status], String(thrown))
    assert.match(error.message, text)
    assert.not.match(error.message, 'secret')
  }
})

it('without any queue the reasons are told, each once', () => {
  const missing = noQueueError(['a', 'b', 'a'], [NOT_FOUND, NOT_FOUND, NOT_FOUND])
  assert.equal([missing.failure, missing.status], ['misconfigured', 'misconfigured'])
  assert.is(
    missing.message,
    'Can not connect to RabbitMQ as queues are missing: a, b. ' +
      "NOT_FOUND - no queue 'q' in vhost '/'",
  )
  const refused = noQueueError(['a'], [REFUSED])
  assert.equal([refused.failure, refused.status], ['authorization', 'misconfigured'])
  const mixed = noQueueError(['a', 'b'], [INTERNAL, NOT_FOUND])
  assert.equal([mixed.failure, mixed.status], ['misconfigured', 'misconfigured'])
  const other = noQueueError(['a'], [INTERNAL])
  assert.equal([other.failure, other.status], ['protocol', 'failed'])
})

it('a lost session keeps its own error, or gets one', () => {
  const error = lostError(new Error('Heartbeat timeout'))
  assert.equal([error.failure, error.status], ['lost', 'failed'])
  assert.is(lostError(error), error)
  assert.match(lostError(undefined).message, 'closed the connection')
})

function said(code: number, name: string, words: string): Error {
  return new Error(`Operation failed: QueueDeclare; ${code} (${name}) with message "${words}"`)
}

function withCode(code: string, syscall?: string): Error {
  return Object.assign(new Error(code), { code, syscall })
}
