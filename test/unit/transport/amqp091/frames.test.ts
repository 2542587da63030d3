/** Compared with what amqplib writes for the same messages: its codec is the reference. */
import { createRequire } from 'node:module'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { FrameWriter, framesBytes } from '../../../../src/transport/amqp091/frames.ts'
import { type Publishing, toPublishing } from '../../../../src/transport/amqp091/outgoing.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/frames')

const CHANNEL = 258
const FRAME_BYTES = 4096

interface Codec {
  readonly BasicPublish: number
  readonly BasicProperties: number
  encodeMethod(id: number, channel: number, fields: object): Buffer
  encodeProperties(id: number, channel: number, size: number, fields: object): Buffer
}
interface Framing {
  makeBodyFrame(channel: number, payload: Buffer): Buffer
}
const inside = createRequire(createRequire(import.meta.url).resolve('amqplib'))
const codec = inside('./lib/defs.js') as Codec
const framing = inside('./lib/frame.js') as Framing

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 60 }))
const name = text.filter((one) => one !== 'CC' && one !== 'BCC' && one !== '__proto__')
const headers = fc
  .tuple(
    fc.dictionary(name, text, { maxKeys: 5 }),
    fc.record(
      {
        'content-type': text,
        'content-encoding': text,
        'correlation-id': text,
        'reply-to': text,
        'message-id': text,
      },
      { requiredKeys: [] },
    ),
  )
  .map(([others, known]): Record<string, string> => ({ ...others, ...known }))
const address = fc
  .tuple(text, text)
  .map((parts) => parts.map((part) => part.replaceAll('/', '')).join('/'))
const payload = fc.oneof(text, fc.uint8Array({ maxLength: 3 * FRAME_BYTES }))
const message = fc
  .record({ address, headers, payload })
  .map(({ address, ...message }) => toPublishing({ address, qos: undefined, message }, FRAME_BYTES))
  .filter((one) => typeof one === 'object')

it('the frames of any messages are those that amqplib writes', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), (messages) => {
      assert.is(written(messages).toString('hex'), reference(messages).toString('hex'))
    }),
  )
})

it('a body is divided so that no frame is larger than the broker takes', () => {
  const most = FRAME_BYTES - 8
  for (const bytes of [0, 1, most - 1, most, most + 1, 2 * most, 2 * most + 1]) {
    const message = { headers: {}, payload: Buffer.alloc(bytes, 'x') }
    const one = toPublishing({ address: '/q', qos: undefined, message }, FRAME_BYTES)
    const messages = [one as Publishing]
    assert.ok(written(messages).equals(reference(messages)), `${bytes} bytes`)
  }
})

it('nothing is written of no messages', () => {
  assert.ok(new FrameWriter(0, CHANNEL, FRAME_BYTES).isEmpty)
})

function written(messages: readonly Publishing[]): Buffer {
  const capacity = messages.reduce((sum, one) => sum + framesBytes(one, FRAME_BYTES), 0)
  const writer = new FrameWriter(capacity, CHANNEL, FRAME_BYTES)
  for (const one of messages) writer.write(one)
  return writer.bytes
}

function reference(messages: readonly Publishing[]): Buffer {
  return Buffer.concat(messages.flatMap(referenceFrames))
}

function referenceFrames({
  exchange,
  routingKey,
  headers,
  properties,
  content,
}: Publishing): Buffer[] {
  const fields = { exchange, routingKey, mandatory: true }
  const all = { ...properties, headers, deliveryMode: 2 }
  const most = FRAME_BYTES - 8
  const bodies = Array.from({ length: Math.ceil(content.length / most) }, (_, index) =>
    framing.makeBodyFrame(CHANNEL, content.subarray(index * most, (index + 1) * most)),
  )
  return [
    codec.encodeMethod(codec.BasicPublish, CHANNEL, fields),
    codec.encodeProperties(codec.BasicProperties, CHANNEL, content.length, all),
    ...bodies,
  ]
}
