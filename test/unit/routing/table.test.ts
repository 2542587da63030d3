import { setImmediate as nextTurn } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { StreamingType } from '../../../src/connection/topics.ts'
import type { Signal, SignalKind } from '../../../src/protocol/signal.ts'
import { parseTopicPath } from '../../../src/protocol/topic-path.ts'
import {
  type AckResult,
  type Congestion,
  type ForeignAnswer,
  NO_CONGESTION,
  type Relief,
  type Subscription,
} from '../../../src/routing/router.ts'
import { streamingTypeOf } from '../../../src/routing/streaming-type.ts'
import { createRoutingTable, PARKED_HIGH_WATER } from '../../../src/routing/table.ts'
import { WEAK_ANSWER } from '../../../src/routing/weak.ts'
import { suite } from '../../support/suite.ts'

const it = suite('routing table')

const TOPICS: Readonly<Partial<Record<SignalKind, string>>> = {
  'twin-event': 'things/twin/events/modified',
  'live-event': 'things/live/events/modified',
  'live-command': 'things/live/commands/modify',
  message: 'things/live/messages/ask',
  response: 'things/twin/commands/modify',
  'twin-command': 'things/twin/commands/modify',
}

interface SignalFields {
  readonly kind?: SignalKind
  readonly thing?: string
  readonly origin?: string
  /** Labels that are requested, with a ticket. */
  readonly labels?: readonly string[]
}

function signal(fields: SignalFields = {}): Signal {
  const { kind = 'twin-event', thing = 't', origin = 'origin', labels } = fields
  const topic = parseTopicPath(`ns/${thing}/${TOPICS[kind]}`)
  const headers = labels === undefined ? {} : { 'requested-acks': [...labels] }
  const made = { kind, entityId: `ns:${thing}`, origin, subjects: [] }
  const adaptable = { topic, headers, path: '/' }
  if (labels === undefined) return { ...made, adaptable }
  return { ...made, adaptable, ackTo: { thread: 7, shard: 70, ticket: 1 } }
}

function subscription(
  connectionId: string,
  shard: number,
  fields: Partial<Subscription> = {},
): Subscription {
  return {
    connectionId,
    thread: 0,
    shard,
    clientIndex: 0,
    clientCount: 1,
    types: ['twin-events'],
    namespaces: undefined,
    labels: [],
    takesDiverted: false,
    ...fields,
  }
}

/** A table, and what it handed to whom. */
class Bench {
  readonly received = new Map<number, Signal[]>()
  readonly acknowledged: (readonly [shard: number, AckResult])[] = []
  readonly congestions: (readonly [shard: number, Congestion])[] = []
  readonly offered: ForeignAnswer[] = []
  isTakenElsewhere = false
  readonly table = createRoutingTable({
    signals: (_thread, shard, batch) => {
      this.received.set(shard, [...(this.received.get(shard) ?? []), ...batch])
    },
    acknowledgements: (_thread, shard, batch) => {
      for (const result of batch) this.acknowledged.push([shard, result])
    },
    congestion: (shard, congestion) => this.congestions.push([shard, congestion]),
    answer: async (answer) => {
      this.offered.push(answer)
      return this.isTakenElsewhere
    },
  })

  constructor(...subscriptions: readonly Subscription[]) {
    this.table.update(subscriptions)
  }

  things(shard: number): readonly string[] {
    return (this.received.get(shard) ?? []).map(({ entityId }) => entityId)
  }
}

/** Whether a relief has resolved by now. */
async function isRelieved(relief: Relief): Promise<boolean> {
  let relieved = false
  void relief.then(() => {
    relieved = true
  })
  await nextTurn()
  return relieved
}

/** As of a shard whose targets for events have a slow broker. */
const SLOW: Congestion = { ...NO_CONGESTION, slow: ['twin-events'] }

const KINDS: readonly (readonly [SignalKind, StreamingType | undefined])[] = [
  ['twin-event', 'twin-events'],
  ['live-event', 'live-events'],
  ['live-command', 'live-commands'],
  ['message', 'live-messages'],
  ['response', undefined],
  ['twin-command', undefined],
]

