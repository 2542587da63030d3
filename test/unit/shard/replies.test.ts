import * as assert from 'uvu/assert'
import type { ReplyTarget } from '../../../src/connection/types.ts'
import { testConnection, testSource } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, modify, type Rig, type RigShard, withRig } from './rig.ts'

const it = suite('replies')

const HEADER_MAPPING = { 'reply-to': '{{ header:reply-to }}', 'correlation-id': '{{ header:id }}' }

function open(rig: Rig, replyTarget: ReplyTarget, fields = {}): Promise<RigShard> {
  const source = testSource(['in'], { replyTarget, headerMapping: HEADER_MAPPING, ...fields })
  return rig.open(testConnection({ id: 'sender', sources: [source] }), { logs: true })
}

it('answers at the address of the reply target', () =>
  withRig(async (rig) => {
    const opened = await open(rig, {
      enabled: true,
      address: 'replies/{{ header:reply-to }}',
      headerMapping: { 'my-id': '{{ header:correlation-id }}', status: '{{ resource:path }}' },
    })
    rig.send('in', [create('t')], { 'reply-to': 'me', id: 'c-1' })
    await rig.publishes('replies/me', 1)
    const [message] = rig.published('replies/me')
    assert.is(message!.message.headers['my-id'], 'c-1')
    assert.is(message!.message.headers['content-type'], 'application/vnd.eclipse.ditto+json')
    const [reply] = rig.payloads('replies/me')
    assert.is(reply!.topic, 'ns/t/things/twin/commands/create')
    assert.is(reply!.status, 201)
    assert.equal(opened.counts('_responses'), { dispatched: 1, mapped: 1, published: 1 })
  }))

interface Case {
  readonly title: string
  readonly target: ReplyTarget
  readonly headers?: Record<string, unknown>
  /** One that succeeds, unless it says otherwise. */
  readonly fails?: true
  readonly counts: Readonly<Record<string, number>>
  readonly text?: string
}

const ADDRESS = 'replies'
const SENT = { mapped: 1, published: 1 }

const CASES: readonly Case[] = [
  {
    title: 'a response by default',
    target: { enabled: true, address: ADDRESS },
    counts: { dispatched: 1, ...SENT },
  },
  {
    title: 'an error by default',
    target: { enabled: true, address: ADDRESS },
    fails: true,
    counts: { 'dispatched.failure': 1, ...SENT },
  },
  {
    title: 'no response where only errors are expected',
    target: { enabled: true, address: ADDRESS, expectedResponseTypes: ['error'] },
    counts: { dispatched: 1, dropped: 1 },
    text:
      'Dropped response since requester did not require response via Header ' +
      'ditto-expected-response-types.',
  },
  {
    title: 'an error where only errors are expected',
    target: { enabled: true, address: ADDRESS, expectedResponseTypes: ['error'] },
    fails: true,
    counts: { 'dispatched.failure': 1, ...SENT },
  },
  {
    title: 'no error where only responses are expected',
    target: { enabled: true, address: ADDRESS, expectedResponseTypes: ['response'] },
    fails: true,
    counts: { 'dispatched.failure': 1, dropped: 1 },
  },
  {
    title: 'nothing where nothing is expected',
    target: { enabled: true, address: ADDRESS, expectedResponseTypes: [] },
    counts: { dispatched: 1, dropped: 1 },
  },
  {
    title: 'no response that is not required',
    target: { enabled: true, address: ADDRESS },
    headers: { 'response-required': false },
    counts: { dispatched: 1, filtered: 1 },
  },
  {
    title: 'no error that is not required',
    target: { enabled: true, address: ADDRESS },
    headers: { 'response-required': false },
    fails: true,
    counts: { 'dispatched.failure': 1, filtered: 1 },
  },
  {
    title: 'nothing without a reply target',
    target: { enabled: false, address: ADDRESS },
    counts: { dispatched: 1, dropped: 1 },
    text: 'Dropped response since the source has no reply target.',
  },
  {
    title: 'nothing where the address cannot be resolved',
    target: { enabled: true, address: '{{ header:reply-to }}' },
    counts: { dispatched: 1, mapped: 1, 'dropped.failure': 1 },
    text: 'Response dropped, missing replyTo address.',
  },
]

