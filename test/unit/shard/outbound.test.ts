import * as assert from 'uvu/assert'
import type { Target } from '../../../src/connection/types.ts'
import type { Twin } from '../../../src/twin/twin.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, liveMessage, modify, type Rig, type RigShard, withRig } from './rig.ts'

const it = suite('outbound')

const EVENTS = '_/_/things/twin/events'
const MESSAGES = '_/_/things/live/messages'

function openSender(rig: Rig): Promise<RigShard> {
  return rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }))
}

function openTargets(
  rig: Rig,
  targets: readonly (readonly [address: string, fields: Partial<Target>])[],
  options: Parameters<Rig['open']>[1] = {},
): Promise<RigShard> {
  const connection = testConnection({
    id: 'listener',
    targets: targets.map(([address, fields]) => testTarget(address, fields)),
  })
  return rig.open(connection, options)
}

/** Sends, and waits until everything that comes of it is published. */
async function run(rig: Rig, commands: readonly unknown[], headers = {}): Promise<void> {
  const before = rig.settled.length
  const marker = rig.published('marker').length
  rig.send('in', commands, headers)
  rig.send('in', [liveMessage('marker', 'end')])
  await rig.settlements(before + commands.length + 1)
  await rig.publishes('marker', marker + 1)
}

const MARKER: readonly [string, Partial<Target>] = [
  'marker',
  { topics: [`${MESSAGES}?filter=eq(thingId,'ns:marker')`] },
]

