import * as assert from 'uvu/assert'
import {
  counterAddresses,
  createCounterBuffer,
  ShardCounters,
} from '../../../src/monitoring/counters.ts'
import { createLogRings } from '../../../src/monitoring/log-ring.ts'
import { connectivityInternalError } from '../../../src/protocol/connectivity-errors.ts'
import { dittoError } from '../../../src/protocol/errors.ts'
import type { ExternalMessage } from '../../../src/protocol/external-message.ts'
import type { Signal } from '../../../src/protocol/signal.ts'
import { Monitor, type Subject } from '../../../src/shard/monitor.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'

const it = suite('monitor')

const addresses = counterAddresses(
  testConnection({ sources: [testSource(['in'])], targets: [testTarget('out')] }),
)

function open(active = true) {
  const buffer = createCounterBuffer(addresses)
  const counters = new ShardCounters(buffer, addresses)
  const log = createLogRings({ shard: 1, capacitySuccess: 3, capacityFailure: 3, active })
  const now = () => 1_000
  return {
    cells: new Uint32Array(buffer),
    log,
    source: new Monitor('source', 'in', counters.inbound('in'), log, now),
    target: new Monitor('target', 'out', counters.outbound('out'), log, now),
  }
}

function message(headers: Record<string, string>, payload?: ExternalMessage['payload']) {
  return { headers, payload }
}

function signal(headers: Record<string, unknown>, value?: object): Signal {
  const full = 'ns/n/things/twin/commands/modify'
  const topic = { full, namespace: 'ns', name: 'n', group: 'things', channel: 'twin' } as const
  const adaptable = { topic: { ...topic, criterion: 'commands' }, headers, path: '/', value }
  return { kind: 'twin-command', adaptable, entityId: 'ns:n', origin: 'c', subjects: [] } as Signal
}

/** The text of the line about a consumed message. */
function consumedText(subject: Subject): string {
  const { log, source } = open()
  source.success('consumed', subject)
  return log.entries()[0]!.message
}

const SHOWN = ' - Message headers: [a=1, b=x]'
const KEYS = ' - Message header keys: [a, b]'
const PAYLOAD = ' - Message payload: {"t":1}'

it('shows of a message what the message itself allows', () => {
  const cases: readonly (readonly [string | undefined, string])[] = [
    [undefined, SHOWN + PAYLOAD],
    ['ALL', SHOWN + PAYLOAD],
    ['HEADER', SHOWN],
    ['PAYLOAD', KEYS + PAYLOAD],
    ['OFF', KEYS],
    ['whatever', KEYS],
  ]
  for (const [wanted, expected] of cases) {
    const headers = { a: '1', b: 'x' }
    const asked = wanted === undefined ? headers : { ...headers, 'connectivity-debug-log': wanted }
    const listed = wanted === undefined ? expected : withOwnHeader(expected, wanted)
    assert.is(consumedText(message(asked, '{"t":1}')), `Received signal.${listed}`, wanted)
    const { log, target } = open()
    target.success('published', signal({ ...asked, a: 1 }, { t: 1 }))
    assert.is(log.entries()[0]!.message, `Successfully published signal.${listed}`, wanted)
  }
})

function withOwnHeader(expected: string, wanted: string): string {
  return expected
    .replace('b=x]', `b=x, connectivity-debug-log=${wanted}]`)
    .replace('a, b]', 'a, b, connectivity-debug-log]')
}

it('shows payloads of every sort', () => {
  const bytes = Uint8Array.of(0xff, 0, 1)
  const cases: readonly (readonly [ExternalMessage, string])[] = [
    [{ headers: {}, payload: bytes, binary: true }, ' - Message payload: /wAB'],
    [
      { headers: {}, payload: Buffer.alloc(0), binary: true },
      ' - Message payload: <empty-byte-payload>',
    ],
    [message({}, ''), ' - Message payload: <empty-text-payload>'],
    [message({}, Buffer.from('é')), ' - Message payload: é'],
    [
      message({ 'content-type': 'text/plain; charset=iso-8859-1' }, Uint8Array.of(0xe9)),
      ' - Message payload: é',
    ],
    [message({}), ''],
  ]
  for (const [given, expected] of cases) {
    assert.ok(consumedText(given).endsWith(`]${expected}`), consumedText(given))
  }
})

it('looks at the beginning of a large payload only', () => {
  const text = consumedText(message({}, 'x'.repeat(10_000_000)))
  assert.ok(text.length < 11_000)
  assert.ok(text.endsWith('x… (cut)'))
})

it('shows no message where Ditto shows none', () => {
  const { log, source, target } = open()
  source.success('dropped', message({ a: '1' }, 'p'))
  target.success('filtered', signal({ a: 1 }, { t: 1 }))
  target.success('mapped', signal({ a: 1 }, { t: 1 }), 'Mapped.')
  assert.equal(
    log.entries().map((entry) => entry.message),
    [
      'Payload mapping returned null, message is dropped.',
      'Signal successfully passed possible filters.',
      'Mapped.',
    ],
  )
})

it('shows the message that a signal came in, and whom the signal is about', () => {
  const { log, source } = open()
  const via = message({ 'connectivity-debug-log': 'OFF' }, 'secret reading')
  source.success('enforced', signal({ 'correlation-id': 'c1' }, { t: 1 }), undefined, via)
  const [entry] = log.entries()
  assert.is(
    entry!.message,
    'Successfully applied enforcement on incoming signal. - Message header keys: ' +
      '[connectivity-debug-log]',
  )
  assert.equal([entry!.correlationId, entry!.entityType, entry!.entityId], ['c1', 'thing', 'ns:n'])
})

it('makes no text of a failure before somebody reads it, and the right one then', () => {
  const { log, source } = open()
  let made = 0
  const text = (error: { message: string }) => {
    made += 1
    return `Because of ${error.message}`
  }
  const error = dittoError(400, 'some:error', 'E.', 'D.')
  for (let i = 0; i < 100; i++) source.failure('mapped', message({}), error, text)
  source.failure('consumed', undefined, connectivityInternalError())
  source.failure('enforced', signal({}), error)
  assert.is(made, 0)
  const texts = log.entries().map((entry) => entry.message)
  assert.is(made, 3)
  assert.ok(texts[0]!.startsWith('Because of E.'), texts[0])
  assert.match(texts[3]!, /^Ran into an unexpected failure when parsing an input command: /)
  assert.match(texts[4]!, /^Ran into a failure when enforcing incoming signal: E\. D\. - Message/)
})

it('counts what it does not log', () => {
  const { cells, log, source } = open(false)
  source.success('consumed', message({}))
  source.failure('consumed', undefined, connectivityInternalError())
  assert.equal([...cells.slice(0, 2)], [1, 1])
  assert.is(log.newest, 0)
})
