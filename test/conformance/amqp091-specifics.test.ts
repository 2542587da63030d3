/** What only AMQP 0.9.1 has: queues and exchanges that are missing, returns, alarms, virtual hosts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib'
import * as assert from 'uvu/assert'
import type { Connection } from '../../src/connection/types.ts'
import type { QueueDelivery } from '../../src/transport/amqp091/delivery.ts'
import { createAmqp091Transport } from '../../src/transport/amqp091/transport.ts'
import {
  type AddressStatus,
  ConnectError,
  type PublishOutcome,
  type TransportOptions,
} from '../../src/transport/transport.ts'
import { testConnection, testSource, testTarget } from '../support/connection.ts'
import { Probe } from '../support/probe.ts'
import { startProxy, type TcpProxy } from '../support/proxy.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { suite } from '../support/suite.ts'
import { type Authority, createAuthority } from '../support/tls.ts'

const it = suite('transport: amqp-091 specifics')
const probes: Probe[] = []
const proxies: TcpProxy[] = []
const rejections: unknown[] = []
let folder: string
let authority: Authority
let broker: RabbitMq
let device: ChannelModel
let channel: ConfirmChannel

process.on('unhandledRejection', (reason) => rejections.push(reason))

it.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
  authority = await createAuthority(folder)
  broker = await startRabbitMq({
    tls: { caFile: authority.certFile, ...(await authority.server('localhost')) },
    config: ['heartbeat = 2'],
  })
  device = await broker.connect()
  channel = await device.createConfirmChannel()
})
it.afterEach(async () => {
  await Promise.all(probes.splice(0).map(({ transport }) => transport.close()))
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()))
  assert.equal(rejections, [])
})
it.after(async () => {
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
})

it('a missing queue costs nobody but itself, and is consumed once it exists', async () => {
  await channel.assertQueue('good')
  const probe = await open({ sources: [testSource(['missing', 'good'])] })
  assert.is(last(probe, 'missing')?.status, 'misconfigured')
  assert.match(last(probe, 'missing')?.details ?? '', "NOT_FOUND - no queue 'missing' in vhost '/'")
  assert.is(last(probe, 'good')?.status, 'open')
  await send('good', ['a'])
  await probe.delivered(1)
  await channel.assertQueue('missing')
  await send('missing', ['b'])
  await probe.delivered(2)
  assert.equal(
    probe.deliveries.map(({ sourceAddress }) => sourceAddress),
    ['good', 'missing'],
  )
  assert.is(last(probe, 'missing')?.status, 'open')
  const failures = probe.logs.filter((line) => line.includes('Failed to consume queue missing'))
  assert.is(failures.length, 1)
  assert.ok(probe.logs.includes('success: Consume OK for consumer queue missing'))
})

it('a queue that is deleted and made again goes on, beside others', async () => {
  for (const queue of ['doomed', 'beside']) await channel.assertQueue(queue)
  const probe = await open({
    sources: [testSource(['doomed'], { consumerCount: 2 }), testSource(['beside'])],
  })
  await send('doomed', ['a'])
  await probe.delivered(1)
  await channel.deleteQueue('doomed')
  await probe.until(() => logged(probe, 'queue doomed was cancelled'), 'the cancellation')
  await probe.until(() => last(probe, 'doomed')?.status === 'misconfigured', 'the queue missed')
  // Settlements of the channel that is gone have nowhere to go.
  probe.deliveries[0]?.settle('accept')
  await send('beside', ['b'])
  await probe.delivered(2)
  await channel.assertQueue('doomed')
  await send('doomed', ['c'])
  await probe.delivered(3)
  assert.equal(probe.payloads, ['a', 'b', 'c'])
  await until(async () => last(probe, 'doomed')?.status === 'open', 'the queue found')
  assert.equal(probe.lost, [])
})

it('a connection none of whose queues can be consumed cannot be opened', async () => {
  const error = await failure({ sources: [testSource(['nope', 'neither'])] })
  assert.equal([error.failure, error.status], ['misconfigured', 'misconfigured'])
  assert.match(error.message, 'queues are missing: nope, neither')
  await channel.assertQueue('mine', { exclusive: true })
  const locked = await failure({ sources: [testSource(['mine'])] })
  assert.is(locked.status, 'misconfigured')
  assert.match(locked.message, 'RESOURCE_LOCKED')
})

it('a channel closed by the broker is opened again; what was unsettled comes again', async () => {
  for (const queue of ['contested', 'calm']) await channel.assertQueue(queue)
  const probe = await open({ sources: [testSource(['contested', 'calm'])] })
  await send('contested', ['a', 'b'])
  await send('calm', ['x'])
  await probe.delivered(3)
  const first = probe.deliveries.find(({ address }) => address === 'contested') as QueueDelivery
  first.settle('accept')
  await turn()
  // What no shard can do: acknowledging a number again is an error of the channel (406).
  first.outcome = undefined
  first.sent = false
  first.settle('accept')
  await probe.delivered(4)
  assert.is(probe.payloads[3], 'b')
  assert.ok(logged(probe, 'Failed to consume queue contested: PRECONDITION_FAILED'))
  for (const delivery of probe.deliveries) delivery.settle('accept')
  await probe.transport.close()
  assert.equal(await messagesIn('contested', 'calm'), [0, 0])
  assert.equal(probe.lost, [])
})

it('a second settlement, and one after the end, do nothing', async () => {
  await channel.assertQueue('twice')
  const probe = await open({ sources: [testSource(['twice'])] })
  await send('twice', ['a', 'b'])
  await probe.delivered(2)
  const [first, second] = probe.deliveries
  assert.type(first?.settle('accept'), 'string')
  assert.is(first?.settle('retry'), undefined)
  await turn()
  assert.is(first?.settle('accept'), undefined)
  await probe.transport.close()
  assert.is(second?.settle('accept'), undefined)
  assert.equal(await messagesIn('twice'), [1])
  assert.equal(probe.lost, [])
})

it('holds no more unsettled than the window, however many consumers there are', async () => {
  for (const queue of ['wide', 'narrow']) {
    await channel.assertQueue(queue)
    await send(queue, numbered(40))
  }
  const sources = [testSource(['wide'], { consumerCount: 3 }), testSource(['narrow'])]
  const probe = await open({ sources }, { maxUnsettled: 20 })
  const statuses = probe.statuses.filter(({ address }) => address === 'wide')
  assert.equal(
    statuses.map(({ status }) => status),
    ['open'],
  )
  let settled = 0
  while (settled < 80) {
    await probe.delivered(settled + 1)
    await turn()
    assert.ok(probe.deliveries.length - settled <= 20, 'more unsettled than the window')
    probe.deliveries[settled]?.settle('accept')
    settled += 1
  }
  const wide = probe.deliveries.filter(({ address }) => address === 'wide')
  assert.is(new Set(wide.map(({ message }) => String(message.payload))).size, 40)
  await probe.transport.close()
  assert.equal(await messagesIn('wide', 'narrow'), [0, 0])
})

it('consumes quorum queues, which know no window of a channel', async () => {
  await channel.assertQueue('quorum', { arguments: { 'x-queue-type': 'quorum' } })
  const probe = await open({ sources: [testSource(['quorum'], { consumerCount: 2 })] })
  probe.settlement = 'accept'
  await send('quorum', numbered(20))
  await probe.delivered(20)
  assert.equal(probe.payloads, numbered(20))
})

it('a target that may not be published to says so until the broker takes a message', async () => {
  await channel.assertExchange('forbidden', 'fanout')
  const targets = [testTarget('forbidden/key'), testTarget('/beside')]
  await channel.assertQueue('beside')
  const probe = await open({ targets })
  assert.is(last(probe, 'forbidden/key')?.status, 'open')
  // Looking whether an exchange is there needs no permission to write.
  await broker.ctl('set_permissions', 'guest', '.*', '^(?!forbidden).*', '.*')
  try {
    for (let time = 0; time < 2; time++) {
      const [refused] = await probe.publish('forbidden/key', ['one'])
      assert.match(messageOf(refused!), /ACCESS_REFUSED|access to exchange/i)
      await until(async () => last(probe, 'forbidden/key')?.status === 'misconfigured', 'status')
    }
    assert.equal(oks(await probe.publish('/beside', ['one'])), [true])
    assert.is(last(probe, '/beside')?.status, 'open')
  } finally {
    await broker.ctl('set_permissions', 'guest', '.*', '.*', '.*')
  }
  await channel.bindQueue('beside', 'forbidden', '')
  await until(
    async () => oks(await probe.publish('forbidden/key', ['two'])).includes(true),
    'publish',
  )
  assert.is(last(probe, 'forbidden/key')?.status, 'open')
})

it('while paused it holds a window and answers heartbeats', async () => {
  await channel.assertQueue('held')
  const probe = await open({ sources: [testSource(['held'])] }, { maxUnsettled: 10 })
  probe.settlement = 'accept'
  probe.transport.pause()
  await send('held', numbered(30))
  // The broker gives up a peer after two heartbeats of 2 s.
  await new Promise((resolve) => setTimeout(resolve, 6500))
  assert.equal(probe.lost, [])
  assert.is(probe.deliveries.length, 0)
  probe.transport.resume()
  await probe.delivered(30)
  assert.equal(probe.payloads, numbered(30))
})

it('rejected messages go to the dead-letter exchange', async () => {
  await channel.assertQueue('dead')
  await channel.assertQueue('lively', {
    deadLetterExchange: '',
    deadLetterRoutingKey: 'dead',
  })
  const probe = await open({ sources: [testSource(['lively'])] })
  probe.settlement = 'reject'
  await send('lively', numbered(5))
  await probe.delivered(5)
  await until(async () => (await messagesIn('dead'))[0] === 5, 'dead letters')
})

it('headers come in as text, whatever their type', async () => {
  await channel.assertQueue('typed')
  const probe = await open({ sources: [testSource(['typed'])] })
  channel.sendToQueue('typed', Buffer.from([0, 255, 1]), {
    contentType: 'application/octet-stream',
    correlationId: 'Zürich 🚰',
    replyTo: 'amq.direct/answers',
    messageId: 'm-1',
    headers: {
      text: 'naïve 漢字 🌊',
      number: 42,
      float: 1.5,
      truth: true,
      nothing: null,
      bytes: Buffer.from([0xde, 0xad]),
      time: { '!': 'timestamp', value: 1_700_000_000 },
      list: [1, 'two', { three: 3 }],
      'content-type': 'overridden',
    },
  })
  await probe.delivered(1)
  const { headers, payload } = probe.deliveries[0]!.message
  assert.equal(headers, {
    text: 'naïve 漢字 🌊',
    number: '42',
    float: '1.5',
    truth: 'true',
    bytes: '3q0=',
    time: '1700000000000',
    list: '[1,"two",{"three":3}]',
    'content-type': 'application/octet-stream',
    'correlation-id': 'Zürich 🚰',
    'reply-to': 'amq.direct/answers',
    'message-id': 'm-1',
    messageId: '1',
  })
  assert.equal([...(payload as Buffer)], [0, 255, 1])
})

it('headers go out in the table and as properties, the payload as it is', async () => {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const probe = await open({ targets: [testTarget('/{{ thing:name }}')] })
  const headers = {
    'content-type': 'application/json',
    'correlation-id': 'Zürich 🚰',
    'reply-to': 'amq.direct/answers',
    'message-id': 'm-1',
    'naïve 漢字': '🌊',
    long: 'x'.repeat(60_000),
  }
  const outcomes = await probe.transport.publish([
    { address: `/${queue}`, qos: undefined, message: { headers, payload: '{"ü":1}' } },
    {
      address: `/${queue}`,
      qos: undefined,
      message: { headers: {}, payload: new Uint8Array([0, 255]).subarray(1) },
    },
    {
      address: `/${queue}`,
      qos: undefined,
      message: { headers: { 'correlation-id': 'l'.repeat(300) }, payload: undefined },
    },
    {
      address: `/${queue}`,
      qos: undefined,
      message: { headers: {}, payload: 'x'.repeat(400_000) },
    },
  ])
  assert.equal(oks(outcomes), [true, true, true, true])
  const [first, second, third, fourth] = await received(queue, 4)
  assert.equal(plain(first!.properties.headers), headers)
  const { contentType, correlationId, replyTo, messageId, deliveryMode } = first!.properties
  assert.equal(
    [contentType, correlationId, replyTo, messageId, deliveryMode],
    ['application/json', 'Zürich 🚰', 'amq.direct/answers', 'm-1', 2],
  )
  assert.is(first!.content.toString(), '{"ü":1}')
  assert.equal([...second!.content], [255])
  assert.is(third!.properties.correlationId, undefined)
  assert.is(third!.properties.headers?.['correlation-id'].length, 300)
  assert.is(third!.content.length, 0)
  assert.is(fourth!.content.length, 400_000)
})

it('what a broker would end the connection for is refused alone', async () => {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const probe = await open({ targets: [testTarget(`/${queue}`)] })
  const cases: readonly [string, Record<string, string>, string][] = [
    ['no-slash', {}, 'exchange/routingKey'],
    ['a/b/c', {}, 'exchange/routingKey'],
    [`/${'k'.repeat(256)}`, {}, '255 bytes'],
    [`/${queue}`, { ['n'.repeat(256)]: 'x' }, '255 bytes'],
    [`/${queue}`, { CC: 'elsewhere' }, 'routing'],
    [`/${queue}`, { large: 'x'.repeat(131_072) }, 'headers'],
    [`/${queue}`, {}, ''],
  ]
  const outcomes = await probe.transport.publish(
    cases.map(([address, headers]) => ({
      address,
      qos: undefined,
      message: { headers, payload: 'x' },
    })),
  )
  assert.equal(oks(outcomes), [false, false, false, false, false, false, true])
  for (const [index, [, , reason]] of cases.entries()) {
    assert.match(messageOf(outcomes[index]!), reason)
  }
  assert.equal(probe.lost, [])
})

it('a missing exchange is told at its target, others are published to; it heals', async () => {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, 'amq.topic', '#')
  const probe = await open({ targets: [testTarget('absent/key'), testTarget('amq.topic/key')] })
  assert.is(last(probe, 'absent/key')?.status, 'misconfigured')
  assert.match(last(probe, 'absent/key')?.details ?? '', "no exchange 'absent' in vhost '/'")
  assert.is(last(probe, 'amq.topic/key')?.status, 'open')
  const [bad, good] = await Promise.all([
    probe.publish('absent/key', ['a']),
    probe.publish('amq.topic/key', ['b']),
  ])
  assert.equal([oks(bad), oks(good)], [[false], [true]])
  assert.match(messageOf(bad[0]!), "no exchange 'absent'")
  await channel.assertExchange('absent', 'topic')
  await channel.bindQueue(queue, 'absent', '#')
  await until(async () => last(probe, 'absent/key')?.status === 'open', 'the exchange found')
  assert.equal(oks(await probe.publish('absent/key', ['c'])), [true])
  // Now it goes away while it is published to.
  await channel.deleteExchange('absent')
  const [gone] = await probe.publish('absent/key', ['d'])
  assert.is(gone?.ok, false)
  assert.match(messageOf(gone!), "no exchange 'absent'")
  await until(async () => last(probe, 'absent/key')?.status === 'misconfigured', 'the loss told')
  assert.equal(oks(await probe.publish('amq.topic/key', ['e'])), [true])
  assert.equal(probe.lost, [])
})

it('a bad exchange beside a good one under load costs the good one nothing', async () => {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, 'amq.fanout', '')
  const probe = await open({ targets: [testTarget('{{ header:exchange }}/key')] })
  const good: PublishOutcome[] = []
  const bad: PublishOutcome[] = []
  const rounds = Array.from({ length: 40 }, async (_, round) => {
    const addresses = [`bad-${round % 4}/key`, 'amq.fanout/key']
    const batch = Array.from({ length: 50 }, (_, index) => ({
      address: addresses[index % 2]!,
      qos: undefined,
      message: { headers: {}, payload: `${round}-${index}` },
    }))
    await new Promise((resolve) => setTimeout(resolve, round * 5))
    const outcomes = await probe.transport.publish(batch)
    for (const [index, outcome] of outcomes.entries()) (index % 2 === 0 ? bad : good).push(outcome)
  })
  await Promise.all(rounds)
  assert.equal(new Set(oks(good)), new Set([true]))
  assert.equal(new Set(oks(bad)), new Set([false]))
  const arrived = (await received(queue, 1000)).map(({ content }) => content.toString())
  assert.is(new Set(arrived).size, 1000)
})

it('exchanges that nobody publishes to any more make room for others', async () => {
  const probe = await open({ id: 'many', targets: [testTarget('{{ header:exchange }}/key')] })
  for (const round of [1, 2, 3]) {
    const outcomes = await probe.transport.publish(
      Array.from({ length: 120 }, (_, index) => ({
        address: `gone-${round}-${index}/key`,
        qos: undefined,
        message: { headers: {}, payload: 'x' },
      })),
    )
    for (const outcome of outcomes) assert.match(messageOf(outcome), 'no exchange')
  }
  assert.equal(probe.lost, [])
  assert.equal(probe.logs, [])
}, 40_000)

it('what a broker does not confirm is bounded', async () => {
  const proxy = await proxied()
  const uri = `amqp://guest:guest@127.0.0.1:${proxy.port}`
  const probe = await open({ uri, targets: [testTarget('/bounded')] }, { publishTimeoutMs: 1500 })
  await proxy.setMode('blackhole')
  const large = 'x'.repeat(1024 * 1024)
  const before = Date.now()
  const taken = Array.from({ length: 16 }, () => probe.publish('/bounded', [large]))
  const [refused] = await probe.publish('/bounded', ['one more'])
  assert.match(messageOf(refused!), '16777216 bytes are unconfirmed already')
  assert.ok(Date.now() - before < 1000, 'refused too late')
  for (const outcomes of await Promise.all(taken)) assert.equal(oks(outcomes), [false])
})

it('an unroutable message comes back as a failure, between others that do not', async () => {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const probe = await open({ targets: [testTarget(`/${queue}`)] })
  const batch = Array.from({ length: 60 }, (_, index) => ({
    address: index % 3 === 1 ? '/nobody-listens' : `/${queue}`,
    qos: undefined,
    message: { headers: {}, payload: index % 2 === 0 ? 'same' : `${index}` },
  }))
  const outcomes = await probe.transport.publish(batch)
  assert.equal(
    oks(outcomes),
    batch.map((_, index) => index % 3 !== 1),
  )
  assert.match(
    messageOf(outcomes[1]!),
    'Received basic.return from the external broker: 312 NO_ROUTE',
  )
})

it('a message that the broker refuses to keep is a negative confirm', async () => {
  await channel.assertQueue('full', {
    arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  })
  const probe = await open({ targets: [testTarget('/full')] })
  const outcomes = await probe.publish('/full', ['a', 'b', 'c'])
  assert.equal(oks(outcomes), [true, false, false])
  assert.match(messageOf(outcomes[1]!), 'Received negative confirm from the external broker.')
})

it('an alarm of the broker stops publishing, not consuming, and is told once', async () => {
  await channel.assertQueue('alarmed')
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await send('alarmed', numbered(50))
  const connection = { sources: [testSource(['alarmed'])], targets: [testTarget(`/${queue}`)] }
  const probe = await open(connection, { maxUnsettled: 5, publishTimeoutMs: 15_000 })
  await broker.ctl('set_vm_memory_high_watermark', '0.00001')
  try {
    const first = probe.publish(`/${queue}`, ['a'])
    await probe.until(() => logged(probe, 'blocks publishing'), 'the alarm')
    assert.is(last(probe, `/${queue}`)?.status, 'failed')
    const second = probe.publish(`/${queue}`, ['b'])
    probe.settlement = 'accept'
    for (const delivery of [...probe.deliveries]) delivery.settle('accept')
    await probe.delivered(50)
    const early = await Promise.race([first, second, turn()])
    assert.is(early, undefined)
    await broker.ctl('set_vm_memory_high_watermark', '0.4')
    assert.equal(oks([...(await first), ...(await second)]), [true, true])
  } finally {
    await broker.ctl('set_vm_memory_high_watermark', '0.4')
  }
  assert.is(last(probe, `/${queue}`)?.status, 'open')
  assert.is(probe.logs.filter((line) => line.startsWith('failure')).length, 1)
  assert.equal(probe.lost, [])
}, 40_000)

it('what waited too long for the end of an alarm is not published late; closing is quick', async () => {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const probe = await open({ targets: [testTarget(`/${queue}`)] }, { publishTimeoutMs: 300 })
  await broker.ctl('set_vm_memory_high_watermark', '0.00001')
  try {
    await probe.publish(`/${queue}`, ['sent before it was known'])
    await probe.until(() => logged(probe, 'blocks publishing'), 'the alarm')
    assert.equal(oks(await probe.publish(`/${queue}`, ['late'])), [false])
  } finally {
    await broker.ctl('set_vm_memory_high_watermark', '0.4')
  }
  await probe.until(() => logged(probe, 'takes messages again'), 'the end of the alarm')
  assert.equal(oks(await probe.publish(`/${queue}`, ['in time'])), [true])
  const arrived = (await received(queue, 2)).map(({ content }) => content.toString())
  assert.equal(arrived, ['sent before it was known', 'in time'])
}, 40_000)

it('a dead link is noticed by its heartbeats', async () => {
  await channel.assertQueue('dead-link')
  for (const mode of ['blackhole', 'blackhole-to-client'] as const) {
    const proxy = await proxied()
    const uri = `amqp://guest:guest@127.0.0.1:${proxy.port}`
    const probe = await open({
      uri,
      sources: [testSource(['dead-link'])],
      targets: [testTarget('/x')],
    })
    await proxy.setMode(mode)
    const publishing = probe.publish('/x', ['a'])
    await probe.until(() => probe.lost.length > 0, 'the loss of the session')
    assert.equal(
      probe.lost.map(({ failure, status }) => [failure, status]),
      [['lost', 'failed']],
    )
    assert.match(probe.lost[0]!.message, 'Heartbeat timeout')
    assert.equal(oks(await publishing), [false])
    await until(async () => proxy.connections === 0, 'sockets closed')
  }
}, 30_000)

it('a connection cut, reset or closed by the operator is lost once', async () => {
  await channel.assertQueue('cut')
  for (const how of ['fin', 'rst', 'operator'] as const) {
    const proxy = await proxied()
    const uri = `amqp://guest:guest@127.0.0.1:${proxy.port}`
    const id = `cut-${how}`
    const probe = await open({
      id,
      uri,
      sources: [testSource(['cut'])],
      targets: [testTarget('/x')],
    })
    if (how === 'operator') await closeAsOperator(id)
    else proxy.cut(how)
    await probe.until(() => probe.lost.length > 0, 'the loss of the session')
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(
      probe.lost.map(({ failure, status }) => [failure, status]),
      [['lost', 'failed']],
    )
    if (how === 'operator') assert.match(probe.lost[0]!.message, 'CONNECTION_FORCED')
    assert.equal(
      probe.statuses.filter(({ status }) => status !== 'open'),
      [],
    )
  }
})

it('a connection cut in the middle of the handshake could not be opened', async () => {
  const proxy = await proxied()
  const uri = `amqp://guest:guest@127.0.0.1:${proxy.port}`
  for (const cutAfter of [1, 8, 100, 520, 540]) {
    await proxy.setMode({ cutAfter })
    const error = await failure({ uri })
    assert.equal(error.status, 'failed', `after ${cutAfter} bytes: ${error.message}`)
  }
})

it('a peer that accepts and stays silent ends in a timeout, its socket closed', async () => {
  const proxy = await proxied()
  await proxy.setMode('silent')
  for (const scheme of ['amqp', 'amqps']) {
    const uri = `${scheme}://guest:guest@127.0.0.1:${proxy.port}`
    const error = await failure({ uri }, { connectTimeoutMs: 200 })
    assert.equal([error.failure, error.status], ['timeout', 'failed'])
    assert.match(error.message, '200 ms')
  }
  await until(async () => proxy.connections === 0, 'sockets closed')
})

it('the virtual host is the URL-decoded path; missing or forbidden ones are told', async () => {
  await broker.ctl('add_vhost', 'north/east')
  await broker.ctl('set_permissions', '-p', 'north/east', 'guest', '.*', '.*', '.*')
  const probe = await open({ id: 'hosted', uri: `${broker.url()}/north%2Feast` })
  const rows = await broker.ctl('list_connections', 'vhost', 'client_properties', '--silent')
  const row = rows.split('\n').find((line) => line.startsWith('north/east'))
  assert.match(row ?? '', 'hosted')
  await probe.transport.close()
  await broker.ctl('add_user', 'stranger', 'secret-word')
  for (const uri of [`${broker.url()}/nowhere`, broker.url('stranger:secret-word')]) {
    const error = await failure({ uri })
    assert.equal([error.failure, error.status], ['misconfigured', 'misconfigured'])
    assert.match(error.message, /virtual host '(nowhere|\/)'/)
    assert.not.match(error.message, 'secret-word')
  }
}, 40_000)

it('missing permissions are told where they are missing', async () => {
  await broker.ctl('add_user', 'limited', 'secret-word')
  await broker.ctl('set_permissions', '-p', '/', 'limited', '^$', '^amq.direct$', '^readable$')
  for (const queue of ['readable', 'unreadable']) await channel.assertQueue(queue)
  await channel.bindQueue('readable', 'amq.direct', 'key')
  const uri = broker.url('limited:secret-word')
  const probe = await open({
    uri,
    sources: [testSource(['readable', 'unreadable'])],
    targets: [testTarget('amq.topic/key'), testTarget('amq.direct/key')],
  })
  assert.is(last(probe, 'readable')?.status, 'open')
  assert.is(last(probe, 'unreadable')?.status, 'misconfigured')
  assert.match(last(probe, 'unreadable')?.details ?? '', 'ACCESS_REFUSED')
  const [forbidden] = await probe.publish('amq.topic/key', ['a'])
  assert.match(messageOf(forbidden!), 'ACCESS_REFUSED')
  assert.equal(oks(await probe.publish('amq.direct/key', ['b'])), [true])
  await probe.delivered(1)
  const error = await failure({ uri, sources: [testSource(['unreadable'])] })
  assert.equal([error.failure, error.status], ['authorization', 'misconfigured'])
}, 40_000)

it('speaks TLS and logs in with a client certificate', async () => {
  const uri = `amqps://localhost:${broker.tlsPort}`
  const { cert, key } = await authority.client('machine')
  await broker.ctl('add_user', 'machine', 'unused')
  await broker.ctl('set_permissions', '-p', '/', 'machine', '.*', '.*', '.*')
  const credentials = { type: 'client-cert', cert, key } as const
  const external = await open({ id: 'external', uri, ca: authority.cert, credentials })
  const rows = await broker.ctl('list_connections', 'user', 'auth_mechanism', '--silent')
  assert.match(rows, /machine\s+EXTERNAL/)
  await external.transport.close()
  const named = uri.replace('//', '//guest:guest@')
  await open({ uri: named, ca: authority.cert })
  await open({ uri: named, validateCertificates: false })
  const unknown = await failure({ uri: named })
  assert.equal([unknown.failure, unknown.status], ['tls', 'misconfigured'])
  const garbage = await failure({ uri: named, ca: 'no certificate' })
  assert.equal([garbage.failure, garbage.status], ['tls', 'misconfigured'])
  const stranger = await authority.client('nobody')
  const refused = await failure({
    uri,
    ca: authority.cert,
    credentials: { type: 'client-cert', cert: stranger.cert, key: stranger.key },
  })
  assert.equal([refused.failure, refused.status], ['authentication', 'misconfigured'])
}, 40_000)

it('a dry run says what is missing and leaves nothing behind', async () => {
  await channel.assertQueue('present')
  await send('present', ['a'])
  const connection = {
    id: 'dry',
    sources: [testSource(['present', 'absent-queue'])],
    targets: [testTarget('absent-exchange/x')],
  }
  const probe = await open(connection, { dryRun: true })
  assert.is(last(probe, 'present')?.status, 'open')
  assert.is(last(probe, 'absent-queue')?.status, 'misconfigured')
  assert.is(last(probe, 'absent-exchange/x')?.status, 'misconfigured')
  await probe.quiet()
  assert.equal(probe.payloads, [])
  await probe.transport.close()
  const { messageCount, consumerCount } = await channel.checkQueue('present')
  assert.equal([messageCount, consumerCount], [1, 0])
})

it('closing leaves no connection at the broker and loses no settlement', async () => {
  await channel.assertQueue('closing')
  await send('closing', numbered(500))
  const connection = { sources: [testSource(['closing'])], targets: [testTarget('/closing')] }
  const probe = await open(connection)
  await probe.delivered(500)
  for (const delivery of probe.deliveries.slice(0, 300)) delivery.settle('accept')
  const before = Date.now()
  await Promise.all([probe.transport.close(), probe.transport.close()])
  assert.ok(Date.now() - before < 1000, 'closing took longer than a second')
  assert.equal(await messagesIn('closing'), [200])
})

async function open(
  fields: Partial<Connection>,
  options: Partial<TransportOptions> = {},
): Promise<Probe> {
  const probe = await Probe.open(createAmqp091Transport, connectionOf(fields), options)
  probes.push(probe)
  return probe
}

/** Why a connection cannot be opened. */
async function failure(
  fields: Partial<Connection>,
  options: Partial<TransportOptions> = {},
): Promise<ConnectError> {
  try {
    await open(fields, options)
  } catch (error) {
    if (error instanceof ConnectError) return error
    throw error
  }
  throw new Error('it was opened')
}

