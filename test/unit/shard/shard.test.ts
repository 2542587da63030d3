import { setTimeout as delay } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { DittoException } from '../../../src/protocol/errors.ts'
import { ConnectError, type Delivery, type Transport } from '../../../src/transport/transport.ts'
import type { Twin } from '../../../src/twin/twin.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, liveMessage, modify, withRig } from './rig.ts'

const it = suite('shard')

const CUT = new ConnectError('lost', 'failed', 'cut')

function sender(fields: Parameters<typeof testSource>[1] = {}) {
  return testConnection({ id: 'sender', sources: [testSource(['in'], fields)] })
}

const LISTENER = testConnection({ id: 'listener', targets: [testTarget('out')] })

it('opens again after its session was lost, and takes what was not settled once more', () =>
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
    const sending = await rig.open(sender(), { twin: slow })
    rig.send('in', [create('t'), modify('t', 1)])
    await rig.until(() => gates.length === 1, 'messages in the twin')
    rig.broker.cut(CUT)
    await rig.until(() => gates.length === 2, 'the same messages in the twin again')
    for (const open of gates) open()
    await rig.settlements(2)
    assert.equal(rig.settled, ['accept', 'accept'], 'each once')
    assert.is(sending.counts('in').consumed, 4)
    assert.equal(
      sending.statuses
        .map(({ client }) => client.status)
        .filter((_, index, all) => all[index - 1] !== all[index]),
      ['open', 'failed', 'open'],
    )
  }))

it('keeps what comes while its broker is away, up to a limit, and publishes it then', () =>
  withRig(async (rig) => {
    await rig.open(sender())
    const listener = rig.make(LISTENER, { settings: { maxOutboundQueue: 3 } })
    rig.send('in', [create('t'), modify('t', 1), modify('t', 2), modify('t', 3)])
    await rig.settlements(4)
    assert.equal(rig.settled, ['accept', 'accept', 'accept', 'accept'])
    listener.shard.start()
    await rig.publishes('out', 3)
    assert.equal(
      rig.payloads('out').map(({ value }) => value),
      [{ thingId: 'ns:t', policyId: 'ns:t', attributes: {} }, 1, 2],
    )
    assert.equal(listener.counts('out'), {
      dispatched: 4,
      filtered: 4,
      mapped: 4,
      'dropped.failure': 1,
      published: 3,
    })
  }))

it('stops taking at its limit and goes on when messages are settled', () =>
  withRig(async (rig) => {
    const pauses: string[] = []
    const sending = await rig.open(
      sender({ acknowledgementRequests: { includes: ['listener:done'] } }),
      {
        settings: { maxUnsettled: 4 },
        createTransport: (options) => {
          // A binding whose broker knows no window.
          const transport = bound(rig.broker.factory({ ...options, maxUnsettled: 1000 }))
          return {
            ...transport,
            pause: () => {
              pauses.push('pause')
              transport.pause()
            },
            resume: () => {
              pauses.push('resume')
              transport.resume()
            },
          }
        },
      },
    )
    await rig.open({
      ...LISTENER,
      targets: [testTarget('out', { issuedAcknowledgementLabel: 'listener:done' })],
    })
    rig.broker.withholdConfirmations(true)
    rig.send('in', [create('t'), modify('t', 1), modify('t', 2), modify('t', 3)])
    await rig.publishes('out', 4)
    assert.equal(pauses, ['pause'])
    rig.send('in', [modify('t', 4)])
    rig.broker.withholdConfirmations(false)
    await rig.settlements(5)
    assert.equal(pauses, ['pause', 'resume'])
    assert.is(sending.counts('in').acknowledged, 5)
  }))

it('keeps its limit also when a resumed session delivers before it is open', () =>
  withRig(async (rig) => {
    const course: string[] = []
    await rig.open(sender(), {
      settings: { maxUnsettled: 2 },
      createTransport: (options) => {
        const transport = bound(rig.broker.factory(options))
        return {
          ...transport,
          open: async (signal) => {
            options.events.onDeliveries([delivered(create('t')), delivered(modify('t', 1))])
            course.push('delivered')
            await transport.open(signal)
            course.push('open')
          },
          pause: () => course.push('paused'),
          resume: () => course.push('resumed'),
        }
      },
    })
    await rig.until(() => course.includes('resumed'), 'messages settled')
    assert.equal(course.slice(0, 2), ['paused', 'delivered'])
  }))

