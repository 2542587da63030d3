import * as assert from 'uvu/assert'
import type { Connection, Source } from '../../../src/connection/types.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, modify, type Rig, type RigShard, withRig } from './rig.ts'

const it = suite('diversion')

const REPLY = { enabled: true, address: 'replies' } as const
const TO_RECEIVER = { 'divert-response-to-connection': 'receiver' }

/** The connection that takes commands, on two addresses. */
function openSender(
  rig: Rig,
  specificConfig: Connection['specificConfig'],
  fields: Partial<Source> = {},
): Promise<RigShard> {
  const shared = { replyTarget: REPLY, headerMapping: TO_RECEIVER, ...fields }
  const sources = [testSource(['in'], shared), testSource(['in/too'], shared)]
  return rig.open(testConnection({ id: 'sender', sources, specificConfig }), { logs: true })
}

/** The connection that takes responses. */
function openReceiver(
  rig: Rig,
  specificConfig: Connection['specificConfig'] = {},
  addresses: readonly string[] = ['diverted'],
): Promise<RigShard> {
  const targets = addresses.map((address) =>
    testTarget(address, {
      topics: [],
      headerMapping: { from: '{{ header:diverted-response-from-connection }}' },
    }),
  )
  const config = {
    'is-diversion-target': 'true',
    'authorized-connections-as-sources': 'somebody, sender',
    ...specificConfig,
  }
  const fields = { id: 'receiver', targets, specificConfig: config }
  return rig.open(testConnection(fields), { logs: true })
}

const SOURCE = { 'is-diversion-source': 'true' }

it('a diverted response leaves through the other connection alone', () =>
  withRig(async (rig) => {
    const receiver = await openReceiver(rig)
    const sender = await openSender(rig, SOURCE)
    rig.send('in', [create('t', {}, { 'correlation-id': 'c-1' })])
    await rig.publishes('diverted', 1)
    await rig.settlements(1)
    const [message] = rig.published('diverted')
    assert.is(message!.message.headers.from, 'sender')
    const [response] = rig.payloads('diverted')
    assert.is(response!.topic, 'ns/t/things/twin/commands/create')
    assert.is(response!.status, 201)
    assert.is(response!.headers['correlation-id'], 'c-1')
    assert.is(response!.headers['divert-response-to-connection'], undefined)
    assert.is(response!.headers['ditto-reply-target'], undefined)
    assert.equal(rig.published('replies'), [])
    assert.equal(sender.counts('_responses'), { dispatched: 1 })
    const passed = { dispatched: 1, filtered: 1, mapped: 1, published: 1 }
    assert.equal(receiver.counts('diverted'), passed)
  }))

it('a response is sent both ways when the normal one is preserved', () =>
  withRig(async (rig) => {
    await openReceiver(rig)
    await openSender(rig, { ...SOURCE, 'preserve-normal-response-via-source': 'true' })
    rig.send('in', [create('t')])
    await rig.publishes('diverted', 1)
    await rig.publishes('replies', 1)
  }))

it('a source without a reply target diverts, too', () =>
  withRig(async (rig) => {
    await openReceiver(rig)
    await openSender(
      rig,
      { ...SOURCE, 'preserve-normal-response-via-source': 'true' },
      { replyTarget: { enabled: false } },
    )
    rig.send('in', [create('t')])
    await rig.publishes('diverted', 1)
  }))

it('of several targets the one with the number of the source takes the response', () =>
  withRig(async (rig) => {
    const receiver = await openReceiver(rig, {}, ['first', 'second'])
    await openSender(rig, SOURCE)
    rig.send('in/too', [create('b')])
    rig.send('in', [create('a')])
    await rig.publishes('first', 1)
    await rig.publishes('second', 1)
    assert.match(rig.payloads('first')[0]!.topic, 'ns/a/')
    assert.match(rig.payloads('second')[0]!.topic, 'ns/b/')
    assert.is(receiver.counts('first').published, 1)
  }))

