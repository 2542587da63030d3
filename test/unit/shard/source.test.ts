import * as assert from 'uvu/assert'
import type { Source } from '../../../src/connection/types.ts'
import { testConnection, testSource, testTarget } from '../../support/connection.ts'
import { suite } from '../../support/suite.ts'
import { create, liveMessage, type Payload, type Rig, withRig } from './rig.ts'

const it = suite('source')

/** What listeners get of live messages, whose headers nobody changes. */
const LISTENER = testConnection({
  id: 'listener',
  targets: [testTarget('out', { topics: ['_/_/things/live/messages'] })],
})

async function sendThrough(
  rig: Rig,
  fields: Partial<Source>,
  payload: unknown,
  headers: Record<string, string> = {},
): Promise<Payload> {
  const sender = await rig.open(
    testConnection({ id: 'sender', sources: [testSource(['in'], fields)] }),
  )
  const before = rig.published('out').length
  rig.send('in', [payload], headers)
  await rig.publishes('out', before + 1)
  await rig.close(sender)
  return rig.payloads('out')[before]!
}

it('maps headers, and what the payload brings wins', () =>
  withRig(async (rig) => {
    await rig.open(LISTENER)
    const headerMapping = {
      'Correlation-Id': '{{ header:id }}',
      'from-device': '{{ header:device }}/{{ thing:name }}',
      unresolved: '{{ header:nobody }}',
      constant: 'yes',
    }
    const sent = await sendThrough(
      rig,
      { headerMapping },
      liveMessage('t', 'x', { 'from-device': 'payload' }),
      { id: 'c-1', device: 'd-1' },
    )
    assert.is(sent.headers['correlation-id'], 'c-1')
    assert.is(sent.headers['from-device'], 'payload')
    assert.is(sent.headers.constant, 'yes')
    assert.not('unresolved' in sent.headers)
    const mapped = await sendThrough(rig, { headerMapping }, liveMessage('t', 'x'), {
      DEVICE: 'd-2',
    })
    assert.is(mapped.headers['from-device'], 'd-2/t')
  }))

it('gives every signal a correlation id of its own', () =>
  withRig(async (rig) => {
    await rig.open(LISTENER)
    const ids = new Set<unknown>()
    for (let index = 0; index < 3; index++) {
      const { headers } = await sendThrough(rig, {}, liveMessage('t', 'x'))
      assert.match(String(headers['correlation-id']), /^[0-9a-f-]{36}$/)
      ids.add(headers['correlation-id'])
    }
    assert.is(ids.size, 3)
  }))

it('maps headers from subjects that headers made', () =>
  withRig(async (rig) => {
    await rig.open(LISTENER)
    const fields = {
      authorizationContext: ['dev:{{ header:device }}'],
      headerMapping: { who: '{{ request:subjectId }}' },
    }
    const sent = await sendThrough(rig, fields, liveMessage('t', 'x'), { device: 'd-1' })
    assert.is(sent.headers.who, 'dev:d-1')
  }))

it('does not let the outside set what only the inside may set', () =>
  withRig(async (rig) => {
    await rig.open(LISTENER)
    const { headers } = await sendThrough(
      rig,
      {
        headerMapping: {
          'ditto-originator': 'somebody',
          'ditto-origin': 'somewhere',
          'Ditto-Auth-Context': '{}',
        },
      },
      liveMessage('t', 'x', { 'ditto-originator': 'me', 'ditto-read-subjects': ['me'] }),
    )
    const names = ['correlation-id', 'requested-acks', 'response-required']
    assert.equal(Object.keys(headers).sort(), names)
  }))

it('gives mapped headers their types', () =>
  withRig(async (rig) => {
    await rig.open(LISTENER)
    const { headers } = await sendThrough(
      rig,
      { headerMapping: { 'response-required': 'false', timeout: '5s', 'my-number': '5' } },
      liveMessage('t', 'x'),
    )
    assert.is(headers['response-required'], false)
    assert.is(headers.timeout, '5s')
    assert.is(headers['my-number'], '5')
  }))

const REPLY = { enabled: true, address: 'replies' }

