/**
 * Tens of thousands of messages over two protocols at once, with every fault that a message can meet on
 * its way: mapped to nothing, not mappable, not allowed, filtered out, without an address, refused by the
 * broker. At rest every one of them is found in the counters, in each direction, to the message.
 */
import * as assert from 'uvu/assert'
import { type Sluice, startSluice } from '../../bench/support/sluice.ts'
import { type Mosquitto, startMosquitto } from '../support/broker.ts'
import { amqp091End, type End, mqttEnd } from '../support/ends.ts'
import { eventually, look, open } from '../support/gateway.ts'
import { type RabbitMq, startRabbitMq } from '../support/rabbitmq.ts'
import { suite } from '../support/suite.ts'

const it = suite('counters')

/** Of each protocol. */
const MESSAGES = 25_040
const DEVICES = 50
/** Messages of one sender that the broker has not confirmed. */
const WINDOW = 500
const LIMIT_MS = 120_000
const AUTHORIZATION_CONTEXT = ['test:counters']

/** What becomes of the messages whose number, modulo their count, is in this list. */
const FATES = [
  ...Array.from({ length: 8 }, () => 'published' as const),
  'two signals',
  'two signals',
  'mapped to nothing',
  'mapped to nothing',
  'not mappable',
  'not mappable',
  'not allowed',
  'not allowed',
  'refused by the broker',
  'filtered out',
  'without address',
  'scripted',
] as const
type Fate = (typeof FATES)[number]

const SHARE = MESSAGES / FATES.length
const times = (fate: Fate): number => SHARE * FATES.filter((one) => one === fate).length

/** Every target sees what the devices of both protocols caused. */
const each = (fate: Fate): number => 2 * times(fate)
const WITHOUT_EVENT: readonly Fate[] = ['mapped to nothing', 'not mappable', 'not allowed']
const EVENTS =
  2 * MESSAGES + each('two signals') - WITHOUT_EVENT.reduce((sum, fate) => sum + each(fate), 0)

const INCOMING = `function mapToDittoProtocolMsg(headers, textPayload) {
  const { n, device, fate, namespace } = JSON.parse(textPayload)
  if (fate === 'mapped to nothing') return null
  if (fate === 'not mappable') throw new Error('on purpose')
  const command = (part) => Ditto.buildDittoProtocolMsg(
    fate === 'not allowed' ? 'somebody.else' : namespace, device, 'things', 'twin', 'commands',
    'merge', '/', {
      'content-type': 'application/merge-patch+json',
      ...(fate === 'without address' ? {} : { to: fate === 'refused by the broker' ? 'no#where' : 'events' }),
      ...(fate === 'filtered out' ? { 'response-required': false } : {}),
    }, { attributes: { n, part, fate } })
  return fate === 'two signals' ? [command(0), command(1)] : command(0)
}`

const OUTGOING = `function mapFromDittoProtocolMsg(namespace, name, group, channel, criterion, action, path,
    dittoHeaders, value) {
  const turn = Math.floor(value.attributes.n / ${FATES.length}) % 4
  if (turn === 0) throw new Error('on purpose')
  if (turn === 1) return null
  return Ditto.buildExternalMsg({}, JSON.stringify(value), null, 'application/json')
}`

