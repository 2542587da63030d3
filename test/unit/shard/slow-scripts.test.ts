/** What a slow script does to its connection, and does not do to others. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { liveMessage, type Rig, withRig } from './rig.ts'

const it = suite('shard/slow-scripts')

/** Burns as many milliseconds as the message's value says before it lets it through. */
const BURN = `function burn(ms) { const end = Date.now() + ms; while (Date.now() < end); }`
const mappingDefinitions = {
  burner: {
    mappingEngine: 'JavaScript',
    options: {
      incomingScript: `${BURN}
        function mapToDittoProtocolMsg(h, text) {
          const message = JSON.parse(text); burn(message.headers.burn || 0); return message;
        }`,
      outgoingScript: `${BURN}
        function mapFromDittoProtocolMsg(ns, n, g, c, cr, a, path, headers, value) {
          burn(headers.burnout || 0);
          return Ditto.buildExternalMsg({}, JSON.stringify({ value: value }), null, 'x/y');
        }`,
    },
  },
}
const payloadMapping = ['burner']
const topics = ['_/_/things/live/messages']

function slowSender() {
  const sources = [testSource(['slow'], { payloadMapping })]
  return testConnection({ id: 'slow', sources, mappingDefinitions })
}

function valuesAt(rig: Rig, address: string): unknown[] {
  return rig.payloads(address).map(({ value }) => value)
}

it('messages keep their order behind a slow one, and others do not wait', () =>
  withRig(async (rig) => {
    const slow = await rig.open(slowSender())
    await rig.open(testConnection({ id: 'quick', sources: [testSource(['quick'])] }))
    await rig.open(testConnection({ id: 'listener', targets: [testTarget('out', { topics })] }))
    // The first slow call holds the thread: nothing was known of the script.
    rig.send('slow', [liveMessage('t', 0, { burn: 30 })])
    await rig.publishes('out', 1)
    rig.send('slow', [liveMessage('t', 1, { burn: 80 }), liveMessage('t', 2)])
    await nextTurn()
    rig.send('slow', [liveMessage('t', 3)])
    rig.send('quick', [liveMessage('t', 'quick')])
    await rig.publishes('out', 5)
    assert.equal(valuesAt(rig, 'out'), [0, 'quick', 1, 2, 3])
    await rig.settlements(5)
    assert.is(slow.counts('slow').mapped, 4)
    assert.is(slow.counts('slow').acknowledged, 4)
  }))

it('signals keep their order behind one that a target maps slowly', () =>
  withRig(async (rig) => {
    await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }))
    const targets = [
      testTarget('slow', { topics, payloadMapping }),
      testTarget('plain', { topics }),
    ]
    await rig.open(testConnection({ id: 'listener', targets, mappingDefinitions }))
    rig.send('in', [liveMessage('t', 0, { burnout: 30 })])
    await rig.publishes('slow', 1)
    rig.send('in', [liveMessage('t', 1, { burnout: 80 }), liveMessage('t', 2)])
    await nextTurn()
    rig.send('in', [liveMessage('t', 3)])
    await rig.publishes('plain', 4)
    assert.equal(valuesAt(rig, 'slow'), [0])
    await rig.publishes('slow', 4)
    assert.equal(valuesAt(rig, 'slow'), [0, 1, 2, 3])
  }))

it('what waits for a slow mapper is bounded with the queue, and senders wait for it', () =>
  withRig(async (rig) => {
    const settings = { maxUnsettled: 4 }
    const sender = testConnection({ id: 'sender', sources: [testSource(['in'])] })
    const sending = await rig.open(sender, { settings })
    const targets = [testTarget('slow', { topics, payloadMapping })]
    const connection = testConnection({ id: 'listener', targets, mappingDefinitions })
    const listening = await rig.open(connection, { settings: { maxOutboundQueue: 5 } })
    rig.send('in', [liveMessage('t', 0, { burnout: 120 })])
    await nextTurn()
    for (let value = 1; value <= 30; value++) {
      rig.send('in', [liveMessage('t', value, { burnout: 1 })])
      await nextTurn()
    }
    await rig.settlements(31)
    await rig.until(() => {
      const { published = 0, 'dropped.failure': dropped = 0 } = listening.counts('slow')
      return published + dropped === 31
    }, 'everything to be published or dropped')
    const { dispatched, 'dropped.failure': dropped = 0 } = listening.counts('slow')
    assert.is(dispatched, 31)
    assert.ok(dropped < 31)
    assert.is(sending.counts('in').consumed, 31)
    const sent = valuesAt(rig, 'slow') as number[]
    assert.equal(
      sent,
      sent.toSorted((a, b) => a - b),
    )
  }))

it('a shard that closes waits for what is being mapped', () =>
  withRig(async (rig) => {
    const slow = await rig.open(slowSender())
    await rig.open(testConnection({ id: 'listener', targets: [testTarget('out', { topics })] }))
    rig.send(
      'slow',
      [1, 2, 3].map((value) => liveMessage('t', value, { burn: 50 })),
    )
    await nextTurn()
    await rig.close(slow)
    assert.equal(rig.settled, ['accept', 'accept', 'accept'])
    await rig.publishes('out', 3)
    assert.equal(valuesAt(rig, 'out'), [1, 2, 3])
  }))

it('a shard that may wait no longer tells what it has not published', () =>
  withRig(async (rig) => {
    await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }))
    const targets = [testTarget('slow', { topics, payloadMapping })]
    const connection = testConnection({ id: 'listener', targets, mappingDefinitions })
    const listening = await rig.open(connection, { settings: { drainTimeoutMs: 50 } })
    const count = 30
    for (let value = 1; value <= count; value++) {
      rig.send('in', [liveMessage('t', value, { burnout: 40 })])
      await nextTurn()
    }
    await rig.until(() => listening.counts('slow').dispatched === count, 'all dispatched')
    await rig.close(listening)
    const { published = 0, 'dropped.failure': dropped = 0 } = listening.counts('slow')
    assert.ok(dropped > 0)
    assert.is(published + dropped, count)
  }))

it('a shard that may wait no longer leaves the rest to the broker, and counts it', () =>
  withRig(async (rig) => {
    const settings = { drainTimeoutMs: 100 }
    const slow = await rig.open(slowSender(), { settings, logs: true })
    await rig.open(testConnection({ id: 'listener', targets: [testTarget('out', { topics })] }))
    // One batch that is being mapped, and one that waits for it.
    for (const count of [8, 4]) {
      rig.send(
        'slow',
        Array.from({ length: count }, (_, at) => liveMessage('t', at, { burn: 300 })),
      )
      await nextTurn()
    }
    await rig.close(slow)
    const { length } = rig.settled
    assert.ok(length < 8)
    const { consumed, mapped = 0, 'mapped.failure': unmapped = 0 } = slow.counts('slow')
    assert.is(consumed, 12)
    assert.is(mapped + unmapped, 12)
    assert.match(slow.texts('source', 'mapped').join(), 'closed before the message was mapped')
    await nextTurn()
    assert.is(rig.settled.length, length, 'nothing is settled afterwards')
  }))
