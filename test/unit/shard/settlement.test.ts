import * as assert from 'uvu/assert'
import type { Signal } from '../../../src/protocol/signal.ts'
import type { Settlement } from '../../../src/transport/transport.ts'
import type { Twin } from '../../../src/twin/twin.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, liveMessage, modify, type Rig, withRig } from './rig.ts'

const it = suite('settlement')

/** A twin that answers with these statuses, one command after the other. */
function answering(statuses: readonly number[]): Twin {
  const left = [...statuses]
  return {
    execute: async (batch) =>
      batch.map(({ adaptable }: Signal) => ({
        response: { ...adaptable, status: left.shift() ?? 200 },
      })),
    close: async () => undefined,
  }
}

/** The first settlement of a message whose command the twin answers like this. */
async function settlementOf(
  rig: Rig,
  statuses: readonly number[],
  headers: Record<string, unknown> = {},
): Promise<string> {
  const before = rig.settled.length
  const sender = await rig.open(
    testConnection({
      id: 'sender',
      sources: [testSource(['in'], { payloadMapping: statuses.map(() => 'Ditto') })],
    }),
    { twin: answering(statuses) },
  )
  rig.send('in', [modify('t', 1, headers)])
  await rig.settlements(before + 1)
  const outcome = rig.settled[before]!
  const counts = sender.counts('in')
  if (outcome === 'accept') assert.is(counts.acknowledged, 1)
  else assert.ok(counts['acknowledged.failure']! > 0)
  await rig.close(sender)
  return outcome
}

const BY_STATUS: readonly (readonly [number, Settlement])[] = [
  [200, 'accept'],
  [201, 'accept'],
  [204, 'accept'],
  [400, 'reject'],
  [403, 'reject'],
  [404, 'reject'],
  [408, 'retry'],
  [409, 'reject'],
  [412, 'accept'],
  [413, 'reject'],
  [424, 'retry'],
  [429, 'reject'],
  [500, 'retry'],
  [503, 'retry'],
]

it('follows the status of the answer', () =>
  withRig(async (rig) => {
    for (const [status, expected] of BY_STATUS) {
      assert.is(await settlementOf(rig, [status]), expected, `status ${status}`)
    }
  }))

it('does not ask for more than was requested', () =>
  withRig(async (rig) => {
    for (const headers of [{ 'requested-acks': [] }, { 'response-required': false }]) {
      assert.is(await settlementOf(rig, [503], headers), 'accept', JSON.stringify(headers))
    }
  }))

it('follows the worst of several answers, and tries again when that could help', () =>
  withRig(async (rig) => {
    const cases: readonly (readonly [readonly number[], Settlement])[] = [
      [[204, 404], 'reject'],
      [[404, 204], 'reject'],
      [[404, 503], 'retry'],
      [[503, 404], 'retry'],
      [[412, 204], 'accept'],
      [[408, 403], 'retry'],
    ]
    for (const [statuses, expected] of cases) {
      assert.is(await settlementOf(rig, statuses), expected, statuses.join())
    }
  }))

it('accepts what could not be mapped or is not allowed: it would fail again', () =>
  withRig(async (rig) => {
    const enforcement = { input: '{{ header:device }}', filters: ['{{ thing:id }}'] }
    await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'], { enforcement })] }))
    rig.send('in', ['no json'])
    rig.send('in', [modify('t', 1)], { device: 'ns:other' })
    await rig.settlements(2)
    assert.equal(rig.settled, ['accept', 'accept'])
  }))

/** A connection that acknowledges what it publishes. */
const AUDIT = testConnection({
  id: 'audit',
  targets: [testTarget('audit/log', { issuedAcknowledgementLabel: 'audit:done' })],
})

function sender(fields: Parameters<typeof testSource>[1] = {}) {
  return testConnection({
    id: 'sender',
    sources: [
      testSource(['in'], {
        acknowledgementRequests: { includes: ['twin-persisted', 'audit:done'] },
        replyTarget: {
          enabled: true,
          address: 'replies',
          expectedResponseTypes: ['response', 'error', 'nack'],
        },
        ...fields,
      }),
    ],
  })
}