interface Side {
  readonly end: End
  /** Also the name of the stream that its devices send to. */
  readonly namespace: string
  /** How a message proves where it comes from. */
  readonly enforcement: object
  readonly address: string
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not typed.
type Json = any

/** A metric's success and failure within the last hour. */
type Counted = Readonly<Record<string, readonly [number, number]>>

let mosquitto: Mosquitto
let rabbit: RabbitMq
let sluice: Sluice
let sides: readonly Side[]

it.before(async () => {
  ;[mosquitto, rabbit, sluice] = await Promise.all([
    startMosquitto({ config: ['max_queued_messages 0', 'max_inflight_messages 500'] }),
    startRabbitMq(),
    startSluice({ config: { workers: { threads: 2 } } }),
  ])
  const filters = ['{{ thing:namespace }}']
  sides = [
    {
      end: await mqttEnd(mosquitto),
      namespace: 'mqtt.in',
      enforcement: { input: "{{ source:address | fn:substring-after('/') }}", filters },
      address: 'streams/{{ header:to }}',
    },
    {
      end: await amqp091End(rabbit),
      namespace: 'amqp.in',
      enforcement: { input: '{{ header:from }}', filters },
      address: '/{{ header:to }}',
    },
  ]
})
it.after(async () => {
  await Promise.all(sides.map(({ end }) => end.stop()))
  await sluice.stop()
  await Promise.all([mosquitto.stop(), rabbit.stop()])
})

it(
  'know the fate of every message',
  async () => {
    const received = { events: [0, 0], replies: [0, 0] }
    for (const [index, { end, namespace }] of sides.entries()) {
      for (const stream of [namespace, 'events', 'events-scripted', 'replies'])
        await end.prepare(stream)
      await end.listen('events', () => received.events[index]!++)
      await end.listen('replies', () => received.replies[index]!++)
    }
    const publishers = await Promise.all(sides.map((side) => open(sluice, publishing(side))))
    const consumers = await Promise.all(sides.map((side) => open(sluice, consuming(side))))
    await Promise.all(sides.map(sendAll))
    for (const [index, side] of sides.entries()) {
      const rest = await atRest(consumers[index]!, ({ total: { inbound, outbound } }) => {
        const settled = sum(inbound.acknowledged!)
        return settled === MESSAGES && isPublished(outbound)
      })
      // Sent is not yet arrived.
      const replies = await eventually(
        () => received.replies[index]!,
        (arrived) => arrived >= rest.total.outbound.published![0],
      )
      checkSource(rest, side, replies)
    }
    for (const [index, side] of sides.entries()) {
      const rest = await atRest(publishers[index]!, ({ total: { outbound } }) => {
        return outbound.dispatched![0] === 2 * EVENTS && isPublished(outbound)
      })
      const events = await eventually(
        () => received.events[index]!,
        (arrived) => arrived >= rest.targets[side.address]!.published![0],
      )
      checkTargets(rest, side, events)
    }
  },
  LIMIT_MS,
)

/** What was mapped is published or given up. */
function isPublished({ mapped, dropped, published }: Counted): boolean {
  return mapped![0] === dropped![1] + sum(published!)
}

/** The counters of a connection once they are complete. */
interface Rest {
  readonly total: { readonly inbound: Counted; readonly outbound: Counted }
  readonly sources: Readonly<Record<string, Counted>>
  readonly targets: Readonly<Record<string, Counted>>
  readonly containsFailures: boolean
}

async function atRest(id: string, isComplete: (rest: Rest) => boolean): Promise<Rest> {
  return eventually(
    async () => {
      const metrics = await look(sluice, id, 'metrics')
      const { inbound, outbound } = metrics.connectionMetrics
      return {
        total: { inbound: counted(inbound), outbound: counted(outbound) },
        sources: mapValues(metrics.sourceMetrics.addressMetrics, counted),
        targets: mapValues(metrics.targetMetrics.addressMetrics, counted),
        containsFailures: metrics.containsFailures,
      }
    },
    isComplete,
    60_000,
  )
}

function counted(metrics: Json): Counted {
  return mapValues(metrics, ({ success, failure }) => [success.PT1H, failure.PT1H] as const)
}

function mapValues<T>(object: Json, map: (value: Json) => T) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))
}

const sum = ([success, failure]: readonly [number, number]): number => success + failure
const NONE = [0, 0] as const