it('stops taking while a receiver is congested, and loses nothing', () =>
  withRig(async (rig) => {
    const sending = await rig.open(sender(), { settings: { maxUnsettled: 200 } })
    const listener = await rig.open(LISTENER, { settings: { maxOutboundQueue: 400 } })
    rig.broker.withholdConfirmations(true)
    rig.send('in', [create('t')])
    await rig.publishes('out', 1)
    const count = 1000
    rig.send(
      'in',
      Array.from({ length: count }, (_, index) => modify('t', index)),
    )
    await rig.until(() => (sending.counts('in').acknowledged ?? 0) > 40, 'a congested receiver')
    await rig.twin.execute([])
    assert.ok(sending.counts('in').consumed! < count, 'the sender waits')
    rig.broker.withholdConfirmations(false)
    await rig.publishes('out', count + 1)
    assert.is(listener.counts('out').published, count + 1)
    assert.not('dropped.failure' in listener.counts('out'))
    assert.equal(
      rig
        .payloads('out')
        .slice(1)
        .map(({ value }) => value),
      Array.from({ length: count }, (_, index) => index),
    )
  }))

it('keeps what it took before it could pause, instead of filling the queue of the receiver', () =>
  withRig(async (rig) => {
    const listener = await rig.open(LISTENER, { settings: { maxOutboundQueue: 400 } })
    const gate = Promise.withResolvers<void>()
    const slow: Twin = {
      ...rig.twin,
      execute: async (batch) => {
        await gate.promise
        return rig.twin.execute(batch)
      },
    }
    const sending = await rig.open(sender(), { twin: slow })
    rig.broker.withholdConfirmations(true)
    const count = 900
    rig.send('in', [create('t'), ...Array.from({ length: count - 1 }, (_, n) => modify('t', n))])
    await rig.until(() => sending.counts('in').consumed === count, 'all consumed')
    gate.resolve()
    await rig.publishes('out', 1)
    rig.broker.withholdConfirmations(false)
    await rig.publishes('out', count)
    await rig.settlements(count)
    assert.is(listener.counts('out').published, count)
    assert.not('dropped.failure' in listener.counts('out'))
  }))

it('stops taking while its own replies pile up, and loses none', () =>
  withRig(async (rig) => {
    const replyTarget = { enabled: true, address: 'replies', headerMapping: {} }
    const sending = await rig.open(sender({ replyTarget }), {
      settings: { maxOutboundQueue: 400, maxUnsettled: 100 },
    })
    rig.broker.withholdConfirmations(true)
    const count = 900
    rig.send('in', [create('t'), ...Array.from({ length: count - 1 }, (_, n) => modify('t', n))])
    await rig.publishes('replies', 40)
    // Nothing is settled any more: whoever still took messages would do so now.
    for (let settled = -1; settled !== rig.settled.length; ) {
      settled = rig.settled.length
      await delay(100)
    }
    assert.ok(sending.counts('in').consumed! < 400, 'it waits')
    rig.broker.withholdConfirmations(false)
    await rig.publishes('replies', count)
  }))

const ANNOUNCED = testConnection({
  id: 'announced',
  targets: [
    testTarget('announcements/{{ connection:id }}', {
      topics: ['_/_/connections/announcements'],
      headerMapping: { subject: '{{ topic:subject }}' },
    }),
  ],
})