it('hands a signal to those who subscribe to its type', () => {
  const types = KINDS.flatMap(([, type]) => type ?? [])
  const shards = types.map((type, index) => subscription(type, index, { types: [type] }))
  for (const [kind, type] of KINDS) {
    const { table, received } = new Bench(...shards)
    table.route([signal({ kind })])
    assert.equal([...received.keys()], type === undefined ? [] : [types.indexOf(type)], kind)
  }
})

it('tells announcements of connections from those of policies', () => {
  const about = (topic: string): Signal => ({
    ...signal(),
    kind: 'announcement',
    adaptable: { topic: parseTopicPath(topic), headers: {}, path: '/' },
  })
  assert.is(
    streamingTypeOf(about('_/c/connections/announcements/opened')),
    'connection-announcements',
  )
  assert.is(
    streamingTypeOf(about('ns/p/policies/announcements/subjectDeletion')),
    'policy-announcements',
  )
})

it('keeps the order of a batch of several types', () => {
  const { table, received } = new Bench(
    subscription('both', 1, { types: ['twin-events', 'live-messages'] }),
    subscription('events', 2),
  )
  const batch = [
    signal({ thing: 'a' }),
    signal({ kind: 'message', thing: 'b' }),
    signal({ thing: 'c' }),
  ]
  table.route(batch)
  assert.equal(received.get(1), batch)
  assert.equal(received.get(2), [batch[0], batch[2]])
})

it('never hands a connection what it caused itself', () => {
  const bench = new Bench(subscription('origin', 1), subscription('other', 2))
  bench.table.route([signal({ thing: 'a' }), signal({ thing: 'b', origin: 'other' })])
  assert.equal(bench.things(1), ['ns:b'])
  assert.equal(bench.things(2), ['ns:a'])
})

it('gives the signals of an entity to one client, always the same', () => {
  const clients = [2, 0, 1].map((clientIndex) =>
    subscription('c', clientIndex, { clientIndex, clientCount: 3 }),
  )
  const bench = new Bench(...clients)
  const things = Array.from({ length: 300 }, (_, index) => `t${index}`)
  bench.table.route(things.map((thing) => signal({ thing })))
  const first = [0, 1, 2].map((shard) => bench.things(shard))
  assert.is(first.flat().length, things.length)
  for (const share of first) assert.ok(share.length > 50, `${share.length} of 300`)
  bench.received.clear()
  // In whatever order the clients are told.
  bench.table.update(clients.toReversed())
  bench.table.route(things.map((thing) => signal({ thing })))
  assert.equal(
    [0, 1, 2].map((shard) => bench.things(shard)),
    first,
  )
})

it('parks the signals of a connection that is being replaced, and keeps their order', () => {
  const bench = new Bench(subscription('c', 1), subscription('d', 2))
  const { table } = bench
  table.park('c')
  table.route([signal({ thing: 'a' }), signal({ thing: 'b' })])
  table.update([subscription('d', 2)])
  table.route([signal({ thing: 'c' })])
  assert.equal(bench.things(1), [])
  assert.equal(bench.things(2), ['ns:a', 'ns:b', 'ns:c'])
  table.update([subscription('d', 2), subscription('c', 3)])
  table.route([signal({ thing: 'd' })])
  assert.equal(bench.things(3), ['ns:a', 'ns:b', 'ns:c', 'ns:d'])
})

it('gives parked signals only as far as the new shards want them', () => {
  const { table, received } = new Bench(
    subscription('c', 1, { types: ['twin-events', 'live-messages'] }),
  )
  table.park('c')
  table.route([signal(), signal({ kind: 'message' })])
  table.update([subscription('c', 2, { types: ['live-messages'] })])
  assert.equal(
    received.get(2)?.map(({ kind }) => kind),
    ['message'],
  )
})

it('forgets what is parked for a connection that does not come back', () => {
  const { table, received } = new Bench(subscription('c', 1))
  table.park('c')
  table.route([signal()])
  table.unpark('c')
  table.unpark('never parked')
  table.update([subscription('c', 2)])
  assert.is(received.size, 0)
})