interface Refusal {
  readonly title: string
  readonly source: Partial<Source>
  readonly headers?: Record<string, string>
  /** Undefined: it passes. */
  readonly error: string | undefined
  readonly counted?: string
}

const REFUSALS: readonly Refusal[] = [
  {
    title: 'a mapped header that is not of its type',
    source: { headerMapping: { timeout: '{{ header:wait }}' } },
    headers: { wait: 'forever' },
    error: 'header.invalid',
    counted: 'mapped.failure',
  },
  {
    title: 'subjects that cannot be resolved',
    source: { authorizationContext: ['fixed', 'dev:{{ header:device }}'] },
    error: 'placeholder:unresolved',
    counted: 'mapped.failure',
  },
  {
    title: 'subjects that can be resolved',
    source: { authorizationContext: ['dev:{{ header:device }}'] },
    headers: { device: 'd' },
    error: undefined,
  },
  {
    title: 'subjects that are all empty',
    source: { authorizationContext: ['{{ header:device }}'] },
    headers: { device: ' ' },
    error: 'connectivity:connection.configuration.invalid',
    counted: 'mapped.failure',
  },
  {
    title: 'a device that speaks for itself',
    source: { enforcement: { input: '{{ header:device }}', filters: ['{{ entity:id }}'] } },
    headers: { device: 'ns:t' },
    error: undefined,
  },
  {
    title: 'a device that matches one of several filters',
    source: {
      enforcement: {
        input: '{{ header:device }}',
        filters: ['{{ entity:namespace }}', '{{ thing:name }}'],
      },
    },
    headers: { device: 't' },
    error: undefined,
  },
  {
    title: 'a device that speaks for another one',
    source: { enforcement: { input: '{{ header:device }}', filters: ['{{ entity:id }}'] } },
    headers: { device: 'ns:other' },
    error: 'connectivity:connection.id.enforcement.failed',
    counted: 'enforced.failure',
  },
  {
    title: 'a topic that the device may use',
    source: { enforcement: { input: '{{ source:address }}', filters: ['in'] } },
    error: undefined,
  },
  {
    title: 'an input that cannot be resolved',
    source: { enforcement: { input: '{{ header:device }}', filters: ['{{ entity:id }}'] } },
    error: 'placeholder:unresolved',
    counted: 'enforced.failure',
  },
  {
    title: 'filters none of which can be resolved',
    source: { enforcement: { input: '{{ source:address }}', filters: ['{{ policy:id }}'] } },
    error: 'placeholder:unresolved',
    counted: 'enforced.failure',
  },
]

for (const { title, source, headers = {}, error, counted } of REFUSALS) {
  it(`${error === undefined ? 'lets pass' : 'refuses'} ${title}`, () =>
    withRig(async (rig) => {
      const opened = await rig.open(
        testConnection({
          id: 'sender',
          sources: [testSource(['in'], { replyTarget: REPLY, ...source })],
        }),
      )
      rig.send('in', [create('t')], headers)
      await rig.settlements(1)
      await rig.publishes('replies', 1)
      const [reply] = rig.payloads('replies')
      const counts = opened.counts('in')
      if (error === undefined) {
        assert.is(reply!.status, 201)
        assert.equal(counts, { consumed: 1, mapped: 1, enforced: 1, acknowledged: 1 })
      } else {
        assert.is((reply!.value as { error: string }).error, error)
        assert.is(reply!.topic, 'ns/t/things/twin/errors')
        assert.is(counts[counted!], 1)
      }
    }))
}

it('names the thing that was not the device’s', () =>
  withRig(async (rig) => {
    const enforcement = { input: '{{ header:device }}', filters: ['{{ entity:id }}'] }
    const opened = await rig.open(
      testConnection({ id: 'sender', sources: [testSource(['in'], { enforcement })] }),
      { logs: true },
    )
    rig.send('in', [create('t')], { device: 'ns:other' })
    await rig.settlements(1)
    const [text] = opened.texts('source', 'enforced')
    assert.match(text!, /Ran into a failure when enforcing incoming signal: .*ns:t/)
  }))
