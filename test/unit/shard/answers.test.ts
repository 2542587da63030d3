/** What consumers send back: acknowledgements that they declared, and live responses. */
import * as assert from 'uvu/assert'
import type { Source } from '../../../src/connection/types.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, liveMessage, type Rig, withRig } from './rig.ts'

const it = suite('answers')

const expectedResponseTypes = ['response', 'error', 'nack'] as const
const REPLY = { replyTarget: { enabled: true, address: 'replies', expectedResponseTypes } }
const LABEL = 'consumer:done'

function sender(fields: Partial<Source> = {}) {
  return testConnection({ id: 'sender', sources: [testSource(['in'], { ...REPLY, ...fields })] })
}

/** Receives events and live signals, and answers on `back`; errors go to `errors`. */
function consumer(topics: readonly string[] = TOPICS, declaredAcks: readonly string[] = [LABEL]) {
  const replyTarget = {
    enabled: true,
    address: 'errors',
    expectedResponseTypes: ['error'] as const,
  }
  return testConnection({
    id: 'consumer',
    sources: [testSource(['back'], { declaredAcks, replyTarget })],
    targets: [testTarget('out', { topics })],
  })
}

const TOPICS = ['_/_/things/twin/events', '_/_/things/live/messages', '_/_/things/live/commands']

function acknowledgement(correlationId: string | undefined, status: number, fields: object = {}) {
  return {
    topic: `ns/t/things/twin/acks/${LABEL}`,
    headers: correlationId === undefined ? {} : { 'correlation-id': correlationId },
    path: '/',
    status,
    ...fields,
  }
}

function response(correlationId: string, status: number, fields: object = {}) {
  return {
    topic: 'ns/t/things/live/messages/ask',
    headers: { 'correlation-id': correlationId },
    path: '/inbox/messages/ask',
    value: 'pong',
    status,
    ...fields,
  }
}

const ASKS = { 'requested-acks': ['twin-persisted', LABEL], 'correlation-id': 'c-1' }

function errors(rig: Rig): unknown[] {
  return rig.payloads('errors').map(({ value }) => (value as { error: string }).error)
}

const STATUSES: readonly (readonly [number, string, number])[] = [
  [200, 'accept', 200],
  [400, 'reject', 424],
  [408, 'retry', 424],
  [424, 'retry', 424],
  [503, 'retry', 424],
]
for (const [status, outcome, together] of STATUSES) {
  it(`a consumer's acknowledgement of ${status} settles with ${outcome}`, () =>
    withRig(async (rig) => {
      await rig.open(sender())
      await rig.open(consumer())
      rig.send('in', [create('t', {}, ASKS)])
      await rig.publishes('out', 1)
      assert.equal(rig.settled, [], 'it waits')
      assert.equal(rig.payloads('out')[0]!.headers['requested-acks'], [LABEL])
      rig.send('back', [acknowledgement('c-1', status, { value: { ok: status < 400 } })])
      await rig.settlements(2)
      assert.equal(rig.settled.toSorted(), ['accept', outcome].toSorted())
      await rig.publishes('replies', 1)
      const [reply] = rig.payloads('replies')
      assert.is(reply!.topic, 'ns/t/things/twin/acks')
      assert.is(reply!.status, together)
      const { [LABEL]: told } = reply!.value as Record<string, Record<string, unknown>>
      assert.equal([told!.status, told!.payload], [status, { ok: status < 400 }])
      assert.equal((told!.headers as object as Record<string, unknown>)['correlation-id'], 'c-1')
    }))
}

it('acknowledgements may come together', () =>
  withRig(async (rig) => {
    await rig.open(sender())
    await rig.open(consumer(TOPICS, [LABEL, 'consumer:seen']))
    const headers = { 'requested-acks': [LABEL, 'consumer:seen'], 'correlation-id': 'c' }
    rig.send('in', [create('t', {}, headers)])
    await rig.publishes('out', 1)
    const value = { [LABEL]: { status: 200, payload: 1 }, 'consumer:seen': { status: 204 } }
    rig.send('back', [acknowledgement('c', 200, { topic: 'ns/t/things/twin/acks', value })])
    await rig.settlements(2)
    await rig.publishes('replies', 1)
    assert.is(rig.payloads('replies')[0]!.status, 200)
  }))

