import * as assert from 'uvu/assert'
import type { ExternalMessage } from '../../../src/protocol/external-message.ts'
import { Redeliveries } from '../../../src/shard/redeliveries.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { liveMessage, withRig } from './rig.ts'

const it = suite('redeliveries')

const MESSAGE: ExternalMessage = { headers: { a: '1', messageId: '7' }, payload: 'x' }

it('a message may be delivered again as often as the limit says, and no more', () => {
  const redeliveries = new Redeliveries(2)
  const attempts = [1, 2, 3, 4].map(() => redeliveries.allow('in', MESSAGE))
  assert.equal(attempts, [true, true, false, true], 'once rejected, it starts over')
})

it('without a limit it goes on for ever', () => {
  const redeliveries = new Redeliveries(0)
  for (let i = 0; i < 100; i++) assert.ok(redeliveries.allow('in', MESSAGE))
})

it('messages differ by address, headers and payload, not by the number of their delivery', () => {
  const others: readonly (readonly [string, ExternalMessage, boolean])[] = [
    ['in', { ...MESSAGE, headers: { a: '1', messageId: '8' } }, false],
    ['in', { ...MESSAGE, payload: Buffer.from('x') }, true],
    ['in', { ...MESSAGE, payload: 'y' }, true],
    ['in', { ...MESSAGE, headers: { a: '2' } }, true],
    ['other', MESSAGE, true],
  ]
  for (const [address, message, isOther] of others) {
    const redeliveries = new Redeliveries(1)
    redeliveries.allow('in', MESSAGE)
    assert.is(redeliveries.allow(address, message), isOther, JSON.stringify([address, message]))
  }
})

it('a message that is through is forgotten', () => {
  const redeliveries = new Redeliveries(1)
  redeliveries.allow('in', MESSAGE)
  redeliveries.forget('in', MESSAGE)
  assert.ok(redeliveries.allow('in', MESSAGE))
})

it('of many failed messages the oldest are forgotten', () => {
  const redeliveries = new Redeliveries(1)
  for (let n = 0; n <= 10_000; n++) redeliveries.allow('in', { headers: {}, payload: `${n}` })
  assert.ok(redeliveries.allow('in', { headers: {}, payload: '0' }))
  assert.not(redeliveries.allow('in', { headers: {}, payload: '10000' }))
})

it('a message that keeps failing is rejected in the end, with the reason', () =>
  withRig(async (rig) => {
    const sender = await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }), {
      settings: { maxRedeliveries: 2 },
      logs: true,
    })
    await rig.open(testConnection({ id: 'out', targets: [testTarget('out')] }))
    // Nobody responds in time.
    const poison = liveMessage('t', 'x', {
      'response-required': true,
      timeout: '10ms',
      'correlation-id': 'poisonous',
    })
    for (const attempt of [1, 2, 3]) {
      rig.send('in', [poison])
      await rig.settlements(attempt)
    }
    assert.equal(rig.settled, ['retry', 'retry', 'reject'])
    assert.is(sender.counts('in')['acknowledged.failure'], 3)
    assert.match(sender.texts('source', 'acknowledged').join(), 'not delivered again')
    // What failed is found by its own id, whatever the message that it came in says.
    const entries = sender.shard.logs(0).entries.filter(({ type }) => type === 'acknowledged')
    assert.equal(
      entries.map(({ correlationId, entityId }) => [correlationId, entityId]),
      Array(3).fill(['poisonous', 'ns:t']),
    )
  }))