function checkSource(
  { total, sources, targets, containsFailures }: Rest,
  side: Side,
  replies: number,
) {
  const { end, namespace } = side
  const source = sources[end.sourceAddress(namespace)]!
  const refused = times('not mappable')
  const forbidden = times('not allowed')
  const nothing = times('mapped to nothing')
  const signals = MESSAGES - nothing - refused + times('two signals')
  assert.equal(
    source,
    {
      consumed: [MESSAGES, 0],
      mapped: [MESSAGES - nothing - refused, refused],
      other: NONE,
      dropped: [nothing, 0],
      enforced: [signals - forbidden, forbidden],
      acknowledged: [MESSAGES, 0],
      throttled: source.throttled,
    },
    end.name,
  )
  // Of each mapper, here one: what was consumed is mapped, dropped or failed.
  assert.is(sum(source.consumed!), sum(source.mapped!) + sum(source.dropped!))
  const responses = targets._responses!
  const errors = refused + forbidden
  const silent = times('filtered out')
  assert.equal(
    responses,
    {
      dispatched: [signals - forbidden, errors],
      filtered: [silent, 0],
      mapped: [errors, 0],
      other: NONE,
      dropped: [signals - forbidden - silent, 0],
      published: [errors, 0],
      acknowledged: NONE,
    },
    end.name,
  )
  assert.is(replies, errors, end.name)
  assert.equal([total.inbound, total.outbound], [source, responses], 'one address each')
  assert.ok(containsFailures)
}

function checkTargets({ total, targets }: Rest, { end, address }: Side, received: number) {
  const [refused, homeless, scripted] = [
    each('refused by the broker'),
    each('without address'),
    each('scripted'),
  ]
  const passed = EVENTS - each('filtered out')
  const { [address]: plain, [`${address}-scripted`]: script, _responses: none, ...others } = targets
  assert.equal(others, {})
  assert.equal(
    plain,
    {
      dispatched: [EVENTS, 0],
      filtered: [passed, 0],
      mapped: [passed, 0],
      other: NONE,
      dropped: [0, homeless],
      published: [passed - homeless - refused, refused],
      acknowledged: NONE,
    },
    end.name,
  )
  const fourth = scripted / 4
  assert.equal(
    script,
    {
      dispatched: [EVENTS, 0],
      filtered: [scripted, 0],
      mapped: [2 * fourth, fourth],
      other: NONE,
      dropped: [fourth, 0],
      published: [2 * fourth, 0],
      acknowledged: NONE,
    },
    end.name,
  )
  assert.is(received, plain!.published![0], end.name)
  for (const [metric, [success, failure]] of Object.entries(total.outbound)) {
    const all = [plain!, script!, none!].map((counts) => counts[metric]!)
    assert.is(
      success,
      all.reduce((all, [one]) => all + one, 0),
      metric,
    )
    assert.is(
      failure,
      all.reduce((all, [, one]) => all + one, 0),
      metric,
    )
  }
}

async function sendAll({ end, namespace }: Side): Promise<void> {
  const headers = { from: namespace }
  let next = 0
  const send = async (): Promise<void> => {
    while (next < MESSAGES) {
      const n = next++
      const fate = FATES[n % FATES.length]
      const device = `device-${n % DEVICES}`
      const payload = JSON.stringify({ n, device, fate, namespace })
      await end.send(namespace, { payload, headers })
    }
  }
  await Promise.all(Array.from({ length: WINDOW }, send))
}

function base({ name, connectionType, uri }: End): object {
  return { name, connectionType, connectionStatus: 'open', uri }
}

function script(options: object): object {
  return { script: { mappingEngine: 'JavaScript', options } }
}

function consuming({ end, namespace, enforcement }: Side): object {
  const source = {
    addresses: [end.sourceAddress(namespace)],
    ...end.fields,
    authorizationContext: AUTHORIZATION_CONTEXT,
    payloadMapping: ['script'],
    enforcement,
    replyTarget: {
      enabled: true,
      address: end.targetAddress('replies'),
      expectedResponseTypes: ['error'],
    },
  }
  const mappingDefinitions = script({ incomingScript: INCOMING })
  return { ...base(end), sources: [source], mappingDefinitions }
}

function publishing({ end, address }: Side): object {
  const target = (filter: string, fields: object) => ({
    ...end.fields,
    topics: [`_/_/things/twin/events?filter=${filter}`],
    authorizationContext: AUTHORIZATION_CONTEXT,
    ...fields,
  })
  const plain = target('ne(attributes/fate,"filtered out")', { address })
  const scripted = target('eq(attributes/fate,"scripted")', {
    address: `${address}-scripted`,
    payloadMapping: ['script'],
  })
  const mappingDefinitions = script({ outgoingScript: OUTGOING })
  return { ...base(end), targets: [plain, scripted], mappingDefinitions }
}