it('an acknowledgement is refused that is not declared, not allowed or not attributable', () =>
  withRig(async (rig) => {
    const consuming = await rig.open(consumer())
    rig.send('back', [
      acknowledgement('c', 200, { topic: 'ns/t/things/twin/acks/other:label' }),
      acknowledgement('c', 200, { topic: 'ns/t/things/twin/acks/twin-persisted' }),
      acknowledgement('c', 200, { topic: 'ns/t/things/live/acks/live-response' }),
      acknowledgement('c', 200, {
        topic: 'ns/t/things/twin/acks',
        value: { 'other:x': { status: 200 } },
      }),
      acknowledgement('c', 200, { topic: 'ns/t/things/twin/acks', value: { [LABEL]: {} } }),
    ])
    await rig.publishes('errors', 5)
    assert.equal(errors(rig), [
      'acknowledgement:label.not.declared',
      'acknowledgement:ditto.acklabel.forbidden',
      'acknowledgement:ditto.acklabel.forbidden',
      'acknowledgement:label.not.declared',
      'json.field.missing',
    ])
    assert.is(consuming.counts('back')['other.failure'], 5)
    assert.equal(rig.settled, Array(5).fill('accept'))
  }))

it('an answer that nobody waits for is told in the log', () =>
  withRig(async (rig) => {
    const consuming = await rig.open(consumer(), { logs: true })
    rig.send('back', [acknowledgement('unknown', 200), response('unknown', 200)])
    await rig.until(() => consuming.counts('back')['other.failure'] === 2, 'both to be told')
    assert.match(consuming.texts('source', 'other').join(), 'Nobody waits for')
  }))

it('the second answer of a label changes nothing', () =>
  withRig(async (rig) => {
    await rig.open(sender())
    await rig.open(consumer())
    rig.send('in', [create('t', {}, ASKS)])
    await rig.publishes('out', 1)
    rig.send('back', [acknowledgement('c-1', 200), acknowledgement('c-1', 503)])
    await rig.settlements(3)
    assert.equal(rig.settled, ['accept', 'accept', 'accept'])
    await rig.publishes('replies', 1)
    assert.is(rig.published('replies').length, 1)
  }))

it('signals of an entity with the same correlation id are answered in their order', () =>
  withRig(async (rig) => {
    await rig.open(sender())
    await rig.open(consumer())
    rig.send('in', [create('t', {}, ASKS), create('t', { n: 2 }, ASKS)])
    await rig.publishes('out', 2)
    rig.send('back', [acknowledgement('c-1', 400)])
    await rig.settlements(2)
    assert.equal(rig.settled.toSorted(), ['accept', 'reject'])
    rig.send('back', [acknowledgement('c-1', 200)])
    await rig.settlements(4)
    assert.equal(rig.settled.toSorted(), ['accept', 'accept', 'accept', 'reject'])
  }))

const WEAK: readonly (readonly [string, readonly string[]])[] = [
  ['no topic is about it', ['_/_/things/live/messages']],
  ['the filter excludes it', ['_/_/things/twin/events?filter=eq(attributes/n,1)']],
  ['the namespace excludes it', ['_/_/things/twin/events?namespaces=other']],
]
for (const [title, topics] of WEAK) {
  it(`is acknowledged weakly for a consumer when ${title}`, () =>
    withRig(async (rig) => {
      await rig.open(sender())
      await rig.open(consumer(topics))
      rig.send('in', [create('t', { n: 2 }, ASKS)])
      await rig.settlements(1)
      assert.equal(rig.settled, ['accept'])
      await rig.publishes('replies', 1)
      const { [LABEL]: told } = rig.payloads('replies')[0]!.value as Record<string, object>
      const { status, payload, headers } = told as Record<string, unknown>
      assert.is(status, 200)
      assert.match(String(payload), 'automatically as weak ack')
      assert.is((headers as Record<string, unknown>)['ditto-weak-ack'], true)
    }))
}

it('is not acknowledged weakly when any target publishes it', () =>
  withRig(async (rig) => {
    await rig.open(sender({ acknowledgementRequests: { includes: [LABEL] } }))
    const { targets, ...rest } = consumer()
    const both = [testTarget('none', { topics: ['_/_/things/live/events'] }), ...targets]
    await rig.open({ ...rest, targets: both })
    rig.send('in', [create('t', {}, { timeout: '50ms' })])
    await rig.settlements(1)
    assert.equal(rig.settled, ['retry'], 'nobody acknowledged it in time')
  }))

it('a live response goes back to whoever sent the message, and settles it', () =>
  withRig(async (rig) => {
    const headerMapping = { 'reply-to': '{{ header:reply-to }}' }
    await rig.open(
      sender({ headerMapping, replyTarget: { enabled: true, address: '{{ header:reply-to }}' } }),
    )
    await rig.open(consumer())
    const asking = liveMessage('t', 'ping', { 'response-required': true, 'correlation-id': 'q' })
    rig.send('in', [asking], { 'reply-to': 'mine' })
    await rig.publishes('out', 1)
    assert.equal(rig.settled, [])
    rig.send('back', [response('q', 200)])
    await rig.publishes('mine', 1)
    const [reply] = rig.payloads('mine')
    assert.equal(
      [reply!.topic, reply!.status, reply!.value],
      ['ns/t/things/live/messages/ask', 200, 'pong'],
    )
    await rig.settlements(2)
    assert.equal(rig.settled, ['accept', 'accept'])
  }))