interface Case {
  readonly title: string
  readonly topics: readonly string[]
  /** Topic and path of the events and messages that reach the target. */
  readonly reached: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

/** What happens in every case: three events, one of another namespace, and a message. */
const HAPPENINGS = [
  create('a', { n: 1 }),
  modify('a', 7),
  { ...create('b'), topic: 'other/b/things/twin/commands/modify', value: { thingId: 'other:b' } },
  liveMessage('a', 'hi'),
]

const CASES: readonly Case[] = [
  {
    title: 'all events',
    topics: [EVENTS],
    reached: ['ns/a created /', 'ns/a modified /attributes/n', 'other/b created /'],
    counts: { dispatched: 3, filtered: 3, mapped: 3, published: 3 },
  },
  {
    title: 'events of a namespace',
    topics: [`${EVENTS}?namespaces=other,third`],
    reached: ['other/b created /'],
    counts: { dispatched: 3, filtered: 1, mapped: 1, published: 1 },
  },
  {
    title: 'what a filter lets pass',
    topics: [`${EVENTS}?filter=gt(attributes/n,5)`],
    reached: ['ns/a modified /attributes/n'],
    counts: { dispatched: 3, filtered: 1, mapped: 1, published: 1 },
  },
  {
    title: 'what a filter on the resource lets pass',
    topics: [`${EVENTS}?filter=eq(resource:path,'/attributes/n')`],
    reached: ['ns/a modified /attributes/n'],
    counts: { dispatched: 3, filtered: 1, mapped: 1, published: 1 },
  },
  {
    title: 'what several topics let pass, once',
    topics: [EVENTS, `${EVENTS}?namespaces=other`, `${EVENTS}?filter=exists(attributes/n)`],
    reached: ['ns/a created /', 'ns/a modified /attributes/n', 'other/b created /'],
    counts: { dispatched: 3, filtered: 3, mapped: 3, published: 3 },
  },
  {
    title: 'what either of two topics lets pass, in order',
    topics: [`${EVENTS}?filter=gt(attributes/n,5)`, `${MESSAGES}?namespaces=ns`],
    reached: ['ns/a modified /attributes/n', 'ns/a ask /inbox/messages/ask'],
    counts: { dispatched: 4, filtered: 2, mapped: 2, published: 2 },
  },
]

for (const { title, topics, reached, counts } of CASES) {
  it(`publishes ${title}`, () =>
    withRig(async (rig) => {
      await openSender(rig)
      const listener = await openTargets(rig, [['out', { topics }], MARKER])
      await run(rig, HAPPENINGS)
      const seen = rig
        .payloads('out')
        .filter(({ topic }) => !topic.startsWith('ns/marker'))
        .map(({ topic, path }) => {
          const [namespace, name, , , , last] = topic.split('/')
          return `${namespace}/${name} ${last} ${path}`
        })
      assert.equal(seen, reached)
      const { dispatched, filtered, mapped, published } = listener.counts('out')
      // The marker is a message, too.
      const more = topics.some((topic) => topic.startsWith(MESSAGES)) ? 1 : 0
      assert.equal(
        {
          dispatched: dispatched! - more,
          filtered: filtered! - more,
          mapped: mapped! - more,
          published: published! - more,
        },
        counts,
      )
    }))
}

it('resolves address and header mapping for every message', () =>
  withRig(async (rig) => {
    await openSender(rig)
    const listener = await openTargets(rig, [
      [
        'out/{{ thing:name }}/{{ feature:id }}',
        {
          qos: 1,
          headerMapping: {
            path: '{{ resource:path }}',
            'content-type': 'text/plain',
            nobody: '{{ header:nobody }}',
          },
        },
      ],
      MARKER,
    ])
    await run(rig, [
      create('t'),
      {
        topic: 'ns/t/things/twin/commands/modify',
        path: '/features/lamp',
        headers: { 'correlation-id': 'c-1' },
        value: {},
      },
    ])
    await rig.publishes('out/t/lamp', 1)
    const [message] = rig.published('out/t/lamp')
    assert.is(message!.qos, 1)
    assert.equal(message!.message.headers, {
      'content-type': 'text/plain',
      'correlation-id': 'c-1',
      path: '/features/lamp',
    })
    assert.equal(listener.counts('out/{{ thing:name }}/{{ feature:id }}'), {
      dispatched: 2,
      filtered: 2,
      mapped: 2,
      'dropped.failure': 1,
      published: 1,
    })
  }))

it('says which address could not be resolved', () =>
  withRig(async (rig) => {
    await openSender(rig)
    const address = 'out/{{ header:nobody }}'
    const listener = await openTargets(rig, [[address, {}], MARKER], { logs: true })
    await run(rig, [create('t')])
    assert.match(
      listener.texts('target', 'dropped').join(),
      'Signal dropped, target address unresolved: out/{{ header:nobody }}',
    )
  }))

it('counts each signal once for each mapper: mapped, dropped or failed', () =>
  withRig(async (rig) => {
    await openSender(rig)
    const outgoingScript = `function mapFromDittoProtocolMsg(ns, name, group, channel, criterion,
        action, path, headers, value) {
      if (value === 0) return null
      if (value < 0) throw new Error('negative')
      var list = []
      for (var i = 0; i < value; i++) {
        list.push(Ditto.buildExternalMsg({}, JSON.stringify({ topic: 'js', value: i }), null, 'x'))
      }
      return list
    }`
    const listener = await rig.open(
      testConnection({
        id: 'listener',
        targets: [testTarget('out', { payloadMapping: ['js', 'Ditto'] }), testTarget(...MARKER)],
        mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { outgoingScript } } },
      }),
    )
    await run(rig, [create('t')])
    await rig.publishes('out', 1)
    const atFirst = rig.published('out').length
    await run(rig, [modify('t', 0), modify('t', -1), modify('t', 3)])
    await rig.publishes('out', atFirst + 6)
    const seen = rig.payloads('out').slice(atFirst)
    assert.equal(
      seen.map(({ topic, value }) => `${topic.split('/')[0]} ${value}`),
      ['ns 0', 'ns -1', 'js 0', 'js 1', 'js 2', 'ns 3'],
    )
    const counts = listener.counts('out')
    const { mapped = 0, dropped = 0, 'mapped.failure': failed = 0 } = counts
    assert.is(counts.filtered! * 2, mapped + dropped + failed)
    assert.is(counts.published, rig.published('out').length)
  }))

