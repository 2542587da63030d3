import * as assert from 'uvu/assert'
import type { AcknowledgementRequests } from '../../../src/connection/types.ts'
import type { Adaptable, DittoHeaders } from '../../../src/protocol/adaptable.ts'
import { type DittoError, DittoException } from '../../../src/protocol/errors.ts'
import type { SignalKind } from '../../../src/protocol/signal.ts'
import { parseTopicPath } from '../../../src/protocol/topic-path.ts'
import {
  compileAckRequests,
  labelsOfOthers,
  timeoutError,
} from '../../../src/shard/ack-requests.ts'
import { suite } from '../../support/suite.ts'

const it = suite('ack requests')

function adaptable(topic: string, headers: DittoHeaders = {}): Adaptable {
  return { topic: parseTopicPath(topic), headers, path: '/' }
}

const MODIFY = 'ns/t/things/twin/commands/modify'
const RETRIEVE = 'ns/t/things/twin/commands/retrieve'
const MESSAGE = 'ns/t/things/live/messages/ask'
const LIVE_EVENT = 'ns/t/things/live/events/modified'
const POLICY = 'ns/p/policies/commands/modify'

/** What becomes of a signal's `requested-acks`. */
function requested(
  requests: AcknowledgementRequests | undefined,
  headers: DittoHeaders,
  external: Record<string, string> = {},
  [kind, topic]: readonly [SignalKind, string] = ['twin-command', MODIFY],
): unknown {
  const own = { ...headers }
  const context = { connectionId: 'c', headers: external, now: Date.now }
  compileAckRequests(requests, 'c').apply(own, adaptable(topic, own), kind, context)
  return own['requested-acks']
}

it('the id of the connection may be a placeholder in a label', () => {
  const includes = ['{{ connection:id }}:audit', 'twin-persisted']
  assert.equal(requested({ includes }, {}), ['c:audit', 'twin-persisted'])
})

const AUDIT = { includes: ['c:audit'] }
/** As connections of MQTT are usually configured. */
const NOT_QOS_0 = "fn:filter(header:mqtt.qos,'ne','0')"
const QOS_0 = { 'mqtt.qos': '0' }
const QOS_1 = { 'mqtt.qos': '1' }

it('requests what the source includes, in addition to what the signal requests', () => {
  const cases: readonly (readonly [DittoHeaders, readonly string[]])[] = [
    [{}, ['c:audit']],
    [{ 'requested-acks': ['twin-persisted'] }, ['twin-persisted', 'c:audit']],
    [{ 'requested-acks': ['c:audit'] }, ['c:audit']],
    // Who explicitly wants none gets none.
    [{ 'requested-acks': [] }, []],
  ]
  for (const [headers, expected] of cases) assert.equal(requested(AUDIT, headers), expected)
})

it('lets the twin acknowledge by default, when a response is required', () => {
  assert.equal(requested(undefined, {}), ['twin-persisted'])
  assert.equal(requested({ includes: [] }, { 'response-required': true }), ['twin-persisted'])
  assert.equal(requested(undefined, { 'response-required': false }), [])
})

it('leaves signals alone that cannot be acknowledged', () => {
  const cases: readonly (readonly [SignalKind, string, unknown])[] = [
    ['twin-command', RETRIEVE, undefined],
    ['twin-command', POLICY, undefined],
    ['live-event', LIVE_EVENT, undefined],
    ['message', MESSAGE, ['live-response', 'c:audit']],
    ['live-command', 'ns/t/things/live/commands/modify', ['live-response', 'c:audit']],
  ]
  for (const [kind, topic, expected] of cases) {
    assert.equal(requested(AUDIT, {}, {}, [kind, topic]), expected, `${kind} ${topic}`)
  }
})

it('takes a live response for an acknowledgement, when a response is required', () => {
  const cases: readonly (readonly [DittoHeaders, readonly string[]])[] = [
    [{}, ['live-response']],
    [{ 'response-required': false }, []],
    [{ timeout: '0' }, []],
    [{ 'requested-acks': [] }, []],
    [{ 'requested-acks': ['c:x'] }, ['live-response', 'c:x']],
    [{ 'requested-acks': ['c:x', 'live-response'], 'response-required': false }, ['c:x']],
    [{ 'requested-acks': ['twin-persisted', 'search-persisted'] }, ['live-response']],
  ]
  for (const [headers, expected] of cases) {
    assert.equal(requested(undefined, headers, {}, ['message', MESSAGE]), expected)
  }
  const twin = requested(undefined, { 'requested-acks': ['live-response', 'c:x'] })
  assert.equal(twin, ['c:x'], 'a twin command has no live response')
})