it('asks senders to wait while a receiver is congested, and relieves them once', async () => {
  const { table } = new Bench(subscription('slow', 1))
  assert.equal(table.route([signal()]), [])
  table.setCongestion(1, SLOW)
  const [relief, ...others] = table.route([signal()])
  assert.equal(others, [])
  assert.is(table.route([signal()])[0], relief, 'one relief for one congestion')
  assert.not(await isRelieved(relief!))
  table.setCongestion(1, NO_CONGESTION)
  assert.ok(await isRelieved(relief!))
  assert.equal(table.route([signal()]), [])
})

it('lets nobody wait for a slow receiver while another one keeps up', async () => {
  const { table } = new Bench(subscription('slow', 1), subscription('fast', 2))
  table.setCongestion(1, SLOW)
  assert.equal(table.route([signal()]), [])
  table.setCongestion(2, SLOW)
  const [relief, ...others] = table.route([signal()])
  assert.equal(others, [])
  table.setCongestion(2, NO_CONGESTION)
  assert.ok(await isRelieved(relief!), 'the other one is not held up')
})

it('lets a sender wait for a slow receiver when nobody else has a broker that takes anything', async () => {
  const { table } = new Bench(subscription('slow', 1), subscription('away', 2))
  table.setCongestion(1, SLOW)
  table.setCongestion(2, { ...NO_CONGESTION, stuck: ['live-messages'] })
  assert.equal(table.route([signal()]), [], 'only of other types')
  table.setCongestion(2, { ...NO_CONGESTION, stuck: ['twin-events'] })
  const [relief] = table.route([signal()])
  assert.not(await isRelieved(relief!))
  table.setCongestion(1, NO_CONGESTION)
  assert.ok(await isRelieved(relief!))
  assert.equal(table.route([signal()]), [], 'nobody waits for a broker that is away')
})

it('lets senders wait for whom nothing may be dropped, whoever else keeps up', async () => {
  const { table } = new Bench(
    subscription('blocking', 1),
    subscription('asked', 2, { labels: ['asked:a'] }),
    subscription('free', 3),
  )
  table.setCongestion(2, { ...NO_CONGESTION, labels: ['asked:a'] })
  assert.equal(table.route([signal()]), [], 'nobody asks for the acknowledgement')
  const [answered] = table.route([signal(), signal({ labels: ['asked:a'] })])
  table.setCongestion(1, { ...NO_CONGESTION, blocked: ['live-messages'] })
  assert.equal(table.route([signal()]), [], 'of another type')
  table.setCongestion(1, { ...NO_CONGESTION, blocked: ['twin-events'] })
  const [unblocked] = table.route([signal()])
  assert.not(await isRelieved(answered!))
  assert.not(await isRelieved(unblocked!))
  table.setCongestion(1, SLOW)
  assert.ok(await isRelieved(unblocked!))
  table.setCongestion(2, NO_CONGESTION)
  assert.ok(await isRelieved(answered!))
})

it('does not let a sender wait for a receiver that is none of its own', async () => {
  const { table } = new Bench(
    subscription('events', 1),
    subscription('messages', 2, { types: ['live-messages'] }),
  )
  table.setCongestion(1, SLOW)
  table.setCongestion(2, SLOW)
  assert.equal(table.route([signal({ kind: 'live-command' })]), [])
  const [relief] = table.route([signal()])
  table.setCongestion(1, NO_CONGESTION)
  assert.ok(await isRelieved(relief!), 'the congestion of others does not matter')
})

it('nobody waits for a receiver that lets none of the signals pass', async () => {
  const bench = new Bench(subscription('c', 1, { namespaces: ['other'] }))
  bench.table.setCongestion(1, SLOW)
  assert.equal(bench.table.route([signal(), signal()]), [])
  assert.equal(bench.things(1), ['ns:t', 'ns:t'], 'it counts them all the same')
  const { table } = new Bench(subscription('c', 1, { namespaces: ['other', 'ns'] }))
  table.setCongestion(1, SLOW)
  assert.is(table.route([signal()]).length, 1)
})