it('adds extra fields, and filters by them', () =>
  withRig(async (rig) => {
    await openSender(rig)
    const listener = await openTargets(rig, [
      [
        'out',
        { topics: [`${EVENTS}?filter=eq(attributes/kind,'lamp')&extraFields=attributes/kind`] },
      ],
      ['gt', { topics: [`${EVENTS}?filter=gt(attributes/n,5)&extraFields=attributes/kind`] }],
      MARKER,
    ])
    await run(rig, [create('lamp', { kind: 'lamp' }), create('door', { kind: 'door' })])
    await run(rig, [modify('lamp', 1), modify('door', 9), modify('lamp', 9)])
    await rig.publishes('out', 3)
    await rig.publishes('gt', 2)
    assert.equal(
      rig.payloads('out').map(({ topic, extra }) => [topic.split('/')[1], extra]),
      [
        ['lamp', { attributes: { kind: 'lamp' } }],
        ['lamp', { attributes: { kind: 'lamp' } }],
        ['lamp', { attributes: { kind: 'lamp' } }],
      ],
    )
    assert.equal(
      rig.payloads('gt').map(({ extra }) => extra),
      [{ attributes: { kind: 'door' } }, { attributes: { kind: 'lamp' } }],
    )
    assert.equal(listener.counts('out'), { dispatched: 5, filtered: 3, mapped: 3, published: 3 })
  }))

it('retrieves nothing for signals that no extra field could make pass', () =>
  withRig(async (rig) => {
    let retrieved = 0
    const counting: Twin = {
      ...rig.twin,
      execute: (batch) => {
        retrieved += batch.length
        return rig.twin.execute(batch)
      },
    }
    await openSender(rig)
    await openTargets(
      rig,
      [
        ['out', { topics: [`${EVENTS}?filter=gt(attributes/n,5)&extraFields=attributes/kind`] }],
        MARKER,
      ],
      { twin: counting },
    )
    await run(rig, [create('t'), modify('t', 1), modify('t', 9), modify('t', 2)])
    await rig.publishes('out', 1)
    assert.is(retrieved, 1)
  }))

it('takes the extra fields of the topic that matched, placeholders resolved', () =>
  withRig(async (rig) => {
    await openSender(rig)
    await openTargets(rig, [
      [
        'out',
        {
          topics: [
            EVENTS,
            `${EVENTS}?namespaces=ns&filter=gt(attributes/n,5)&extraFields=attributes/a`,
            `${EVENTS}?filter=eq(resource:path,'/features/lamp')` +
              '&extraFields=features/{{ feature:id }}/definition',
          ],
        },
      ],
      MARKER,
    ])
    await run(rig, [
      create('t', { a: 1, b: 2 }),
      modify('t', 9),
      {
        topic: 'ns/t/things/twin/commands/modify',
        path: '/features/lamp',
        headers: {},
        value: { definition: ['x:y:1'], properties: {} },
      },
    ])
    await rig.publishes('out', 3)
    assert.equal(
      rig.payloads('out').map(({ extra }) => extra),
      [undefined, { attributes: { a: 1 } }, { features: { lamp: { definition: ['x:y:1'] } } }],
    )
  }))

it('lets every filter see the extra fields of all topics, and delivers once', () =>
  withRig(async (rig) => {
    await openSender(rig)
    const listener = await openTargets(rig, [
      [
        'out',
        {
          topics: [
            `${EVENTS}?filter=eq(attributes/kind,'lamp')&extraFields=attributes/color`,
            `${EVENTS}?filter=exists(attributes/kind)&extraFields=attributes/kind`,
          ],
        },
      ],
      MARKER,
    ])
    await run(rig, [
      create('t', { kind: 'lamp', color: 'red' }),
      create('u', { kind: 'fan', color: 'blue' }),
      create('v', { color: 'green' }),
      modify('t', 1),
      modify('u', 2),
      modify('v', 3),
    ])
    await rig.publishes('out', 4)
    assert.equal(
      rig.payloads('out').map(({ topic, extra }) => [topic.split('/')[1], extra]),
      [
        ['t', { attributes: { color: 'red' } }],
        ['u', { attributes: { kind: 'fan' } }],
        ['t', { attributes: { color: 'red' } }],
        ['u', { attributes: { kind: 'fan' } }],
      ],
    )
    assert.equal(listener.counts('out'), { dispatched: 6, filtered: 4, mapped: 4, published: 4 })
  }))