interface Types {
  readonly title: string
  readonly types?: string
  readonly fails: boolean
  readonly expected: 'diverted' | 'replies'
}

const TYPES: readonly Types[] = [
  { title: 'a response by default', fails: false, expected: 'diverted' },
  { title: 'an error by default', fails: true, expected: 'diverted' },
  { title: 'an error', types: 'error', fails: true, expected: 'diverted' },
  { title: 'no response beside errors', types: 'error, nack', fails: false, expected: 'replies' },
  { title: 'no error beside responses', types: 'response', fails: true, expected: 'replies' },
]
for (const { title, types, fails, expected } of TYPES) {
  it(`diverts ${title}`, () =>
    withRig(async (rig) => {
      await openReceiver(rig)
      const headers = types === undefined ? {} : { 'divert-expected-response-types': types }
      await openSender(rig, SOURCE)
      rig.send('in', [fails ? modify('nobody', 1, headers) : create('t', {}, headers)])
      await rig.publishes(expected, 1)
      const other = expected === 'replies' ? 'diverted' : 'replies'
      assert.equal(rig.published(other), [])
    }))
}

it('a message that is no command gets its error diverted', () =>
  withRig(async (rig) => {
    await openReceiver(rig)
    await openSender(rig, SOURCE)
    rig.send('in', ['no JSON'])
    await rig.publishes('diverted', 1)
    assert.is(rig.payloads('diverted')[0]!.status, 400)
  }))

it('the payload may say where its response goes', () =>
  withRig(async (rig) => {
    await openReceiver(rig)
    await openSender(rig, SOURCE, { headerMapping: {} })
    rig.send('in', [create('t', {}, TO_RECEIVER), create('u')])
    await rig.publishes('diverted', 1)
    await rig.publishes('replies', 1)
    assert.match(rig.payloads('diverted')[0]!.topic, 'ns/t/')
    assert.match(rig.payloads('replies')[0]!.topic, 'ns/u/')
  }))

const NORMAL: readonly [title: string, config: Connection['specificConfig'], header: string][] = [
  ['its connection does not say that it diverts', {}, 'receiver'],
  ['it would go to its own connection', SOURCE, 'sender'],
]
for (const [title, config, to] of NORMAL) {
  it(`a response takes the normal way when ${title}`, () =>
    withRig(async (rig) => {
      await openReceiver(rig)
      await openSender(rig, config, { headerMapping: { 'divert-response-to-connection': to } })
      rig.send('in', [create('t')])
      await rig.publishes('replies', 1)
      assert.equal(rig.published('diverted'), [])
    }))
}

const REFUSED: readonly [string, Connection['specificConfig'], string][] = [
  ['is no diversion target', { 'is-diversion-target': 'false' }, 'takes no diverted responses'],
  [
    'did not authorize the source',
    { 'authorized-connections-as-sources': 'somebody' },
    'is not authorized',
  ],
]
for (const [title, config, reason] of REFUSED) {
  it(`drops a response, with count and reason, when the other connection ${title}`, () =>
    withRig(async (rig) => {
      const receiver = await openReceiver(rig, config)
      const sender = await openSender(rig, SOURCE)
      rig.send('in', [create('t')])
      await rig.settlements(1)
      const dropped = [sender, receiver].filter(
        (shard) => shard.counts('_responses')['dropped.failure'] === 1,
      )
      assert.is(dropped.length, 1)
      assert.match(dropped[0]!.texts('response', 'dropped').join('\n'), reason)
      assert.equal(rig.published('diverted'), [])
      assert.equal(rig.published('replies'), [])
    }))
}

it('drops a response, with count and reason, when there is no target for its source', () =>
  withRig(async (rig) => {
    const receiver = await openReceiver(rig, {}, [])
    await openSender(rig, SOURCE)
    rig.send('in', [create('t')])
    await rig.settlements(1)
    assert.is(receiver.counts('_responses')['dropped.failure'], 1)
    assert.match(receiver.texts('response', 'dropped').join('\n'), 'no target for source 0')
  }))