it('announces that it opened, again and again, and that it closes', () =>
  withRig(async (rig) => {
    const address = 'announcements/announced'
    const shard = await rig.open(ANNOUNCED)
    await rig.publishes(address, 1)
    rig.broker.cut(CUT)
    await rig.publishes(address, 2)
    await rig.close(shard)
    const announcements = rig.payloads(address)
    const base = '_/announced/connections/announcements'
    assert.equal(
      announcements.map(({ topic }) => topic),
      [`${base}/opened`, `${base}/opened`, `${base}/closed`],
    )
    assert.equal(
      announcements.map(({ path, value }) => [path, Object.keys(value as object)]),
      [
        ['/', ['openedAt']],
        ['/', ['openedAt']],
        ['/', ['closedAt']],
      ],
    )
    assert.equal(
      rig.published(address).map(({ message }) => message.headers.subject),
      ['opened', 'opened', 'closed'],
    )
  }))

it('does not announce the end of what was not there', () =>
  withRig(async (rig) => {
    rig.broker.refuse(CUT)
    const shard = rig.make(ANNOUNCED)
    shard.shard.start()
    await rig.until(() => shard.statuses.at(-1)?.client.status === 'failed', 'failure')
    await rig.close(shard)
    assert.equal(shard.counts('announcements/{{ connection:id }}'), {})
    assert.is(shard.statuses.at(-1)!.client.status, 'closed')
  }))

it('proves in a dry run that it could, and takes no part', () =>
  withRig(async (rig) => {
    const shard = await rig.open({ ...ANNOUNCED, sources: [testSource(['in'])] }, { dryRun: true })
    rig.send('in', [create('t')])
    await rig.close(shard)
    assert.equal(rig.broker.published, [])
    assert.equal(rig.settled, [])
  }))

it('does not receive what it caused itself', () =>
  withRig(async (rig) => {
    const both = await rig.open({ ...sender(), targets: LISTENER.targets })
    await rig.open(LISTENER)
    rig.send('in', [create('t')])
    await rig.publishes('out', 1)
    assert.equal(both.counts('out'), {})
  }))

it('finishes, settles and publishes what is in flight before it closes', () =>
  withRig(async (rig) => {
    const gates: (() => void)[] = []
    const slow: Twin = {
      ...rig.twin,
      execute: async (batch) => {
        await new Promise<void>((resolve) => {
          gates.push(resolve)
        })
        return rig.twin.execute(batch)
      },
    }
    const sending = await rig.open(sender({ replyTarget: { enabled: true, address: 'replies' } }), {
      twin: slow,
    })
    await rig.open(LISTENER)
    rig.send('in', [create('t'), liveMessage('t', 'x')])
    await rig.until(() => gates.length === 1, 'messages in the twin')
    const closed = rig.close(sending)
    rig.send('in', [modify('t', 2)])
    gates[0]!()
    await closed
    assert.equal(rig.settled, ['accept', 'accept'])
    assert.is(rig.published('replies').length, 1)
    await rig.publishes('out', 1)
    assert.is(sending.counts('in').consumed, 2, 'what came later stays with the broker')
  }))

it('closes in time, whoever does not answer, and gives the messages back', () =>
  withRig(async (rig) => {
    const settings = { drainTimeoutMs: 30, ackTimeoutMs: 60_000 }
    const never: Twin = { ...rig.twin, execute: () => new Promise(() => undefined) }
    const hanging = await rig.open(sender(), { settings, twin: never })
    rig.send('in', [create('t')])
    await rig.until(() => hanging.counts('in').consumed === 1, 'a message in the twin')
    await rig.close(hanging)
    assert.equal(rig.settled, [])

    const waiting = await rig.open(
      sender({
        acknowledgementRequests: { includes: ['nobody:answers'] },
        replyTarget: { enabled: true, address: 'replies', expectedResponseTypes: ['nack'] },
      }),
      { settings },
    )
    await rig.until(() => waiting.counts('in').enforced === 1, 'the same message')
    await rig.close(waiting)
    assert.is(rig.settled[0], 'retry')
    assert.is(rig.published('replies').length, 1, 'who asked is told so')
    assert.is(waiting.counts('in')['acknowledged.failure'], 1)
  }))

it('closes although its transport does not stop or publish', () =>
  withRig(async (rig) => {
    const shard = await rig.open(ANNOUNCED, {
      settings: { drainTimeoutMs: 20 },
      createTransport: (options) => ({
        ...bound(rig.broker.factory(options)),
        publish: () => new Promise(() => undefined),
        stopConsuming: () => new Promise(() => undefined),
      }),
    })
    await rig.close(shard)
    assert.is(shard.statuses.at(-1)!.client.status, 'closed')
  }))