it('relieves when the congested receiver goes, is replaced or catches up', async () => {
  const endings: readonly (readonly [string, (bench: Bench) => void])[] = [
    ['gone', ({ table }) => table.update([])],
    ['replaced', ({ table }) => table.update([subscription('c', 2)])],
    ['parked', ({ table }) => table.park('c')],
    ['caught up', ({ table }) => table.setBehind(0, false)],
  ]
  for (const [how, end] of endings) {
    const bench = new Bench(subscription('c', 1))
    if (how === 'caught up') bench.table.setBehind(0, true)
    else bench.table.setCongestion(1, SLOW)
    const [relief] = bench.table.route([signal()])
    assert.not(await isRelieved(relief!), how)
    end(bench)
    assert.ok(await isRelieved(relief!), how)
  }
})

it('asks senders to wait when too much is parked, until it has gone somewhere', async () => {
  for (const end of ['update', 'unpark'] as const) {
    const { table } = new Bench(subscription('c', 1))
    table.park('c')
    const half = Array.from({ length: PARKED_HIGH_WATER / 2 }, () => signal())
    assert.equal(table.route(half), [])
    const [relief] = table.route(half)
    assert.not(await isRelieved(relief!))
    if (end === 'update') table.update([subscription('c', 2)])
    else table.unpark('c')
    assert.ok(await isRelieved(relief!), end)
  }
})

it('acknowledges weakly for connections that issue a label but do not get the signal', () => {
  const issuing = { labels: ['c:audit'] }
  const cases: readonly (readonly [string, Subscription, Signal, boolean])[] = [
    ['subscribes', subscription('c', 1, issuing), signal({ labels: ['c:audit'] }), false],
    [
      'subscribes to something else',
      subscription('c', 1, { ...issuing, types: ['live-messages'] }),
      signal({ labels: ['c:audit'] }),
      true,
    ],
    [
      'caused it itself',
      subscription('c', 1, issuing),
      signal({ labels: ['c:audit'], origin: 'c' }),
      true,
    ],
    [
      'is not asked',
      subscription('c', 1, { ...issuing, types: [] }),
      signal({ labels: [] }),
      false,
    ],
    ['is somebody else', subscription('c', 1), signal({ labels: ['c:audit'] }), false],
  ]
  for (const [title, subscribed, routed, weakly] of cases) {
    const { table, acknowledged } = new Bench(subscribed)
    table.route([routed])
    const expected = weakly ? [[70, { ticket: 1, label: 'c:audit', ...WEAK_ANSWER }]] : []
    assert.equal(acknowledged, expected, title)
  }
})

it('hands diverted responses to a connection that takes them, and to no other', () => {
  const taking = { types: [], takesDiverted: true }
  const bench = new Bench(subscription('c', 1, taking), subscription('d', 2))
  const { table } = bench
  const response = signal({ kind: 'response' })
  assert.equal(table.divert('c', [response]), [])
  assert.is(table.divert('d', [response]), undefined)
  assert.is(table.divert('nobody', [response]), undefined)
  assert.equal(bench.things(1), ['ns:t'])
})

it('keeps diverted responses while their connection is being replaced', async () => {
  const taking = { types: [], takesDiverted: true }
  const bench = new Bench(subscription('c', 1, taking))
  bench.table.park('c')
  bench.table.divert('c', [signal({ kind: 'response' })])
  bench.table.update([subscription('c', 2, taking)])
  assert.equal(bench.things(2), ['ns:t'])
  bench.table.setCongestion(2, { ...NO_CONGESTION, diverted: true })
  const [relief] = bench.table.divert('c', [signal({ kind: 'response' })])!
  assert.not(await isRelieved(relief!))
  bench.table.setCongestion(2, NO_CONGESTION)
  assert.ok(await isRelieved(relief!))
})

it('passes acknowledgements and congestion on', () => {
  const { table, acknowledged, congestions } = new Bench()
  const result = { ticket: 3, label: 'c:audit', status: 204 }
  table.acknowledge(1, 5, [result])
  table.congestion(5, SLOW)
  assert.equal(acknowledged, [[5, result]])
  assert.equal(congestions, [[5, SLOW]])
})
