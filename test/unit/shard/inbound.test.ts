import * as assert from 'uvu/assert'
import type { MappingDefinition } from '../../../src/connection/types.ts'
import type { Twin } from '../../../src/twin/twin.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, liveMessage, modify, type Rig, withRig } from './rig.ts'

const it = suite('inbound')

/** A mapper that makes of a JSON array one command per element; of null nothing; else it throws. */
const EACH: MappingDefinition = {
  mappingEngine: 'JavaScript',
  options: {
    incomingScript: `function mapToDittoProtocolMsg(headers, textPayload) {
      var list = JSON.parse(textPayload)
      if (list === null) return null
      if (!Array.isArray(list)) throw new Error('not a list: ' + textPayload)
      return list.map(function (n) {
        return Ditto.buildDittoProtocolMsg('ns', 'each', 'things', 'twin', 'commands', 'modify',
          '/attributes/n' + n, {}, n)
      })
    }`,
  },
}

const LISTENER = testConnection({ id: 'listener', targets: [testTarget('out')] })

/** Things that the rig's twin knows already. */
async function withThings(rig: Rig, names: readonly string[]): Promise<void> {
  const maker = await rig.open(testConnection({ id: 'maker', sources: [testSource(['make'])] }))
  rig.send(
    'make',
    names.map((name) => create(name)),
  )
  await rig.settlements(names.length)
  await rig.close(maker)
}

it('maps, executes, routes and settles', () =>
  withRig(async (rig) => {
    const sender = await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }))
    const listener = await rig.open(LISTENER)
    rig.send('in', [create('t'), modify('t', 1), modify('t', 2)])
    await rig.settlements(3)
    await rig.publishes('out', 3)
    assert.equal(rig.settled, ['accept', 'accept', 'accept'])
    assert.equal(sender.counts('in'), { consumed: 3, mapped: 3, enforced: 3, acknowledged: 3 })
    assert.equal(listener.counts('out'), {
      dispatched: 3,
      filtered: 3,
      mapped: 3,
      published: 3,
    })
    const events = rig.payloads('out')
    assert.equal(
      events.map(({ topic, path, value }) => [topic, path, value]),
      [
        [
          'ns/t/things/twin/events/created',
          '/',
          { thingId: 'ns:t', policyId: 'ns:t', attributes: {} },
        ],
        ['ns/t/things/twin/events/created', '/attributes/n', 1],
        ['ns/t/things/twin/events/modified', '/attributes/n', 2],
      ],
    )
    assert.equal(events[2]!.headers['requested-acks'], [])
  }))

it('counts what each mapper made of a message: signals, nothing or an error', () =>
  withRig(async (rig) => {
    await withThings(rig, ['each'])
    const sender = await rig.open(
      testConnection({
        id: 'sender',
        sources: [testSource(['in'], { payloadMapping: ['each', 'Ditto'] })],
        mappingDefinitions: { each: EACH },
      }),
      { logs: true },
    )
    const listener = await rig.open(LISTENER)
    rig.send('in', ['[1,2,3]', 'null', '{}', modify('each', 0)])
    await rig.settlements(5)
    await rig.publishes('out', 4)
    // For mapper "each": 1 mapped, 1 dropped, 2 failed; for "Ditto": 1 mapped, 3 failed.
    assert.equal(sender.counts('in'), {
      consumed: 4,
      mapped: 2,
      dropped: 1,
      'mapped.failure': 5,
      enforced: 4,
      acknowledged: 4,
    })
    assert.equal(listener.counts('out').published, 4)
    assert.equal(
      rig.payloads('out').map(({ path }) => path),
      ['/attributes/n1', '/attributes/n2', '/attributes/n3', '/attributes/n'],
    )
    const mapped = sender.texts('source', 'mapped')
    assert.ok(
      mapped.some((text) =>
        text.startsWith(
          'Got exception <connectivity:message.mapping.failed> when processing external message ' +
            'with mapper <each>',
        ),
      ),
    )
    assert.ok(
      mapped.some((text) =>
        text.startsWith('Successfully mapped incoming signal with mapper <Ditto>'),
      ),
    )
    assert.equal(sender.counts('_responses')['dispatched.failure'], 5)
  }))

it('refuses all results of a mapper when one of them is no signal', () =>
  withRig(async (rig) => {
    await withThings(rig, ['t'])
    const twoResults: MappingDefinition = {
      mappingEngine: 'JavaScript',
      options: {
        incomingScript: `function mapToDittoProtocolMsg() {
          var m = function (path) { return Ditto.buildDittoProtocolMsg('ns', 't', 'things', 'twin',
            'commands', 'modify', path, {}, 1) }
          return [m('/attributes/n'), m('/nonsense')]
        }`,
      },
    }
    const sender = await rig.open(
      testConnection({
        id: 'sender',
        sources: [testSource(['in'], { payloadMapping: ['two'] })],
        mappingDefinitions: { two: twoResults },
      }),
    )
    rig.send('in', ['x'])
    await rig.settlements(2)
    assert.equal(sender.counts('in'), { consumed: 1, 'mapped.failure': 1, acknowledged: 1 })
  }))

it('keeps the order of a thing across batches that overlap in the twin', () =>
  withRig(async (rig) => {
    await withThings(rig, ['a', 'b'])
    // The first batch takes longest, the last is done at once.
    let waiting: (() => void)[] = []
    const reversed: Twin = {
      ...rig.twin,
      execute: async (batch) => {
        const outcomes = await rig.twin.execute(batch)
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
        })
        return outcomes
      },
    }
    await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }), {
      twin: reversed,
    })
    await rig.open(LISTENER)
    for (let round = 0; round < 3; round++) {
      rig.send('in', [modify('a', round), liveMessage('a', round), modify('b', round)])
      await rig.until(() => waiting.length === round + 1, 'another batch in the twin')
    }
    for (const resolve of waiting.reverse()) resolve()
    waiting = []
    await rig.publishes('out', 6)
    assert.equal(
      rig.payloads('out').map(({ topic, value }) => [topic.split('/')[1], value]),
      [0, 1, 2].flatMap((round) => [
        ['a', round],
        ['b', round],
      ]),
    )
  }))

