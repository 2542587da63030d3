/** What happens when a target has no room: who waits, what is dropped, and whom it does not concern. */
import * as assert from 'uvu/assert'
import type { Overflow, Target } from '../../../src/connection/types.ts'
import { createLoopbackBroker, type LoopbackBroker } from '../../../src/transport/loopback.ts'
import {
  ConnectError,
  type PublishOutcome,
  type Transport,
  type TransportFactory,
} from '../../../src/transport/transport.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, modify, type Rig, type RigShard, withRig } from './rig.ts'

const it = suite('overflow')

const LABEL = 'audit:done'
const COUNT = 1_000
/** Messages that the target keeps; a tenth of it is when senders begin to wait. */
const BUFFER = 200
const WINDOW = 50
const AWAY = new ConnectError('unreachable', 'failed', 'away')

interface Scene {
  readonly sending: RigShard
  readonly audit: RigShard
  readonly broker: LoopbackBroker
}

/** A sender, and a target whose own broker is away. */
async function withAbsentBroker(
  rig: Rig,
  overflow: Overflow | undefined,
  asks: boolean,
  window = WINDOW,
  ackTimeoutMs = 60_000,
): Promise<Scene> {
  const acknowledgementRequests = { includes: asks ? [LABEL] : [] }
  const source = testSource(['in'], { acknowledgementRequests })
  const sending = await rig.open(testConnection({ id: 'sender', sources: [source] }), {
    settings: { maxUnsettled: window, ackTimeoutMs },
  })
  const broker = createLoopbackBroker()
  broker.refuse(AWAY)
  const label = { issuedAcknowledgementLabel: LABEL }
  const target: Partial<Target> = overflow === undefined ? label : { ...label, overflow }
  const audit = rig.make(testConnection({ id: 'audit', targets: [testTarget('out', target)] }), {
    settings: { maxOutboundQueue: BUFFER },
    createTransport: broker.factory,
  })
  audit.shard.start()
  rig.send('in', [create('t'), ...Array.from({ length: COUNT - 1 }, (_, n) => modify('t', n))])
  return { sending, audit, broker }
}

const WAITING: readonly (readonly [string, Overflow | undefined, boolean])[] = [
  ['whose acknowledgement is wanted', undefined, true],
  ['for a target that blocks', 'block', false],
]
for (const [title, overflow, asks] of WAITING) {
  it(`the source of signals ${title} waits for a broker that is away`, () =>
    withRig(async (rig) => {
      const { sending, audit, broker } = await withAbsentBroker(rig, overflow, asks)
      await rig.until(() => (audit.counts('out').mapped ?? 0) >= WINDOW, 'a queue that fills')
      // Everything that was on its way has arrived.
      await rig.twin.execute([])
      const { consumed } = sending.counts('in')
      assert.ok(consumed! < BUFFER, `${consumed} were consumed`)
      broker.refuse(undefined)
      await rig.until(() => broker.published.length === COUNT, 'everything published')
      await rig.settlements(COUNT)
      assert.ok(rig.settled.every((outcome) => outcome === 'accept'))
      assert.not('dropped.failure' in audit.counts('out'))
    }))
}

it('what its time-out gave back does not come again before the broker does', () =>
  withRig(async (rig) => {
    // Fewer than make the queue fill.
    const few = BUFFER / 20
    const { sending, audit, broker } = await withAbsentBroker(rig, undefined, true, few, 20)
    await rig.settlements(few)
    await rig.twin.execute([])
    assert.is(sending.counts('in').consumed, few)
    broker.refuse(undefined)
    await rig.until(() => broker.published.length === COUNT + few, 'each, and those twice')
    assert.is(audit.counts('out').dispatched, COUNT + few)
    assert.equal(rig.settled.slice(0, few), Array(few).fill('retry'))
  }))

it('what nobody wants acknowledged is dropped when it finds no room', () =>
  withRig(async (rig) => {
    const { sending, audit, broker } = await withAbsentBroker(rig, undefined, false)
    await rig.settlements(COUNT)
    assert.is(sending.counts('in').consumed, COUNT)
    const { mapped, 'dropped.failure': dropped } = audit.counts('out')
    assert.equal([mapped, dropped], [COUNT, COUNT - BUFFER])
    broker.refuse(undefined)
    await rig.until(() => broker.published.length === BUFFER, 'what was kept is published')
  }))

it('so is what shall be acknowledged, by a target that drops: it comes again', () =>
  withRig(async (rig) => {
    const { audit } = await withAbsentBroker(rig, 'drop', true, COUNT)
    await rig.settlements(COUNT - BUFFER)
    assert.ok(rig.settled.every((outcome) => outcome === 'retry'))
    assert.ok(audit.counts('out')['dropped.failure']! >= COUNT - BUFFER)
  }))

/** A broker that confirms nothing for one address, until it is told to. */
function stalling(factory: TransportFactory, address: string) {
  const { promise: moves, resolve: move } = Promise.withResolvers<void>()
  const createTransport: TransportFactory = (options) => {
    const transport = factory(options)
    const publish: Transport['publish'] = async (messages): Promise<readonly PublishOutcome[]> => {
      const outcomes = await transport.publish(messages)
      if (messages.some((message) => message.address === address)) await moves
      return outcomes
    }
    return new Proxy(transport, {
      get: (of, name: keyof Transport) => (name === 'publish' ? publish : of[name].bind(of)),
    })
  }
  return { createTransport, move }
}

it('a slow target holds up no other of its connection, nor their source', () =>
  withRig(async (rig) => {
    const sending = await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }))
    const { createTransport, move } = stalling(rig.broker.factory, 'slow')
    const targets = [testTarget('slow'), testTarget('fast')]
    const listening = await rig.open(testConnection({ id: 'both', targets }), {
      settings: { maxOutboundQueue: BUFFER },
      createTransport,
    })
    rig.send('in', [create('t'), ...Array.from({ length: COUNT - 1 }, (_, n) => modify('t', n))])
    await rig.until(() => listening.counts('fast').published === COUNT, 'the fast one has all')
    await rig.settlements(COUNT)
    assert.is(sending.counts('in').consumed, COUNT)
    assert.is(listening.counts('slow')['dropped.failure'], COUNT - BUFFER)
    assert.not('published' in listening.counts('slow'))
    move()
    await rig.until(() => listening.counts('slow').published === BUFFER, 'what was kept')
  }))