it('filters requests by the external message', () => {
  const cases: readonly (readonly [
    string,
    AcknowledgementRequests,
    DittoHeaders,
    Record<string, string>,
    readonly string[],
  ])[] = [
    ['passes includes', { ...AUDIT, filter: NOT_QOS_0 }, {}, QOS_1, ['c:audit']],
    ['takes includes away', { ...AUDIT, filter: NOT_QOS_0 }, {}, QOS_0, []],
    ['passes the default', { includes: [], filter: NOT_QOS_0 }, {}, QOS_1, ['twin-persisted']],
    ['takes the default away, too', { includes: [], filter: NOT_QOS_0 }, {}, QOS_0, []],
    [
      'takes away what the signal requests',
      { includes: [], filter: NOT_QOS_0 },
      { 'requested-acks': ['c:own'] },
      QOS_0,
      [],
    ],
    [
      'replaces what was requested',
      { ...AUDIT, filter: "fn:replace('audit','other')" },
      {},
      {},
      ['c:other'],
    ],
    [
      'supplies what nobody requested',
      { includes: [], filter: `fn:default('["c:fallback"]')` },
      {},
      {},
      ['c:fallback'],
    ],
  ]
  for (const [title, requests, headers, external, expected] of cases) {
    assert.equal(requested(requests, headers, external), expected, title)
  }
})

it('refuses what can be no label, whoever asks for it', () => {
  const LONGEST = 'x'.repeat(165)
  const cases: readonly (readonly [string, boolean])[] = [
    ['abc', true],
    ['c:audit-1_B', true],
    [LONGEST, true],
    ['{{ connection:id }}:audit', true],
    ['foo bar!', false],
    ['ab', false],
    ['', false],
    [`${LONGEST}x`, false],
    ['c:audit\n', false],
    ['größe', false],
  ]
  const replacing = (label: string) => ({
    ...AUDIT,
    filter: `fn:default('["c:any"]')|fn:replace('c:audit','${label}')`,
  })
  for (const [label, isLabel] of cases) {
    const own = { 'requested-acks': ['twin-persisted', label] }
    const ways: readonly (() => unknown)[] = [
      () => requested(undefined, own),
      () => requested(AUDIT, own, {}, ['message', MESSAGE]),
      // These are never acknowledged; their header is no better for that.
      () => requested(undefined, own, {}, ['twin-command', RETRIEVE]),
      () => requested(undefined, own, {}, ['live-event', LIVE_EVENT]),
      ...(/[\n{]/.test(label) ? [] : [() => requested(replacing(label), {})]),
    ]
    for (const way of ways) {
      const error = errorOf(way)
      assert.is(error?.error, isLabel ? undefined : 'header.invalid', label)
      if (!isLabel) {
        assert.is(error?.status, 400)
        assert.match(error!.message, "of the header 'requested-acks' is not a valid JSON array")
      }
    }
  }
})

function errorOf(way: () => unknown): DittoError | undefined {
  try {
    way()
    return undefined
  } catch (thrown) {
    assert.instance(thrown, DittoException)
    return (thrown as DittoException).error
  }
}

it('knows which labels others have to acknowledge', () => {
  const cases: readonly (readonly [DittoHeaders, readonly string[]])[] = [
    [{}, []],
    [{ 'requested-acks': ['twin-persisted'] }, []],
    [
      { 'requested-acks': ['twin-persisted', 'c:audit', 'live-response', 'search-persisted'] },
      ['c:audit', 'live-response'],
    ],
    [{ 'requested-acks': '["c:audit","d:x"]' }, ['c:audit', 'd:x']],
  ]
  for (const [headers, expected] of cases) assert.equal(labelsOfOthers(headers), expected)
})

it('refuses no time for what is requested', () => {
  const cases: readonly (readonly [DittoHeaders, boolean])[] = [
    [{}, false],
    [{ timeout: '10s' }, false],
    [{ timeout: '0' }, false],
    [{ timeout: '0ms', 'response-required': true }, true],
    [{ timeout: '0s', 'response-required': false }, false],
    [{ timeout: '0s', 'response-required': false, 'requested-acks': [] }, false],
    [{ timeout: '0s', 'response-required': false, 'requested-acks': ['c:audit'] }, true],
  ]
  for (const [headers, refused] of cases) {
    const error = timeoutError(adaptable(MODIFY, headers))
    assert.is(error?.error, refused ? 'header.invalid' : undefined, JSON.stringify(headers))
  }
})