it('waits for a store of the twins that fails, in order, and settles nothing meanwhile', () =>
  withRig(async (rig) => {
    let works = false
    let attempts = 0
    const failing: Twin = {
      ...rig.twin,
      execute: (batch) => {
        attempts += 1
        return works ? rig.twin.execute(batch) : Promise.reject(new Error('disk full'))
      },
    }
    const sender = await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }), {
      twin: failing,
      logs: true,
    })
    await rig.open(testConnection({ id: 'listener', targets: [testTarget('out')] }))
    rig.send('in', [create('t')])
    await rig.until(() => attempts > 0, 'an attempt')
    rig.send('in', [modify('t', 1), modify('t', 2)])
    await rig.until(() => sender.counts('in').enforced === 3, 'all on their way')
    await rig.until(() => attempts > 1, 'another attempt')
    assert.equal(rig.settled, [])
    assert.is(sender.shard.waitsForStore, true)
    assert.ok(sender.texts('connection', 'other').some((text) => text.includes('disk full')))
    works = true
    await rig.publishes('out', 3)
    assert.equal(
      rig
        .payloads('out')
        .slice(1)
        .map(({ value }) => value),
      [1, 2],
    )
    await rig.settlements(3)
    assert.equal(rig.settled, ['accept', 'accept', 'accept'])
    assert.is(sender.shard.waitsForStore, false)
  }))

it('settles nothing that the store had not when it closes', () =>
  withRig(async (rig) => {
    const broken: Twin = { ...rig.twin, execute: () => Promise.reject(new Error('disk full')) }
    const sender = await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }), {
      twin: broken,
      settings: { drainTimeoutMs: 100 },
    })
    rig.send('in', [create('t')])
    await rig.until(() => sender.counts('in').enforced === 1, 'a command on its way')
    await rig.close(sender)
    assert.equal(rig.settled, [])
  }))

it('refuses signals that it cannot send, and says so', () =>
  withRig(async (rig) => {
    const reply = { enabled: true, address: 'replies' }
    const sender = await rig.open(
      testConnection({ id: 'sender', sources: [testSource(['in'], { replyTarget: reply })] }),
    )
    rig.send('in', [
      {
        topic: 'ns/t/things/twin/commands/modify',
        path: '/attributes/n',
        headers: {},
        status: 204,
      },
      { topic: 'ns/t/things/twin/events/modified', path: '/attributes/n', headers: {}, value: 1 },
    ])
    await rig.publishes('replies', 2)
    await rig.settlements(2)
    assert.equal(sender.counts('in'), { consumed: 2, 'mapped.failure': 2, acknowledged: 2 })
    assert.equal(
      rig.payloads('replies').map(({ value }) => (value as { error: string }).error),
      ['signal.unsupported', 'signal.unsupported'],
    )
  }))

it('executes nothing that asks for what can be no label of acknowledgements', () =>
  withRig(async (rig) => {
    const reply = { enabled: true, address: 'replies' }
    const sender = await rig.open(
      testConnection({ id: 'sender', sources: [testSource(['in'], { replyTarget: reply })] }),
    )
    await rig.open(LISTENER)
    const asked = { 'requested-acks': ['foo bar!'], 'correlation-id': 'c-1' }
    rig.send('in', [create('t'), { ...modify('t', 1), headers: asked }, modify('t', 2)])
    await rig.publishes('replies', 3)
    await rig.settlements(3)
    assert.equal(
      rig
        .payloads('replies')
        .map(({ value }) => value as { error?: string; status?: number } | undefined)
        .filter((value) => value?.error !== undefined)
        .map((value) => [value?.status, value?.error]),
      [[400, 'header.invalid']],
    )
    await rig.publishes('out', 2)
    assert.is(sender.counts('in')['mapped.failure'], 1)
    assert.is(sender.counts('in').enforced, 2)
  }))

it('rejects a signal that wants an answer in no time', () =>
  withRig(async (rig) => {
    const reply = { enabled: true, address: 'replies' }
    const sender = await rig.open(
      testConnection({ id: 'sender', sources: [testSource(['in'], { replyTarget: reply })] }),
    )
    rig.send('in', [modify('t', 1, { timeout: '0', 'requested-acks': ['twin-persisted'] })])
    await rig.settlements(1)
    await rig.publishes('replies', 1)
    assert.equal(rig.settled, ['reject'])
    assert.is((rig.payloads('replies')[0]!.value as { error: string }).error, 'header.invalid')
    assert.equal(sender.counts('in').enforced, 1)
    rig.send('in', [create('t', {}, { timeout: '0', 'response-required': false })])
    await rig.settlements(2)
    assert.equal(rig.settled, ['reject', 'accept'])
  }))

it('notes what a transport could not decode', () =>
  withRig(async (rig) => {
    let undecodable: () => void = () => undefined
    const sender = await rig.open(testConnection({ id: 'sender', sources: [testSource(['in'])] }), {
      createTransport: (options) => {
        undecodable = () =>
          options.events.onUndecodable(0, 'in', { status: 400, error: 'x', message: 'garbage' })
        return rig.broker.factory(options)
      },
    })
    undecodable()
    assert.equal(sender.counts('in'), { 'consumed.failure': 1 })
  }))
