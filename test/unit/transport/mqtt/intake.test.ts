import fc from 'fast-check'
import type { IPublishPacket } from 'mqtt'
import * as assert from 'uvu/assert'
import type { MqttDelivery } from '../../../../src/transport/mqtt/delivery.ts'
import { compileSources } from '../../../../src/transport/mqtt/filters.ts'
import { Intake, type IntakeOptions } from '../../../../src/transport/mqtt/intake.ts'
import { MAX_BATCH } from '../../../../src/transport/transport.ts'
import { testSource } from '../../../support/connection.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/mqtt/intake')

it('acknowledges in the order of arrival, each message once, whatever the order of settling', async () => {
  const settlingOrder = fc.shuffledSubarray([...range(60)], { minLength: 60 })
  const pauses = fc.array(fc.boolean(), { minLength: 60, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(settlingOrder, pauses, fc.constantFrom(1, 2), async (order, turns, qos) => {
      const rig = startRig()
      for (const id of range(60)) rig.take(id + 1, qos as 1 | 2)
      await turn()
      for (const [step, index] of order.entries()) {
        rig.deliveries[index]?.settle('accept')
        if (turns[step]) await turn()
      }
      await turn()
      const type = qos === 1 ? 0x40 : 0x50
      assert.equal(
        rig.acks,
        range(60).map((id) => [type, id + 1]),
      )
    }),
    { numRuns: 50 },
  )
})

it('an unsettled message holds back the ones after it, and only of its own quality of service', async () => {
  const rig = startRig()
  rig.take(1, 1)
  rig.take(2, 1)
  rig.take(3, 2)
  await turn()
  rig.deliveries[1]?.settle('accept')
  rig.deliveries[2]?.settle('accept')
  await turn()
  assert.equal(rig.acks, [[0x50, 3]])
  rig.deliveries[0]?.settle('reject')
  await turn()
  assert.equal(rig.acks.slice(1), [
    [0x40, 1],
    [0x40, 2],
  ])
})

it('acknowledgements of one turn leave in one write', async () => {
  const rig = startRig()
  for (const id of range(50)) rig.take(id + 1, 1)
  await turn()
  for (const delivery of rig.deliveries) delivery.settle('accept')
  await turn()
  assert.is(rig.writes, 1)
  assert.is(rig.acks.length, 50)
})

it('settling twice, or after the end, does nothing', async () => {
  const rig = startRig()
  rig.take(1, 1)
  rig.take(2, 1)
  await turn()
  const [first, second] = rig.deliveries
  first?.settle('accept')
  assert.is(first?.settle('accept'), undefined)
  rig.intake.end()
  assert.is(second?.settle('accept'), undefined)
  await turn()
  assert.equal(rig.acks, [[0x40, 1]])
})

it('says what it does, in the words of the documentation', async () => {
  const rig = startRig()
  for (const id of [1, 2, 3]) rig.take(id, 1)
  rig.take(0, 0)
  await turn()
  const [accepted, rejected, retried, atMostOnce] = rig.deliveries
  assert.is(accepted?.settle('accept'), 'Sending success acknowledgement.')
  assert.match(rejected?.settle('reject') ?? '', /because redelivery was not requested\.$/)
  assert.match(retried?.settle('retry') ?? '', /despite redelivery was requested because/)
  assert.is(atMostOnce?.settle('retry'), undefined)
  await turn()
  assert.is(rig.acks.length, 3)
  assert.is(rig.redeliveries, 0)
})

it('gives the session up for a redelivery when that is configured', async () => {
  const rig = startRig({ reconnectForRedelivery: true })
  rig.take(1, 1)
  await turn()
  assert.match(rig.deliveries[0]?.settle('retry') ?? '', /restarting consumer client/)
  await turn()
  assert.is(rig.redeliveries, 1)
  assert.equal(rig.acks, [])
})

it('one turn of the event loop is one batch, of at most 128 messages', async () => {
  const rig = startRig()
  for (const id of range(300)) rig.take(id + 1, 1)
  await turn()
  assert.equal(rig.batches, [MAX_BATCH, MAX_BATCH, 300 - 2 * MAX_BATCH])
})

it('delivers nothing before the session has begun, and tells when too much waits for that', async () => {
  const rig = startRig({}, false)
  for (const id of range(1023)) assert.is(rig.take(id + 1, 1), true)
  await turn()
  assert.equal([rig.deliveries.length, rig.resumptions], [0, 0])
  assert.is(rig.take(1024, 1), false)
  assert.equal([rig.deliveries.length, rig.resumptions], [0, 1])
  rig.intake.begin()
  assert.equal([rig.deliveries.length, rig.proceeds], [1024, 1])
})

it('paused before the session has begun, delivers nothing until resumed', async () => {
  const rig = startRig({}, false)
  rig.intake.pause()
  for (const id of range(1024)) rig.take(id + 1, 1)
  assert.is(rig.resumptions, 1)
  rig.intake.begin()
  await turn()
  assert.equal([rig.deliveries.length, rig.proceeds], [0, 0])
  rig.intake.resume()
  assert.equal([rig.deliveries.length, rig.proceeds], [1024, 1])
})

it('while paused holds back a limited number of messages, then stops reading until resumed', async () => {
  const rig = startRig()
  rig.intake.pause()
  for (const id of range(1023)) assert.is(rig.take(id + 1, 1), true)
  assert.is(rig.take(1024, 1), false)
  await turn()
  assert.is(rig.deliveries.length, 0)
  rig.intake.resume()
  assert.is(rig.proceeds, 1)
  assert.is(rig.deliveries.length, 1024)
  assert.is(rig.take(1025, 1), true)
})

it('while paused holds back a limited number of bytes', () => {
  const rig = startRig()
  rig.intake.pause()
  const megabyte = Buffer.alloc(1024 * 1024)
  assert.equal(
    range(4).map((id) => rig.take(id + 1, 1, { payload: megabyte })),
    [true, true, true, false],
  )
})

it('can be paused from within a delivery', async () => {
  const rig = startRig()
  rig.onDeliveries = () => rig.intake.pause()
  for (const id of range(200)) rig.take(id + 1, 1)
  await turn()
  assert.equal(rig.batches, [MAX_BATCH])
  rig.intake.resume()
  assert.equal(rig.batches, [MAX_BATCH, 200 - MAX_BATCH])
})

it('a repeated message is not delivered twice within a session', async () => {
  const rig = startRig()
  for (const qos of [1, 2] as const) {
    rig.take(7, qos)
    rig.take(7, qos, { dup: true })
  }
  await turn()
  assert.is(rig.deliveries.length, 2)
  rig.deliveries[1]?.settle('accept')
  await turn()
  assert.equal(rig.acks, [[0x50, 7]])
  // PUBREC was lost: the broker asks again, and gets another one.
  rig.take(7, 2, { dup: true })
  assert.equal(rig.acks, [
    [0x50, 7],
    [0x50, 7],
  ])
  rig.intake.release(7)
  rig.take(7, 2, { dup: true })
  await turn()
  assert.is(rig.deliveries.length, 3)
})

it('a message redelivered to a new session is delivered', async () => {
  const rig = startRig()
  rig.take(7, 1, { dup: true })
  await turn()
  assert.is(rig.deliveries.length, 1)
})

it('acknowledges a message for no source, and says so', async () => {
  const rig = startRig()
  rig.take(7, 1, { topic: 'elsewhere' })
  await turn()
  assert.equal(rig.unmatched, ['elsewhere'])
  assert.equal(rig.acks, [[0x40, 7]])
  assert.is(rig.deliveries.length, 0)
})

it('once stopped takes nothing, but settles what it had delivered', async () => {
  const rig = startRig()
  rig.take(1, 1)
  await turn()
  rig.intake.pause()
  rig.take(2, 1)
  rig.intake.stop()
  assert.is(rig.take(3, 1), true)
  rig.intake.resume()
  rig.deliveries[0]?.settle('accept')
  await turn()
  assert.is(rig.deliveries.length, 1)
  assert.equal(rig.acks, [[0x40, 1]])
})

it('describes a message by its headers', async () => {
  const rig = startRig()
  rig.take(1, 2, { topic: 'in/x', retain: true, payload: Buffer.from('text') })
  await turn()
  const { message, address, source, sourceAddress } = rig.deliveries[0]!
  assert.equal(message.headers, { 'mqtt.topic': 'in/x', 'mqtt.qos': '2', 'mqtt.retain': 'true' })
  assert.equal([address, source, sourceAddress], ['in/x', 0, 'in/#'])
  assert.equal(message.payload, Buffer.from('text'))
})

/** Everything an intake did. */
interface IntakeRig {
  readonly intake: Intake
  readonly deliveries: MqttDelivery[]
  readonly batches: number[]
  readonly acks: (readonly [type: number, packetId: number])[]
  readonly unmatched: string[]
  writes: number
  proceeds: number
  resumptions: number
  redeliveries: number
  onDeliveries: () => void
  take(messageId: number, qos: 0 | 1 | 2, fields?: Partial<IPublishPacket>): boolean
}

function startRig(options: Partial<IntakeOptions> = {}, begun = true): IntakeRig {
  const intake = new Intake({
    matcher: compileSources([testSource(['in/#'])]),
    reconnectForRedelivery: false,
    onDeliveries(batch) {
      rig.batches.push(batch.length)
      rig.deliveries.push(...batch)
      rig.onDeliveries()
    },
    onUnmatched: (topic) => rig.unmatched.push(topic),
    onRedeliveryNeeded: () => {
      rig.redeliveries += 1
    },
    onResumed: () => {
      rig.resumptions += 1
    },
    proceed: () => {
      rig.proceeds += 1
    },
    write(packets) {
      rig.writes += 1
      for (let offset = 0; offset < packets.length; offset += 4) {
        rig.acks.push([packets[offset]!, packets.readUInt16BE(offset + 2)])
      }
    },
    ...options,
  })
  const rig: IntakeRig = {
    intake,
    deliveries: [],
    batches: [],
    acks: [],
    unmatched: [],
    writes: 0,
    proceeds: 0,
    resumptions: 0,
    redeliveries: 0,
    onDeliveries: () => undefined,
    take: (messageId, qos, fields = {}) =>
      intake.take(
        {
          cmd: 'publish',
          topic: 'in/a',
          payload: Buffer.from('x'),
          qos: 0,
          dup: false,
          retain: false,
          messageId,
          ...fields,
        },
        qos,
      ),
  }
  if (begun) intake.begin()
  rig.proceeds = 0
  return rig
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}