it('a live response that is about something else is told, and does not count', () =>
  withRig(async (rig) => {
    const sending = await rig.open(sender())
    await rig.open(consumer())
    const asking = { 'response-required': true, 'correlation-id': 'q' }
    rig.send('in', [liveMessage('t', 'ping', asking)])
    await rig.publishes('out', 1)
    rig.send('back', [
      response('q', 200, {
        topic: 'ns/t/things/live/messages/other',
        path: '/inbox/messages/other',
      }),
    ])
    await rig.until(() => sending.counts('in')['other.failure'] === 1, 'the mismatch')
    rig.send('back', [response('q', 404)])
    await rig.settlements(3)
    assert.equal(rig.settled.toSorted(), ['accept', 'accept', 'reject'])
    await rig.publishes('replies', 1)
    assert.is(rig.payloads('replies')[0]!.status, 404)
  }))

it('an error is a live response, too', () =>
  withRig(async (rig) => {
    await rig.open(sender())
    await rig.open(consumer())
    const headers = { 'correlation-id': 'q', 'response-required': true }
    const topic = 'ns/t/things/live/commands/modify'
    rig.send('in', [{ topic, headers, path: '/attributes/n', value: 1 }])
    await rig.publishes('out', 1)
    const value = { status: 403, error: 'things:thing.notmodifiable', message: 'no' }
    const error = { topic: 'ns/t/things/live/errors', headers, path: '/', value, status: 403 }
    rig.send('back', [error])
    await rig.settlements(2)
    assert.equal(rig.settled.toSorted(), ['accept', 'reject'])
    await rig.publishes('replies', 1)
    assert.equal(rig.payloads('replies')[0]!.value, value)
  }))

it('without a live response in time the sender gets a timeout, and the broker the message', () =>
  withRig(async (rig) => {
    await rig.open(sender())
    await rig.open(consumer())
    const headers = { 'response-required': true, timeout: '50ms', 'correlation-id': 'q' }
    rig.send('in', [liveMessage('t', 'ping', headers)])
    await rig.publishes('replies', 1)
    const [reply] = rig.payloads('replies')
    assert.is(reply!.topic, 'ns/t/things/live/errors')
    assert.is((reply!.value as { error: string }).error, 'command.timeout')
    assert.equal(rig.settled, ['retry'])
  }))

it('a response that is wanted without acknowledgements is not waited for', () =>
  withRig(async (rig) => {
    await rig.open(sender())
    await rig.open(consumer())
    const headers = { 'response-required': true, 'requested-acks': [], 'correlation-id': 'q' }
    rig.send('in', [liveMessage('t', 'ping', headers)])
    await rig.publishes('out', 1)
    await rig.settlements(1)
    assert.equal(rig.settled, ['accept'])
    rig.send('back', [response('q', 200)])
    await rig.publishes('replies', 1)
    assert.is(rig.payloads('replies')[0]!.value, 'pong')
  }))

/** Headers, how the message is settled when the consumer acknowledges, and what is published. */
const INTERACTIONS: readonly (readonly [Record<string, unknown>, string, readonly string[]])[] = [
  [{ 'response-required': false, 'requested-acks': [], timeout: '0' }, 'accept', []],
  [{ 'response-required': false, 'requested-acks': [] }, 'accept', []],
  [{ 'response-required': false, 'requested-acks': [LABEL], timeout: '0' }, 'reject', ['errors']],
  [{ 'response-required': false, 'requested-acks': [LABEL] }, 'accept', []],
  [{ 'response-required': true, 'requested-acks': [], timeout: '0' }, 'accept', ['errors']],
  [{ 'response-required': true, 'requested-acks': [] }, 'accept', ['commands']],
  [{ 'response-required': true, 'requested-acks': [LABEL], timeout: '0' }, 'reject', ['errors']],
  [{ 'response-required': true, 'requested-acks': [LABEL] }, 'accept', ['acks']],
]
for (const [headers, outcome, published] of INTERACTIONS) {
  it(`headers interact as Ditto has it: ${JSON.stringify(headers)}`, () =>
    withRig(async (rig) => {
      const sending = await rig.open(sender())
      await rig.open(consumer())
      rig.send('in', [create('t', {}, { ...headers, 'correlation-id': 'c' })])
      if (headers.timeout === undefined) {
        await rig.publishes('out', 1)
        rig.send('back', [acknowledgement('c', 200)])
        await rig.settlements(2)
      } else await rig.settlements(1)
      await rig.close(sending)
      assert.is(rig.settled.includes('reject') ? 'reject' : 'accept', outcome)
      const criteria = rig.payloads('replies').map(({ topic }) => topic.split('/')[4])
      assert.equal(criteria, published)
    }))
}
