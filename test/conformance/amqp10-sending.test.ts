/**
 * Targets over AMQP 1.0: credit, outcomes, links without an address. Against a fake, for RabbitMQ 3 can
 * do little of it.
 */
import type { Delivery, Message, Receiver } from 'rhea'
import * as assert from 'uvu/assert'
import { createAmqp10Transport } from '../../src/transport/amqp10/transport.ts'
import type {
  OutboundMessage,
  PublishOutcome,
  TransportOptions,
} from '../../src/transport/transport.ts'
import {
  type Amqp10Server,
  type Amqp10ServerOptions,
  startAmqp10Server,
} from '../support/amqp10-server.ts'
import { testConnection, testTarget } from '../support/connection.ts'
import { Probe } from '../support/probe.ts'
import { suite } from '../support/suite.ts'

const it = suite('transport: amqp-10, sending')
const probes: Probe[] = []
const servers: Amqp10Server[] = []
const TEMPLATE = 'replies/{{ thing:id }}'

it.afterEach(async () => {
  await Promise.all(probes.splice(0).map(({ transport }) => transport.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

it('waits for credit, and no longer than the limit', async () => {
  const { server, probe } = await setUp(['t'], { credit: 0 }, { publishTimeoutMs: 300 })
  const late = await probe.publish('t', ['too early'])
  assert.equal(words(late), [
    'Failed to send message: The broker did not confirm it within 300 ms.',
  ])
  const publishing = probe.publish('t', ['in time', 'too'])
  ;(await server.target('t')).add_credit(2)
  assert.equal(words(await publishing), ['200', '200'])
  // What had failed by then is not sent.
  assert.equal(
    server.received.map(({ body }) => body),
    ['in time', 'too'],
  )
})

it('never sends more than there is credit for', async () => {
  const { server, probe } = await setUp(['t'], { credit: 5 })
  const publishing = probe.publish('t', numbered(12))
  await until(() => server.received.length === 5, 'five messages')
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(server.received.length, 5)
  const link = await server.target('t')
  link.add_credit(6)
  await until(() => server.received.length === 11, 'eleven messages')
  link.add_credit(1)
  assert.equal(words(await publishing), Array(12).fill('200'))
  assert.equal(
    server.received.map(({ body }) => body),
    numbered(12),
  )
})

it('gives credit back when it is asked to, and goes on with new credit', async () => {
  const { server, probe } = await setUp(['t'], { credit: 5 })
  const link = await server.target('t')
  assert.equal(words(await probe.publish('t', ['a'])), ['200'])
  const drained = new Promise<void>((resolve) => link.once('receiver_drained', () => resolve()))
  link.drain_credit()
  await drained
  link.drain = false
  link.add_credit(2)
  assert.equal(words(await probe.publish('t', ['b', 'c'])), ['200', '200'])
})

it('more than a session can hold goes out in time', async () => {
  const { server, probe } = await setUp(['t'], { credit: 100_000 })
  const batches = Array.from({ length: 50 }, () => probe.publish('t', numbered(100)))
  const outcomes = (await Promise.all(batches)).flat()
  assert.is(outcomes.filter(({ ok }) => ok).length, 5000)
  assert.is(server.received.length, 5000)
})

it('refuses what is beyond its limits', async () => {
  const { probe } = await setUp(['t'], { credit: 0 }, { publishTimeoutMs: 2000 })
  const waiting = Array.from({ length: 100 }, () => probe.publish('t', numbered(100)))
  assert.match(words(await probe.publish('t', ['x']))[0] ?? '', 'too many unsettled messages')
  await probe.transport.close()
  const outcomes = (await Promise.all(waiting)).flat()
  assert.is(outcomes.filter(({ ok }) => ok).length, 0)
})

it('tells the outcome in the words of the broker', async () => {
  const outcomes: ((delivery: Delivery) => void)[] = [
    (delivery) => delivery.accept(),
    (delivery) => delivery.reject({ condition: 'amqp:not-allowed', description: 'too spicy' }),
    (delivery) => delivery.reject(),
    (delivery) => delivery.release(),
    (delivery) => delivery.modified({ delivery_failed: true }),
    (delivery) => delivery.update(true),
  ]
  const onMessage = (delivery: Delivery): void => outcomes.shift()?.(delivery)
  const { probe } = await setUp(['t'], { onMessage })
  const told: string[] = []
  // One by one: rhea's listening side would merge the outcomes.
  while (outcomes.length > 0) told.push(...words(await probe.publish('t', ['x'])))
  assert.equal(told, [
    '200',
    'Failed to send message: The broker rejected the message: [amqp:not-allowed] too spicy.',
    'Failed to send message: The broker rejected the message: no reason given.',
    'Failed to send message: The broker released the message: it does not want it now.',
    'Failed to send message: The broker could not deliver the message (outcome modified).',
    'Failed to send message: The broker settled the message without an outcome.',
  ])
})

it('has the last word when the broker leaves it to us', async () => {
  const settled: number[] = []
  const onMessage = (delivery: Delivery, _message: Message, receiver: Receiver): void => {
    if (settled.length === 0) {
      receiver.on('settled', ({ delivery: done }: { delivery: Delivery }) => settled.push(done.id))
    }
    const { message } = receiver.connection.container
    delivery.update(false, (message as unknown as { accepted(): Described }).accepted().described())
  }
  const { probe } = await setUp(['t'], { onMessage })
  assert.equal(words(await probe.publish('t', ['a', 'b'])), ['200', '200'])
  await until(() => settled.length > 0, 'the settlement')
})

it('a link that ends fails what is under way, tells so, and is attached again', async () => {
  const { server, probe } = await setUp(['t', 'u'], { onMessage: () => undefined })
  const publishing = probe.publish('t', ['a', 'b'])
  await until(() => server.received.length === 2, 'the messages')
  const link = await server.target('t')
  link.close({ condition: 'amqp:resource-deleted', description: 'gone' })
  const expected =
    'Failed to send message: The address cannot be sent to: [amqp:resource-deleted] gone Is the ' +
    'target or reply-to address correct?'
  assert.equal(words(await publishing), [expected, expected])
  assert.equal(words(await probe.publish('t', ['c'])), [expected])
  const status = probe.statuses.findLast(({ address }) => address === 't')
  assert.equal(
    [status?.status, status?.details],
    [
      'misconfigured',
      "Producer for destination 't' was closed. Cause: [amqp:resource-deleted] gone",
    ],
  )
  await probe.until(() => probe.logs.some((line) => line.includes('started again')), 'its return')
  assert.is(probe.statuses.findLast(({ address }) => address === 't')?.status, 'open')
  assert.is(server.attachments('u'), 1)
  assert.equal(probe.lost, [])
})

it('a message that ends its link costs none of those that have not left yet', async () => {
  const { server, probe } = await setUp(
    ['t'],
    {
      credit: 1,
      onMessage: (delivery, { body }) => {
        if (body === 'good') delivery.accept()
      },
    },
    { backoffMinMs: 1, backoffMaxMs: 1 },
  )
  const publishing = probe.publish('t', ['bad', 'good'])
  await until(() => server.received.length === 1, 'the first')
  const link = await server.target('t')
  link.close({ condition: 'amqp:precondition-failed', description: 'bad message' })
  const [bad, good] = words(await publishing)
  assert.match(bad!, 'bad message')
  assert.is(good, '200')
})

it('a target that is refused closes no other', async () => {
  const refuse = (address: string): object | undefined =>
    address === 'bad' ? { condition: 'amqp:unauthorized-access', description: 'no' } : undefined
  const { probe } = await setUp(['bad', 'good', TEMPLATE], { refuse })
  const statuses = new Map(probe.statuses.map(({ address, status }) => [address, status]))
  assert.equal(Object.fromEntries(statuses), {
    bad: 'misconfigured',
    good: 'open',
    [TEMPLATE]: 'unknown',
  })
  assert.equal(words(await probe.publish('good', ['x'])), ['200'])
  assert.match(words(await probe.publish('bad', ['x']))[0] ?? '', '[amqp:unauthorized-access] no')
})

it('attaches to addresses that come up, and lets go of the oldest', async () => {
  const { server, probe } = await setUp([], {})
  for (let index = 0; index < 105; index++) {
    assert.equal(words(await probe.publish(`dynamic/${index}`, ['x'])), ['200'])
  }
  assert.equal(words(await probe.publish('dynamic/104', ['x'])), ['200'])
  assert.is(server.attachments('dynamic/104'), 1)
  assert.equal(words(await probe.publish('dynamic/0', ['x'])), ['200'])
  assert.is(server.attachments('dynamic/0'), 2)
})

it('an address that comes up and is refused fails its messages', async () => {
  let isRefused = true
  const refuse = (): object | undefined =>
    isRefused ? { condition: 'amqp:not-found', description: 'no such node' } : undefined
  const { probe } = await setUp([], { refuse })
  const [first, second] = words(await probe.publish('nowhere', ['a', 'b']))
  assert.match(first ?? '', '[amqp:not-found] no such node')
  assert.is(first, second)
  isRefused = false
  assert.equal(words(await probe.publish('nowhere', ['a'])), ['200'])
})

it('sends to addresses that come up on one link, when the broker relays', async () => {
  const open = { offered_capabilities: ['ANONYMOUS-RELAY'] }
  const { server, probe } = await setUp(['fixed'], { open })
  const batch = ['fixed', 'one', 'topic://two'].map((address) => ({
    address,
    qos: undefined,
    message: { headers: { to: 'elsewhere' }, payload: 'x' },
  }))
  assert.equal(words(await probe.transport.publish(batch)), ['200', '200', '200'])
  const seen = server.received.map(({ to, message_annotations: annotations }) => [
    to,
    annotations?.['x-opt-jms-dest'],
  ])
  assert.equal(
    new Map(seen as [string, unknown][]),
    new Map([
      ['elsewhere', undefined],
      ['one', 0],
      ['two', 1],
    ] as [string, unknown][]),
  )
  assert.is(server.attachments(''), 1)
  assert.is(server.attachments('one'), 0)
})

it('what cannot be written is the fault of the message', async () => {
  const { server, probe } = await setUp(['t'])
  const message = (headers: Record<string, string>): OutboundMessage => ({
    address: 't',
    qos: undefined,
    message: { headers, payload: 'x' },
  })
  const outcomes = await probe.transport.publish([
    message({ 'group-sequence': '-1' }),
    message({}),
    message({ 'creation-time': 'yesterday' }),
    message({ 'content-type': 'text/plätzchen' }),
  ])
  assert.equal(
    outcomes.map((outcome) => (outcome.ok ? 200 : outcome.error.status)),
    [400, 200, 400, 400],
  )
  assert.match(words(outcomes)[0] ?? '', "Header 'group-sequence' is '-1'")
  assert.is(server.received.length, 1)
})

it('a message larger than the broker takes is not sent', async () => {
  const { server, probe } = await setUp(['t'], { maxMessageBytes: 1000 })
  const outcomes = await probe.publish('t', ['x'.repeat(2000), 'small'])
  assert.equal(
    outcomes.map((outcome) => (outcome.ok ? 200 : outcome.error.status)),
    [400, 200],
  )
  assert.is(server.received.length, 1)
})

it('sends large messages in frames of the size that the broker wants', async () => {
  const { server, probe } = await setUp(['t'], { open: { max_frame_size: 1024 } })
  const body = 'x'.repeat(300_000)
  assert.equal(words(await probe.publish('t', [body, 'y'])), ['200', '200'])
  assert.is(server.received[0]?.body, body)
})

interface Described {
  described(): object
}

function words(outcomes: readonly PublishOutcome[]): readonly string[] {
  return outcomes.map((outcome) => (outcome.ok ? `${outcome.status}` : outcome.error.message))
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${index}`)
}

async function setUp(
  addresses: readonly string[],
  serverOptions: Amqp10ServerOptions = {},
  options: Partial<TransportOptions> = {},
): Promise<{ server: Amqp10Server; probe: Probe }> {
  const server = await startAmqp10Server(serverOptions)
  servers.push(server)
  const connection = testConnection({
    id: 'sending',
    connectionType: 'amqp-10',
    uri: server.uri,
    targets: addresses.map((address) => testTarget(address)),
  })
  const probe = await Probe.open(createAmqp10Transport, connection, options)
  probes.push(probe)
  return { server, probe }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 5000; !condition(); ) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
