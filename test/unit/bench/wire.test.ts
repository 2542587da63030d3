/** Numbered readings, and the few packets of MQTT that the load generator speaks itself. */
import { createServer, type Socket } from 'node:net'
import * as assert from 'uvu/assert'
import { MqttWire, publishPacket } from '../../../bench/peers/ends/mqtt-wire.ts'
import { digitsAt, readingOf, readNumber, writeNumber } from '../../../bench/peers/readings.ts'
import { suite } from '../../support/suite.ts'

const it = suite('bench/wire')

it('a reading is JSON of exactly the wanted size, whatever its number', () => {
  for (const bytes of [64, 70, 4_096]) {
    const reading = readingOf(bytes)
    for (const number of [0, 7, 123_456_789]) {
      writeNumber(reading, digitsAt(reading), number)
      assert.is(reading.length, bytes)
      assert.type(JSON.parse(reading.toString()).seq, 'number')
      assert.is(readNumber(reading, 0, reading.length), number)
    }
  }
})

it('the number is found inside what a gateway makes of a reading', () => {
  const reading = readingOf(70)
  writeNumber(reading, digitsAt(reading), 42)
  const event = Buffer.from(JSON.stringify({ path: '/', value: JSON.parse(reading.toString()) }))
  assert.is(readNumber(event, 0, event.length), 42)
})

it('a number beyond the end of a packet is not read', () => {
  const reading = readingOf(70)
  assert.ok(Number.isNaN(readNumber(reading, 0, digitsAt(reading) + 9)))
  assert.ok(Number.isNaN(readNumber(Buffer.from('{}'), 0, 2)))
})

it('a PUBLISH packet is laid out as in section 3.3 of MQTT 3.1.1', () => {
  const { bytes, packetIdAt, payloadAt } = publishPacket('a/b', Buffer.from('xy'), 1)
  const expected = [0x32, 9, 0, 3, ...Buffer.from('a/b'), 0, 1, ...Buffer.from('xy')]
  assert.equal([...bytes], expected)
  assert.equal([packetIdAt, payloadAt], [7, 9])
  const long = publishPacket('a/b', Buffer.alloc(200), 0).bytes
  assert.equal([...long.subarray(0, 4)], [0x30, 0xcd, 0x01, 0])
})

it('packets are told apart however the network cuts them, and QoS 1 is acknowledged', async () => {
  const packets = Buffer.concat([
    publishPacket('t', Buffer.from('first'), 0).bytes,
    publishPacket('t', Buffer.from('second'.repeat(30)), 1).bytes,
    publishPacket('t', Buffer.alloc(0), 0).bytes,
  ])
  for (const cut of [1, 2, 3, 8, packets.length]) {
    const { payloads, acknowledged } = await receive(packets, cut)
    assert.equal(payloads, ['first', 'second'.repeat(30), ''])
    assert.equal([...acknowledged], [0x40, 2, 0, 1])
  }
})

/** Plays the broker: sends the packets in pieces of `cut` bytes after CONNACK. */
async function receive(packets: Buffer, cut: number) {
  const payloads: string[] = []
  const { promise: acknowledged, resolve } = Promise.withResolvers<Buffer>()
  const server = createServer({ noDelay: true }, (socket: Socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([0x20, 2, 0, 0]))
      for (let start = 0; start < packets.length; start += cut) {
        socket.write(packets.subarray(start, start + cut))
      }
      socket.once('data', resolve)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const { promise: complete, resolve: onComplete } = Promise.withResolvers<void>()
  const wire = await MqttWire.open(port, 'test', {
    onMessage: (packet, start, end) => {
      payloads.push(packet.toString('utf8', start, end))
      if (payloads.length === 3) onComplete()
    },
    onBurst: () => {},
    onEnd: () => {},
  })
  await complete
  const bytes = await acknowledged
  wire.close()
  server.close()
  return { payloads, acknowledged: bytes }
}
