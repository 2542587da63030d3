/** The ConnectionStatus mapper: what Hono's notifications tell, by tables. */
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { suite } from '../../support/suite.ts'
import { adaptable, external, promptMapper, refusal, signals } from './support.ts'

const it = suite('mapping/connection-status')

function status(options: JsonObject) {
  const definition = { mappingEngine: 'ConnectionStatus', options }
  return promptMapper({ id: 's', engine: 'ConnectionStatus', definition })
}

const OF_DEVICE = { thingId: '{{ header:device_id }}' }
const CREATED = 1_572_358_578_000
const HONO = { device_id: 'eclipse:ditto', 'creation-time': String(CREATED) }
const SINCE = '2019-10-29T14:16:18Z'

function command(path: string, value: unknown): readonly unknown[] {
  return [
    {
      topic: 'eclipse/ditto/things/twin/commands/modify',
      path,
      value,
      headers: { 'response-required': false, 'requested-acks': [] },
    },
  ]
}

function feature(readySince: string, readyUntil: string, id = 'ConnectionStatus') {
  return command(`/features/${id}`, {
    definition: ['org.eclipse.ditto:ConnectionStatus:1.0.0'],
    properties: { status: { readySince, readyUntil } },
  })
}

/** Title, headers, what comes of them. */
const CASES: readonly (readonly [string, Record<string, string>, readonly unknown[]])[] = [
  ["Ditto's example", { ...HONO, ttd: '300' }, feature(SINCE, '2019-10-29T14:21:18Z')],
  ['a sign', { ...HONO, ttd: '+300' }, feature(SINCE, '2019-10-29T14:21:18Z')],
  ['for ever', { ...HONO, ttd: '-1' }, feature(SINCE, '9999-12-31T23:59:59Z')],
  [
    'milliseconds',
    { ...HONO, 'creation-time': String(CREATED + 50), ttd: '1' },
    feature('2019-10-29T14:16:18.050Z', '2019-10-29T14:16:19.050Z'),
  ],
  ['the epoch', { ...HONO, 'creation-time': '0', ttd: '1' }, feature(at(0), at(1))],
  [
    'gone',
    { ...HONO, ttd: '0' },
    command('/features/ConnectionStatus/properties/status/readyUntil', SINCE),
  ],
  ['without ttd', HONO, []],
  ['without creation time', { device_id: 'eclipse:ditto', ttd: '1' }, []],
  ['without device', { 'creation-time': '1', ttd: '1' }, []],
  ['ttd below -1', { ...HONO, ttd: '-2' }, []],
  ['ttd that is no whole number', { ...HONO, ttd: '1.5' }, []],
  ['ttd that is no number', { ...HONO, ttd: 'Invalid Value' }, []],
  ['an empty ttd', { ...HONO, ttd: '' }, []],
  ['a negative creation time', { ...HONO, 'creation-time': '-1', ttd: '1' }, []],
  ['a creation time that is no number', { ...HONO, 'creation-time': 'x', ttd: '1' }, []],
  ['a time out of range', { ...HONO, 'creation-time': '999999999999999999', ttd: '1' }, []],
  ['a device that is no thing', { ...HONO, device_id: 'Invalid Value', ttd: '1' }, []],
]
for (const [title, headers, expected] of CASES) {
  it(title, () => {
    assert.equal(signals(status(OF_DEVICE).inbound([external('x', headers)])), [expected])
  })
}

function at(seconds: number): string {
  return `1970-01-01T00:00:0${seconds}Z`
}

it('the payload does not matter', () => {
  const headers = {
    ...HONO,
    ttd: '300',
    'content-type': 'application/vnd.eclipse-hono-empty-notification',
  }
  for (const payload of [undefined, '', 'x', Uint8Array.of(0)]) {
    const results = status(OF_DEVICE).inbound([external(payload, headers)])
    assert.equal(signals(results), [feature(SINCE, '2019-10-29T14:21:18Z')])
  }
})

it('feature ids may come from headers, but must not be empty: that would be all features', () => {
  const one = status({ thingId: 'eclipse:ditto', featureId: '{{ header:f }}' })
  const batch = ['link', '', undefined].map((f) =>
    external('', { ...HONO, ttd: '300', ...(f !== undefined && { f }) }),
  )
  const until = '2019-10-29T14:21:18Z'
  assert.equal(signals(one.inbound(batch)), [feature(SINCE, until, 'link'), [], []])
})

it('nothing leaves', () => {
  assert.equal(status(OF_DEVICE).outbound([adaptable()]), [{ ok: true, values: [] }])
})

/** Options, what the error says. */
const REFUSED: readonly (readonly [JsonObject, string])[] = [
  [{}, "property 'thingId' was missing"],
  [{ thingId: 1 }, '<thingId> must be a string'],
  [{ thingId: 'Invalid Value' }, "<thingId> is not valid. Thing ID 'Invalid Value' is not valid!"],
  [{ thingId: 'ns:{{ thing:id }}' }, "<thingId> is not valid. The placeholder 'thing:id'"],
  [{ thingId: 'ns:{{ time:now }}' }, "<thingId> is not valid. The placeholder 'time:now'"],
  [{ thingId: 'ns:{{ header:d' }, '<thingId> is not valid.'],
  [{ thingId: 'ns:d', featureId: 1 }, '<featureId> must be a string'],
  [{ thingId: 'ns:d', featureId: '' }, '<featureId> must not be empty'],
  [{ thingId: 'ns:d', featureId: '{{ fn:no() }}' }, '<featureId> is not valid.'],
]
for (const [options, told] of REFUSED) {
  it(`refuses ${JSON.stringify(options)}`, () => {
    assert.ok(refusal('ConnectionStatus', options).includes(told))
  })
}