for (const { title, target, headers = {}, fails = false, counts, text } of CASES) {
  it(`sends ${title}`, () =>
    withRig(async (rig) => {
      const opened = await open(rig, target)
      rig.send('in', [fails ? modify('unknown', 1, headers) : create('t', {}, headers)])
      await rig.settlements(1)
      if ('published' in counts) {
        await rig.until(() => opened.counts('_responses').published === 1, 'a published reply')
      }
      assert.equal(sorted(opened.counts('_responses')), sorted(counts))
      assert.is(rig.published(ADDRESS).length, counts.published ?? 0)
      if (text !== undefined) assert.match(opened.texts('response', 'dropped').join(), text)
    }))
}

it('tells errors of messages that nobody could read, too', () =>
  withRig(async (rig) => {
    await open(rig, { enabled: true, address: '{{ header:reply-to }}' })
    rig.send('in', ['no json'], { 'reply-to': ADDRESS, id: 'c-1' })
    await rig.publishes(ADDRESS, 1)
    const [reply] = rig.payloads(ADDRESS)
    assert.is(reply!.topic, 'unknown/unknown/things/twin/errors')
    assert.is(reply!.headers['correlation-id'], 'c-1')
    assert.is((reply!.value as { error: string }).error, 'json.invalid')
    assert.is(reply!.status, 400)
  }))

it('maps a response with the mapper of its request, and keeps the order', () =>
  withRig(async (rig) => {
    const outgoingScript = `function mapFromDittoProtocolMsg(namespace, name) {
      return Ditto.buildExternalMsg({}, '"script ' + name + '"', null, 'text/plain')
    }`
    const opened = await rig.open(
      testConnection({
        id: 'sender',
        sources: [
          testSource(['in'], { replyTarget: { enabled: true, address: ADDRESS } }),
          testSource(['js'], {
            replyTarget: { enabled: true, address: ADDRESS },
            payloadMapping: ['js'],
          }),
        ],
        mappingDefinitions: {
          js: { mappingEngine: 'JavaScript', options: { outgoingScript } },
        },
      }),
    )
    rig.send('in', [create('a')])
    rig.send('js', [create('b'), create('c')])
    rig.send('in', [create('d')])
    await rig.publishes(ADDRESS, 4)
    const seen = rig.payloads(ADDRESS).map((reply) => reply.topic ?? reply)
    assert.equal(seen, [
      'ns/a/things/twin/commands/create',
      'script b',
      'script c',
      'ns/d/things/twin/commands/create',
    ])
    assert.is(opened.counts('_responses').mapped, 4)
  }))

it('counts replies that the mapper drops or fails to map', () =>
  withRig(async (rig) => {
    const outgoingScript = `function mapFromDittoProtocolMsg(namespace, name) {
      if (name === 'bad') throw new Error('no')
      return null
    }`
    const opened = await rig.open(
      testConnection({
        id: 'sender',
        sources: [
          testSource(['in'], {
            replyTarget: { enabled: true, address: ADDRESS },
            payloadMapping: ['js'],
          }),
        ],
        mappingDefinitions: {
          js: { mappingEngine: 'JavaScript', options: { outgoingScript } },
        },
      }),
    )
    rig.send('in', [create('good'), create('bad')])
    await rig.until(() => opened.counts('_responses')['mapped.failure'] === 1, 'the last response')
    assert.equal(opened.counts('_responses'), { dispatched: 2, dropped: 1, 'mapped.failure': 1 })
  }))

function sorted(counts: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  return Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))
}
