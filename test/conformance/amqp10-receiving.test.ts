/**
 * Sources over AMQP 1.0: credit, outcomes, links that end. Against a fake, for RabbitMQ 3 can do little
 * of it.
 */
import type { Delivery, Sender, Session } from 'rhea'
import * as assert from 'uvu/assert'
import type { Connection } from '../../src/connection/types.ts'
import { createAmqp10Transport } from '../../src/transport/amqp10/transport.ts'
import { ConnectError, type TransportOptions } from '../../src/transport/transport.ts'
import {
  type Amqp10Server,
  type Amqp10ServerOptions,
  startAmqp10Server,
} from '../support/amqp10-server.ts'
import { testConnection, testSource } from '../support/connection.ts'
import { Probe } from '../support/probe.ts'
import { suite } from '../support/suite.ts'

const it = suite('transport: amqp-10, receiving')
const probes: Probe[] = []
const servers: Amqp10Server[] = []

it.afterEach(async () => {
  await Promise.all(probes.splice(0).map(({ transport }) => transport.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

it('grants no more than the window, and more when messages are settled', async () => {
  const { server, probe } = await setUp(['a'], { maxUnsettled: 16 })
  const link = await server.source('a')
  await until(() => link.sendable(), 'credit')
  const outcomes = sendAll(link, 100)
  await probe.delivered(16)
  await probe.quiet()
  assert.is(probe.deliveries.length, 16)
  // The last of the window may be in need of it: without any other credit, one is enough.
  probe.deliveries[0]?.settle('accept')
  await probe.delivered(17)
  await probe.quiet(50)
  assert.is(probe.deliveries.length, 17)
  probe.settlement = 'accept'
  for (const delivery of probe.deliveries.slice(1)) delivery.settle('accept')
  await probe.delivered(100)
  await until(() => outcomes.size === 100, 'all outcomes')
  assert.equal(new Set(outcomes.values()), new Set(['accepted']))
})

it('shares the window among its links', async () => {
  const connection = consuming('shared', ['a', 'b'])
  const { server, probe } = await setUp(['a', 'b'], { maxUnsettled: 8 }, {}, connection)
  for (const address of ['a', 'b']) sendAll(await server.source(address), 20)
  await probe.delivered(8)
  await probe.quiet()
  const counts = ['a', 'b'].map(
    (address) => probe.deliveries.filter(({ sourceAddress }) => sourceAddress === address).length,
  )
  assert.equal(counts, [4, 4])
})

it('grants one each when there are more links than the window has room for', async () => {
  const sources = [testSource(['a'], { consumerCount: 3 })]
  const connection = { ...consuming('many', []), sources }
  const { server, probe } = await setUp([], { maxUnsettled: 2 }, {}, connection)
  assert.is(server.attachments('a'), 3)
  probe.settlement = 'accept'
  sendAll(await server.source('a'), 5)
  await probe.delivered(5)
})

it('takes what comes beyond the credit', async () => {
  const { server, probe } = await setUp(['a'], { maxUnsettled: 4 })
  const link = await server.source('a')
  await until(() => link.sendable(), 'credit')
  ;(link as unknown as { credit: number }).credit = 50
  const outcomes = sendAll(link, 50)
  await probe.delivered(50)
  for (const delivery of probe.deliveries) delivery.settle('accept')
  await until(() => outcomes.size === 50, 'all outcomes')
  ;(link as unknown as { credit: number }).credit = 0
})

it('grants nothing while paused, and nothing before it is open', async () => {
  const server = await start({})
  const probe = new Probe(createAmqp10Transport, { ...consuming('p', ['a']), uri: server.uri })
  probes.push(probe)
  probe.transport.pause()
  await probe.transport.open(new AbortController().signal)
  const link = await server.source('a')
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(link.sendable(), false)
  probe.transport.resume()
  await until(() => link.sendable(), 'credit')
})

it('tells each message its own outcome, whatever its neighbours have', async () => {
  const { server, probe } = await setUp(['a'])
  const outcomes = sendAll(await server.source('a'), 12)
  await probe.delivered(12)
  const settlements = ['accept', 'retry', 'reject'] as const
  const texts = probe.deliveries.map((delivery, index) => delivery.settle(settlements[index % 3]!))
  assert.equal(texts.slice(0, 3), [
    'Sending success acknowledgement: <accepted>',
    'Sending negative acknowledgement: <modified[delivery-failed]>',
    'Sending negative acknowledgement: <rejected>',
  ])
  // Settled once, in whatever order.
  assert.is(probe.deliveries[1]?.settle('accept'), undefined)
  await until(() => outcomes.size === 12, 'all outcomes')
  assert.equal(
    [...outcomes].sort(([one], [other]) => one - other).map(([, outcome]) => outcome),
    Array.from({ length: 12 }, (_, index) => ['accepted', 'modified', 'rejected'][index % 3]),
  )
})

it('releases where the broker knows no outcome modified', async () => {
  const outcomes = ['amqp:accepted:list', 'amqp:rejected:list', 'amqp:released:list']
  const { server, probe } = await setUp(['a'], {}, { source: { outcomes } })
  const told = sendAll(await server.source('a'), 1)
  await probe.delivered(1)
  assert.is(probe.deliveries[0]?.settle('retry'), 'Sending negative acknowledgement: <released>')
  await until(() => told.size === 1, 'the outcome')
  assert.equal([...told.values()], ['released'])
})

it('rejects what is no message, says so, and goes on', async () => {
  const { server, probe } = await setUp(['a'])
  const link = await server.source('a')
  await until(() => link.sendable(), 'credit')
  const outcomes = watch(link)
  const bad = [Buffer.from('not AMQP'), Buffer.of(0x00, 0x53, 0x77, 0xa1, 0xff, 0x61)]
  for (const bytes of [...bad, Buffer.alloc(0)]) link.send(bytes, undefined, 0)
  link.send(Buffer.from('batched'), undefined, 0x80013700)
  link.send({ body: 'good' })
  await probe.delivered(1)
  assert.equal(probe.payloads, ['good'])
  const told = probe.logs.filter((line) => line.startsWith('a: '))
  assert.is(told.length, 4)
  assert.match(told.join('\n'), 'it is empty')
  await until(() => outcomes.size === 4, 'four outcomes')
  assert.equal(new Set(outcomes.values()), new Set(['rejected']))
  assert.equal(probe.lost, [])
})

it('takes a message of many frames', async () => {
  const { server, probe } = await setUp(
    ['a'],
    {},
    {},
    consuming('big', ['a'], {
      'amqp.maxFrameSize': '512',
    }),
  )
  const link = await server.source('a')
  await until(() => link.sendable(), 'credit')
  // More frames than a session's window has room for.
  const body = 'x'.repeat(512 * 2500)
  link.send({ body })
  await probe.delivered(1)
  assert.is(probe.payloads[0], body)
})

it('gives unsettled messages back when it closes, and tells what was settled before', async () => {
  const { server, probe } = await setUp(['a'])
  const outcomes = sendAll(await server.source('a'), 5)
  await probe.delivered(5)
  probe.deliveries[1]?.settle('accept')
  await Promise.all([probe.transport.close(), probe.transport.close()])
  await until(() => outcomes.size === 5, 'all outcomes')
  assert.equal(
    [...outcomes].sort(([one], [other]) => one - other).map(([, outcome]) => outcome),
    ['released', 'accepted', 'released', 'released', 'released'],
  )
  assert.is(probe.deliveries[0]?.settle('accept'), undefined)
})

it('having stopped consuming, has no credit and gives back what still comes', async () => {
  const { server, probe } = await setUp(['a'])
  const link = await server.source('a')
  const outcomes = sendAll(link, 2)
  await probe.delivered(2)
  await probe.transport.stopConsuming(undefined)
  ;(link as unknown as { credit: number }).credit = 1
  link.send({ body: 'late' })
  await until(() => outcomes.size === 1, 'the outcome of the late message')
  assert.equal([...outcomes.values()], ['released'])
  assert.ok((link as unknown as { credit: number }).credit <= 0)
  for (const delivery of probe.deliveries) delivery.settle('accept')
  await until(() => outcomes.size === 3, 'all outcomes')
  assert.is(probe.deliveries.length, 2)
})

it('a link that ends costs its address only, and is attached again', async () => {
  for (const how of ['link', 'session', 'silently'] as const) {
    const { server, probe } = await setUp(['a', 'b'])
    probe.settlement = 'accept'
    const link = await server.source('a')
    const error = { condition: 'amqp:resource-deleted', description: 'the queue is gone' }
    if (how === 'link') link.close(error)
    else if (how === 'session') (link.session as Session).close(error)
    else link.close()
    await probe.until(() => probe.statuses.some(isClosed), 'the status of the address')
    const closed = probe.statuses.find(isClosed)
    assert.equal(
      [closed?.status, closed?.details],
      how === 'silently'
        ? ['failed', 'Consumer closed. Cause: The broker gave no reason.']
        : ['misconfigured', 'Consumer closed. Cause: [amqp:resource-deleted] the queue is gone'],
    )
    sendAll(await server.source('b'), 1)
    await probe.delivered(1)
    await probe.until(() => probe.logs.some((line) => line.includes('started again')), 'its return')
    assert.is(probe.statuses.findLast(({ address }) => address === 'a')?.status, 'open')
    assert.is(probe.statuses.findLast(({ address }) => address === 'b')?.status, 'open')
    sendAll(await server.source('a'), 1)
    await probe.delivered(2)
    assert.is(server.attachments('b'), 1)
    assert.equal(probe.lost, [])
    await probe.transport.close()
  }
})

it('settlements of a link that is gone have nowhere to go', async () => {
  const { server, probe } = await setUp(['a'])
  const link = await server.source('a')
  sendAll(link, 2)
  await probe.delivered(2)
  link.close({ condition: 'amqp:link:detach-forced', description: 'bye' })
  await probe.until(() => probe.statuses.some(isClosed), 'the status of the address')
  assert.is(probe.deliveries[0]?.settle('accept'), undefined)
  await until(() => server.attachments('a') === 2, 'the new link')
  assert.equal(probe.lost, [])
})

it('an address that is refused is tried again with pauses; others work', async () => {
  let refused = 0
  const refuse = (address: string): { condition: string; description: string } | undefined => {
    if (address !== 'bad') return undefined
    refused += 1
    return refused > 4 ? undefined : { condition: 'amqp:not-found', description: 'no such queue' }
  }
  const { server, probe } = await setUp(['bad', 'good'], {}, { refuse })
  assert.is(probe.statuses.findLast(({ address }) => address === 'bad')?.status, 'misconfigured')
  sendAll(await server.source('good'), 1)
  await probe.delivered(1)
  await probe.until(() => probe.logs.some((line) => line.includes('started again')), 'its return')
  // The same reason is told once.
  assert.is(probe.logs.filter((line) => line.includes('no such queue')).length, 1)
  assert.is(refused, 5)
})

it('without any source address, it cannot be opened', async () => {
  const cases: readonly [condition: string, expected: readonly string[]][] = [
    ['amqp:not-found', ['misconfigured', 'misconfigured']],
    ['amqp:unauthorized-access', ['misconfigured', 'misconfigured']],
    ['amqp:internal-error', ['protocol', 'failed']],
  ]
  for (const [condition, expected] of cases) {
    const refuse = (): object => ({ condition, description: 'no way' })
    const error = await setUp(['a', 'b'], {}, { refuse }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof ConnectError)) throw new Error('no ConnectError')
    assert.equal([error.failure, error.status], expected)
    assert.match(error.message, `'a': [${condition}] no way`)
    assert.match(error.message, `'b': [${condition}] no way`)
  }
})

it('a broker that does not answer an attach is asked again', async () => {
  const config = { 'jms.requestTimeout': '100' }
  const connection = consuming('silent', ['a', 'dumb'], config)
  const { server, probe } = await setUp([], {}, { silent: ['dumb'] }, connection)
  const status = probe.statuses.findLast(({ address }) => address === 'dumb')
  assert.is(status?.status, 'failed')
  assert.match(status?.details ?? '', '100 ms')
  await until(() => server.attachments('dumb') > 1, 'another attempt')
})

it('names the kind of an address', async () => {
  const { server } = await setUp(['plain', 'queue://q', 'topic://t'])
  for (const [address, capability] of [
    ['plain', 'queue'],
    ['q', 'queue'],
    ['t', 'topic'],
  ] as const) {
    const link = await server.source(address)
    assert.equal([link.source.capabilities].flat(), [capability])
  }
})

it('a dry run attaches and takes nothing', async () => {
  const { server, probe } = await setUp(['a'], { dryRun: true })
  const link = await server.source('a')
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(link.sendable(), false)
  assert.is(probe.statuses.findLast(({ kind }) => kind === 'source')?.status, 'open')
  await probe.transport.close()
  assert.match(String(server.connections[0]?.container_id), /^test-\w+_test_[0-9a-f]{8}$/)
})

function isClosed({ details }: { readonly details: string }): boolean {
  return details.startsWith('Consumer closed.')
}

function consuming(
  id: string,
  addresses: readonly string[],
  specificConfig: Record<string, string> = {},
): Connection {
  const sources = [testSource(addresses)]
  return testConnection({ id: `test-${id}`, connectionType: 'amqp-10', sources, specificConfig })
}

async function start(options: Amqp10ServerOptions): Promise<Amqp10Server> {
  const server = await startAmqp10Server(options)
  servers.push(server)
  return server
}

async function setUp(
  addresses: readonly string[],
  options: Partial<TransportOptions> = {},
  serverOptions: Amqp10ServerOptions = {},
  connection = consuming('receiving', addresses),
): Promise<{ server: Amqp10Server; probe: Probe }> {
  const server = await start(serverOptions)
  const probe = await Probe.open(createAmqp10Transport, { ...connection, uri: server.uri }, options)
  probes.push(probe)
  return { server, probe }
}

/** Sends numbered messages as credit comes; the outcomes, by number of the delivery. */
function sendAll(link: Sender, count: number): Map<number, string> {
  const outcomes = watch(link)
  let sent = 0
  const pump = (): void => {
    const { credit } = link as unknown as { credit: number }
    for (let room = credit; room > 0 && sent < count; room--) link.send({ body: `${sent++}` })
  }
  link.on('sendable', pump)
  pump()
  return outcomes
}

function watch(link: Sender): Map<number, string> {
  const outcomes = new Map<number, string>()
  for (const outcome of ['accepted', 'modified', 'released', 'rejected']) {
    link.on(outcome, ({ delivery }: { delivery: Delivery }) => outcomes.set(delivery.id, outcome))
  }
  return outcomes
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 5000; !condition(); ) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