function connectionOf(fields: Partial<Connection>): Connection {
  return testConnection({ connectionType: 'amqp-091', uri: broker.url(), ...fields })
}

async function proxied(): Promise<TcpProxy> {
  const proxy = await startProxy(broker.port)
  proxies.push(proxy)
  return proxy
}

async function send(queue: string, payloads: readonly string[]): Promise<void> {
  for (const text of payloads) channel.sendToQueue(queue, Buffer.from(text))
  await channel.waitForConfirms()
}

/** The first messages of a queue. */
async function received(queue: string, count: number): Promise<readonly ConsumeMessage[]> {
  const messages: ConsumeMessage[] = []
  const complete = Promise.withResolvers<void>()
  const { consumerTag } = await channel.consume(
    queue,
    (message) => {
      if (messages.push(message!) === count) complete.resolve()
    },
    { noAck: true },
  )
  await complete.promise
  await channel.cancel(consumerTag)
  return messages
}

/** How many messages wait in these queues. */
async function messagesIn(...queues: string[]): Promise<readonly number[]> {
  const checker: Channel = await device.createChannel()
  const replies = await Promise.all(queues.map((queue) => checker.checkQueue(queue)))
  await checker.close()
  return replies.map(({ messageCount }) => messageCount)
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 8000; !(await condition()); ) {
    if (Date.now() > deadline) throw new Error(`not within 8 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function last(probe: Probe, address: string): AddressStatus | undefined {
  return probe.statuses.findLast((status) => status.address === address)
}

function logged(probe: Probe, text: string): boolean {
  return probe.logs.some((line) => line.includes(text))
}

function oks(outcomes: readonly PublishOutcome[]): readonly boolean[] {
  return outcomes.map(({ ok }) => ok)
}

function messageOf(outcome: PublishOutcome): string {
  return outcome.ok ? '' : outcome.error.message
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `message ${index}`)
}

function plain(table: object | undefined): Record<string, unknown> {
  return { ...table }
}

async function turn(): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, 10))
  return undefined
}

/** Ends a connection of the client with this name, as operators do. */
async function closeAsOperator(name: string): Promise<void> {
  const rows = await broker.ctl('list_connections', 'pid', 'client_properties', '--silent')
  const row = rows.split('\n').find((line) => line.includes(`"${name}"`))
  await broker.ctl('close_connection', row!.split('\t')[0]!, 'by the operator')
}