it('waits for the acknowledgements of targets', () =>
  withRig(async (rig) => {
    const sending = await rig.open(sender())
    const audit = await rig.open(AUDIT)
    rig.broker.withholdConfirmations(true)
    rig.send('in', [create('t')])
    await rig.publishes('audit/log', 1)
    assert.equal(rig.payloads('audit/log')[0]!.headers['requested-acks'], ['audit:done'])
    assert.equal(rig.settled, [])
    assert.equal(rig.published('replies'), [])
    rig.broker.withholdConfirmations(false)
    await rig.settlements(1)
    await rig.publishes('replies', 1)
    assert.equal(rig.settled, ['accept'])
    assert.equal(audit.counts('audit/log').acknowledged, 1)
    assert.equal(sending.counts('in').acknowledged, 1)
    const [reply] = rig.payloads('replies')
    assert.is(reply!.topic, 'ns/t/things/twin/acks')
    assert.is(reply!.status, 200)
    assert.equal(Object.keys(reply!.value as object), ['twin-persisted', 'audit:done'])
  }))

it('tells who did not answer in time, and gives the message back', () =>
  withRig(async (rig) => {
    await rig.open(sender())
    rig.send('in', [create('t', {}, { timeout: '10ms' })])
    await rig.settlements(1)
    await rig.publishes('replies', 1)
    assert.is(rig.settled[0], 'retry')
    const [reply] = rig.payloads('replies')
    assert.is(reply!.status, 424)
    const answers = reply!.value as Record<string, { status: number; payload?: { error: string } }>
    assert.is(answers['twin-persisted']!.status, 201)
    assert.is(answers['audit:done']!.status, 408)
    assert.is(answers['audit:done']!.payload!.error, 'acknowledgement:request.timeout')
  }))

it('tells the status of the only label that was requested', () =>
  withRig(async (rig) => {
    await rig.open(sender({ acknowledgementRequests: { includes: ['audit:done'] } }))
    await rig.open(AUDIT)
    const inTime = { 'response-required': true, timeout: '50ms' }
    rig.send('in', [create('t'), liveMessage('t', 'hi', inTime)])
    await rig.publishes('replies', 2)
    assert.equal(
      rig.payloads('replies').map(({ topic, status }) => [topic, status]),
      [
        ['ns/t/things/twin/acks', 200],
        // The audit's target has no topic for messages: its label is acknowledged weakly, at once; but
        // nobody responds.
        ['ns/t/things/live/acks', 424],
      ],
    )
    assert.equal(rig.settled, ['accept', 'retry'])
  }))

it('answers a command that changed nothing without waiting for anybody', () =>
  withRig(async (rig) => {
    await rig.open(sender())
    rig.send('in', [modify('unknown', 1)])
    await rig.settlements(1)
    await rig.publishes('replies', 1)
    assert.equal(rig.settled, ['reject'])
    assert.is(rig.payloads('replies')[0]!.status, 404)
  }))

it('settles each message once, whatever its signals wait for', () =>
  withRig(async (rig) => {
    const sending = await rig.open(
      testConnection({
        ...sender({ payloadMapping: ['two'] }),
        mappingDefinitions: {
          two: {
            mappingEngine: 'JavaScript',
            options: {
              incomingScript: `function mapToDittoProtocolMsg(headers, text) {
                return ['a', 'b'].map(function (name) {
                  return Ditto.buildDittoProtocolMsg('ns', name, 'things', 'twin', 'commands',
                    'modify', '/', {}, { thingId: 'ns:' + name, attributes: { n: text } })
                })
              }`,
            },
          },
        },
      }),
    )
    await rig.open(AUDIT)
    rig.send('in', ['1', '2', '3'])
    await rig.publishes('replies', 6)
    await rig.settlements(3)
    assert.equal(rig.settled, ['accept', 'accept', 'accept'])
    assert.equal(sending.counts('in'), { consumed: 3, mapped: 3, enforced: 6, acknowledged: 3 })
  }))