it('leaves out extra fields that a signal cannot resolve, and sends the others', () =>
  withRig(async (rig) => {
    await openSender(rig)
    const extraFields = 'attributes/a,features/{{ feature:id }}/definition'
    await openTargets(rig, [
      ['out', { topics: [`${EVENTS}?extraFields=${extraFields}`] }],
      ['lost', { topics: [`${EVENTS}?extraFields=features/{{ feature:id }}/definition`] }],
      MARKER,
    ])
    await run(rig, [create('t', { a: 1 }), modify('t', 2)])
    await rig.publishes('out', 2)
    await rig.publishes('lost', 2)
    const extras = [...rig.payloads('out'), ...rig.payloads('lost')].map(({ extra }) => extra)
    const some = { attributes: { a: 1 } }
    assert.equal(extras, [some, some, undefined, undefined])
  }))

it('sends the last events of a thing that is gone by now without extra fields', () =>
  withRig(async (rig) => {
    await openSender(rig)
    await openTargets(rig, [['out', { topics: [`${EVENTS}?extraFields=attributes/a`] }], MARKER])
    const remove = { topic: 'ns/t/things/twin/commands/delete', path: '/', headers: {} }
    await run(rig, [create('t', { a: 1 }), remove])
    await rig.publishes('out', 2)
    assert.equal(
      rig.payloads('out').map(({ topic, extra }) => [topic.split('/').at(-1), extra]),
      [
        ['created', undefined],
        ['deleted', undefined],
      ],
    )
  }))

it('does not publish what could not be enriched, and tells why', () =>
  withRig(async (rig) => {
    let broken = false
    const twin: Twin = {
      ...rig.twin,
      execute: (batch) =>
        broken ? Promise.reject(new Error('disk gone')) : rig.twin.execute(batch),
    }
    await openSender(rig)
    const listener = await openTargets(
      rig,
      [
        [
          'out',
          { topics: [`${EVENTS}?extraFields=attributes/a`, `${MESSAGES}?extraFields=attributes`] },
        ],
      ],
      { twin, logs: true },
    )
    rig.send('in', [liveMessage('nobody', 'hi')])
    await rig.until(() => listener.counts('out')['filtered.failure'] === 1, 'a failure')
    broken = true
    rig.send('in', [create('t')])
    await rig.until(() => listener.counts('out')['filtered.failure'] === 2, 'another failure')
    broken = false
    rig.send('in', [modify('t', 1)])
    await rig.publishes('out', 1)
    assert.equal(listener.counts('out'), {
      dispatched: 3,
      filtered: 1,
      'filtered.failure': 2,
      mapped: 1,
      published: 1,
    })
    const texts = listener.texts('target', 'filtered').join()
    assert.match(
      texts,
      "Signal enrichment failed. The Thing with ID 'ns:nobody' could not be found",
    )
    assert.ok(listener.texts('connection', 'other').some((text) => text.includes('disk gone')))
  }))

it('keeps the order of batches while things are retrieved', () =>
  withRig(async (rig) => {
    const gates: (() => void)[] = []
    const slow: Twin = {
      ...rig.twin,
      execute: async (batch) => {
        const outcomes = await rig.twin.execute(batch)
        await new Promise<void>((resolve) => {
          gates.push(resolve)
        })
        return outcomes
      },
    }
    await openSender(rig)
    await openTargets(rig, [['out', { topics: [`${EVENTS}?extraFields=attributes`] }]], {
      twin: slow,
    })
    for (let batch = 0; batch < 3; batch++) {
      rig.send('in', [batch === 0 ? create('t', { n: 0 }) : modify('t', batch)])
      await rig.until(() => gates.length === batch + 1, 'a batch that waits')
    }
    for (const open of gates.toReversed()) open()
    await rig.publishes('out', 3)
    assert.equal(
      rig.payloads('out').map(({ path }) => path),
      ['/', '/attributes/n', '/attributes/n'],
    )
    assert.equal(
      rig
        .payloads('out')
        .map(({ value }) => value)
        .slice(1),
      [1, 2],
    )
  }))
