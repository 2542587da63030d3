import * as assert from 'uvu/assert'
import {
  ackPacket,
  encodePublishes,
  PUBACK,
  PUBREC,
  PUBREL,
  type PublishPacket,
  remainingLength,
} from '../../../../src/transport/mqtt/packets.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/mqtt/packets')

it('acknowledgements carry their packet id in two bytes', () => {
  assert.equal([...ackPacket(PUBACK, 1)], [0x40, 2, 0, 1])
  assert.equal([...ackPacket(PUBREC, 0x1234)], [0x50, 2, 0x12, 0x34])
  assert.equal([...ackPacket(PUBREL, 65_535)], [0x62, 2, 0xff, 0xff])
})

it('a PUBLISH says topic, flags and, above QoS 0, its id', () => {
  assert.equal(
    [...encodePublishes([publish({ topic: 'a/b', payload: 'x' })])],
    [0x30, 6, 0, 3, 0x61, 0x2f, 0x62, 0x78],
  )
  assert.equal(
    [
      ...encodePublishes([
        publish({ topic: 'a', payload: '', qos: 1, retain: true, packetId: 258 }),
      ]),
    ],
    [0x33, 5, 0, 1, 0x61, 1, 2],
  )
  assert.equal(
    [
      ...encodePublishes([
        publish({ topic: 'a', payload: Buffer.of(0, 255), qos: 2, packetId: 1 }),
      ]),
    ],
    [0x34, 7, 0, 1, 0x61, 0, 1, 0, 255],
  )
})

it('lengths are in bytes, not characters', () => {
  const [fixed, length, high, low] = encodePublishes([publish({ topic: 'é', payload: '€😀' })])
  assert.equal([fixed, length, high, low], [0x30, 2 + 2 + 3 + 4, 0, 2])
})

it('the remaining length takes one byte per seven bits', () => {
  const cases: readonly [remaining: number, bytes: readonly number[]][] = [
    [127, [0x7f]],
    [128, [0x80, 0x01]],
    [16_383, [0xff, 0x7f]],
    [16_384, [0x80, 0x80, 0x01]],
    [2_097_151, [0xff, 0xff, 0x7f]],
    [2_097_152, [0x80, 0x80, 0x80, 0x01]],
  ]
  for (const [remaining, bytes] of cases) {
    const packet = encodePublishes([
      publish({ topic: 'a', payload: Buffer.alloc(remaining - 3, 7) }),
    ])
    assert.is(packet.length, 1 + bytes.length + remaining)
    assert.equal([...packet.subarray(1, 1 + bytes.length)], bytes)
    assert.is(packet.at(-1), 7)
  }
})

it('packets follow each other without a gap', () => {
  const packets = [publish({ topic: 'a', payload: '1' }), publish({ topic: 'bb', payload: '2' })]
  assert.equal(
    encodePublishes(packets),
    Buffer.concat(packets.map((packet) => encodePublishes([packet]))),
  )
  assert.is(encodePublishes([]).length, 0)
})

function publish(fields: Partial<PublishPacket> & { topic: string; payload: string | Buffer }) {
  const { topic, payload, qos = 0, retain = false, packetId = 0 } = fields
  const payloadBytes = Buffer.byteLength(payload)
  const remaining = remainingLength(topic, payloadBytes, qos)
  return { topic, payload, payloadBytes, remaining, qos, retain, packetId }
}