it(
  'closes while its broker is away, at once',
  () =>
    withRig(async (rig) => {
      await rig.open(sender())
      const listener = rig.make(LISTENER, { settings: { drainTimeoutMs: 60_000 } })
      rig.send('in', [create('t')])
      await rig.settlements(1)
      await rig.close(listener)
      assert.is(listener.counts('out')['dropped.failure'], 1, 'and tells what is lost')
    }),
  5000,
)

it('closes once, however often it is told', () =>
  withRig(async (rig) => {
    const shard = await rig.open(LISTENER)
    await Promise.all([shard.shard.close(undefined), shard.shard.close(undefined)])
    await shard.shard.close(undefined)
    const closed = shard.statuses.filter(({ client }) => client.status === 'closed')
    assert.is(closed.length, 1)
  }))

it('leaves no answer behind when the twin answers after the end', () =>
  withRig(async (rig) => {
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const slow: Twin = {
      ...rig.twin,
      execute: async (batch) => {
        await late
        return rig.twin.execute(batch)
      },
    }
    const incomingScript = `function mapToDittoProtocolMsg(headers, text) { return JSON.parse(text) }`
    const sending = await rig.open(
      {
        ...sender({
          payloadMapping: ['js'],
          replyTarget: { enabled: true, address: 'replies' },
        }),
        mappingDefinitions: { js: { mappingEngine: 'JavaScript', options: { incomingScript } } },
      },
      { twin: slow, settings: { drainTimeoutMs: 10 } },
    )
    await rig.open(LISTENER)
    rig.send('in', [create('t')])
    await rig.until(() => sending.counts('in').consumed === 1, 'a message in the twin')
    await rig.close(sending)
    resolve()
    await rig.publishes('out', 1)
    assert.equal(rig.published('replies'), [])
    assert.equal(rig.settled, [], 'the broker has it back')
  }))

it('cannot be made of what does not compile', () =>
  withRig(async (rig) => {
    const broken = [
      testConnection({
        sources: [testSource(['in'], { payloadMapping: ['js'] })],
        mappingDefinitions: {
          js: { mappingEngine: 'JavaScript', options: { incomingScript: 'function (' } },
        },
      }),
      testConnection({ targets: [testTarget('out/{{ nonsense }}')] }),
      testConnection({
        targets: [testTarget('out', { topics: ['_/_/things/twin/events?filter=x'] })],
      }),
    ]
    for (const connection of broken) {
      assert.throws(
        () => rig.make(connection),
        (thrown: unknown) => thrown instanceof DittoException,
      )
    }
  }))

it('logs while the log is active', () =>
  withRig(async (rig) => {
    const sending = await rig.open(sender())
    rig.send('in', [create('t')])
    await rig.settlements(1)
    assert.equal(sending.shard.logs(0).entries, [])
    sending.shard.setLogs(true)
    rig.send('in', [modify('t', 1)])
    await rig.settlements(2)
    assert.equal(
      sending.shard
        .logs(0)
        .entries.map(({ category, type, level }) => `${category} ${type} ${level}`),
      [
        'source consumed success',
        'source mapped success',
        'source enforced success',
        'response dispatched success',
        'response dropped success',
        'source acknowledged success',
      ],
    )
    sending.shard.resetLogs()
    assert.equal(sending.shard.logs(0).entries, [])
  }))

function delivered(payload: unknown): Delivery {
  const message = { headers: {}, payload: JSON.stringify(payload) }
  return { message, source: 0, address: 'in', sourceAddress: 'in', settle: () => undefined }
}

/** A transport whose methods can be replaced one by one. */
function bound(transport: Transport): Transport {
  return {
    open: (signal) => transport.open(signal),
    publish: (batch) => transport.publish(batch),
    pause: () => transport.pause(),
    resume: () => transport.resume(),
    stopConsuming: (successor) => transport.stopConsuming(successor),
    close: () => transport.close(),
  }
}
