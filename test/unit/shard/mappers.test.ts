/** Mappers in chains, and what a shard hands them: the original message, with its subjects. */
import * as assert from 'uvu/assert'
import type { Connection } from '../../../src/connection/types.ts'
import { payloadText } from '../../../src/protocol/external-message.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, modify, type Rig, type RigShard, withRig } from './rig.ts'

const it = suite('mappers of a shard')

const CREATION: Connection['mappingDefinitions'] = {
  create: {
    mappingEngine: 'ImplicitThingCreation',
    incomingConditions: { isNew: "fn:filter(header:hono_registration_status,'eq','NEW')" },
    options: {
      thing: {
        thingId: '{{ header:device_id }}',
        attributes: { by: '{{ request:subjectId }}', owner: '{{ header:owner }}' },
      },
    },
  },
}
const STATUS: Connection['mappingDefinitions'] = {
  status: {
    mappingEngine: 'ConnectionStatus',
    options: { thingId: '{{ header:device_id }}', 'content-type-blocklist': 'x/quiet' },
  },
}

function openSender(rig: Rig, payloadMapping: string[], mappingDefinitions = {}) {
  const authorizationContext = ['test:subject', 'owner:{{ header:owner }}']
  return rig.open(
    testConnection({
      id: 'sender',
      sources: [testSource(['in'], { payloadMapping, authorizationContext })],
      mappingDefinitions,
    }),
  )
}

function openListener(rig: Rig, payloadMapping: string[] = []): Promise<RigShard> {
  const target = testTarget('out', { payloadMapping })
  return rig.open(testConnection({ id: 'listener', targets: [target] }))
}

const DEVICE = { device_id: 'ns:d', owner: 'me', 'creation-time': '1000', ttd: '2' }

it('each mapper of a source sees the message as it came, and their results go in order', () =>
  withRig(async (rig) => {
    await openListener(rig)
    const sender = await openSender(rig, ['create', 'Ditto', 'status'], { ...CREATION, ...STATUS })
    rig.send('in', [modify('d', 1)], { ...DEVICE, hono_registration_status: 'NEW' })
    await rig.settlements(1)
    rig.send('in', [modify('d', 2)], { ...DEVICE, 'content-type': 'x/quiet' })
    await rig.settlements(2)
    await rig.publishes('out', 4)
    assert.equal(
      rig.payloads('out').map(({ path, value }) => [path, value]),
      [
        [
          '/',
          { thingId: 'ns:d', policyId: 'ns:d', attributes: { by: 'test:subject', owner: 'me' } },
        ],
        ['/attributes/n', 1],
        [
          '/features/ConnectionStatus',
          {
            definition: ['org.eclipse.ditto:ConnectionStatus:1.0.0'],
            properties: {
              status: { readySince: '1970-01-01T00:00:01Z', readyUntil: '1970-01-01T00:00:03Z' },
            },
          },
        ],
        ['/attributes/n', 2],
      ],
    )
    const counts = sender.counts('in')
    assert.equal(
      { consumed: counts.consumed, mapped: counts.mapped, dropped: counts.dropped },
      { consumed: 2, mapped: 4, dropped: 2 },
    )
  }))

it('conditions may look at the subjects of the message', () =>
  withRig(async (rig) => {
    await openListener(rig)
    const condition = "fn:filter(request:subjectId,'like','*:me')"
    const definition = {
      mappingEngine: 'Ditto',
      options: {},
      incomingConditions: { condition },
    }
    const sender = await openSender(rig, ['mine'], { mine: definition })
    rig.send('in', [create('a')], { owner: 'you' })
    rig.send('in', [create('b')], { owner: 'me' })
    await rig.settlements(2)
    await rig.publishes('out', 1)
    assert.is(rig.payloads('out')[0]!.topic, 'ns/b/things/twin/events/created')
    assert.is(sender.counts('in').dropped, 1)
  }))

it('each mapper of a target sees the signal, and their results go in order', () =>
  withRig(async (rig) => {
    const listener = await openListener(rig, ['Normalized', 'Ditto', 'CloudEvents', 'RawMessage'])
    await openSender(rig, [])
    rig.send('in', [create('t', { a: 1 })], { owner: 'me' })
    await rig.publishes('out', 4)
    const contentTypes = rig.published('out').map(({ message }) => message.headers['content-type'])
    const protocol = 'application/vnd.eclipse.ditto+json'
    assert.equal(contentTypes, [
      'application/json',
      protocol,
      'application/cloudevents+json',
      // What is no live message leaves as the Ditto mapper would have it.
      protocol,
    ])
    const [normalized, event, cloud, raw] = rig.payloads('out') as unknown as [
      Record<string, unknown>,
      object,
      { data: object },
      object,
    ]
    assert.equal(normalized.attributes, { a: 1 })
    assert.equal(cloud.data, event)
    assert.equal(raw, event)
    assert.is(listener.counts('out').mapped, 4)
  }))

it('mappers that only consume drop what would leave', () =>
  withRig(async (rig) => {
    const listener = await openListener(rig, ['UpdateTwinWithLiveResponse', 'Ditto'])
    await openSender(rig, [])
    rig.send('in', [create('t')], { owner: 'me' })
    await rig.publishes('out', 1)
    const { mapped, dropped, published } = listener.counts('out')
    assert.equal({ mapped, dropped, published }, { mapped: 1, dropped: 1, published: 1 })
  }))

it('a definition shadows the alias, also by class name', () =>
  withRig(async (rig) => {
    await openListener(rig)
    await openSender(rig, ['Ditto'], {
      Ditto: {
        mappingEngine:
          'org.eclipse.ditto.connectivity.service.mapping.UpdateTwinWithLiveResponseMessageMapper',
        options: { dittoHeadersForMerge: { 'response-required': false } },
      },
    })
    const answer = {
      topic: 'ns/t/things/live/commands/retrieve',
      headers: { 'correlation-id': 'c' },
      path: '/',
      value: { thingId: 'ns:t', attributes: { live: true } },
      status: 200,
    }
    rig.send('in', [create('t'), answer], { owner: 'me' })
    await rig.settlements(2)
    await rig.publishes('out', 1)
    const [{ topic, headers, value }] = rig.payloads('out') as [ReturnType<Rig['payloads']>[0]]
    assert.is(topic, 'ns/t/things/twin/events/created')
    assert.is(headers['correlation-id'], 'c-merge-into-twin')
    assert.equal(value, { thingId: 'ns:t', policyId: 'ns:t', attributes: { live: true } })
  }))

it('a thing that exists stays as it is, and the error is told in the log, not outside', () =>
  withRig(async (rig) => {
    await openListener(rig)
    const replyTarget = {
      enabled: true,
      address: 'reply',
      headerMapping: {},
      expectedResponseTypes: ['response', 'error'] as const,
    }
    const sender = await rig.open(
      testConnection({
        id: 'sender',
        sources: [testSource(['in'], { payloadMapping: ['create'], replyTarget })],
        mappingDefinitions: CREATION,
      }),
      { logs: true },
    )
    const headers = { ...DEVICE, hono_registration_status: 'NEW' }
    for (const owner of ['me', 'you']) rig.send('in', ['hello'], { ...headers, owner })
    await rig.settlements(2)
    await rig.until(() => sender.counts('_responses')['mapped.failure'] === 1, 'the error')
    await rig.publishes('out', 1)
    assert.equal(
      rig.published('reply').map(({ message }) => payloadText(message)),
      [],
    )
    const texts = sender.texts('response', 'mapped').join()
    assert.match(texts, "precondition header 'if-none-match'")
    assert.is(rig.payloads('out').length, 1)
  }))
