import * as assert from 'uvu/assert'
import type { ExternalMessage } from '../../../../src/protocol/external-message.ts'
import { type Publishing, toPublishing } from '../../../../src/transport/amqp091/outgoing.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/outgoing')
const FRAME_BYTES = 131_072

it('all headers are in the table, some are properties, too', () => {
  const headers = {
    'content-type': 'application/json',
    'content-encoding': 'identity',
    'correlation-id': 'c-1',
    'reply-to': 'r',
    'message-id': 'm-1',
    'user-id': 'nobody',
    expiration: 'never',
    'ditto-x': 'y',
  }
  const { properties, exchange, routingKey, ...rest } = publishing({ headers, payload: 'x' })
  assert.equal([exchange, routingKey], ['ex', 'key'])
  assert.equal(rest.headers, headers)
  assert.equal(properties, {
    contentType: 'application/json',
    contentEncoding: 'identity',
    correlationId: 'c-1',
    replyTo: 'r',
    messageId: 'm-1',
  })
})

it('values that are no short strings stay in the table alone', () => {
  const headers = { 'correlation-id': '漢'.repeat(86), 'content-type': 'x'.repeat(255) }
  const { properties } = publishing({ headers, payload: 'x' })
  assert.is(properties.correlationId, undefined)
  assert.is(properties.contentType?.length, 255)
})

it('payloads become bytes, without a copy where they are', () => {
  const bytes = new Uint8Array([1, 2, 3, 4])
  const cases: readonly [ExternalMessage['payload'], readonly number[]][] = [
    [undefined, []],
    ['', []],
    ['é', [0xc3, 0xa9]],
    [bytes.subarray(1, 3), [2, 3]],
    [Buffer.from([9]), [9]],
  ]
  for (const [payload, expected] of cases) {
    assert.equal([...publishing({ headers: {}, payload }).content], expected)
  }
  assert.is(publishing({ headers: {}, payload: bytes }).content.buffer, bytes.buffer)
})

it('refuses what would end the channel or the connection', () => {
  const cases: readonly [Record<string, string>, string][] = [
    [{ CC: 'x' }, "Header 'CC'"],
    [{ BCC: 'x' }, "Header 'BCC'"],
    [{ ['é'.repeat(128)]: 'x' }, '255 bytes'],
    [{ a: 'x'.repeat(65_536) }, 'more than 65536 bytes'],
  ]
  for (const [headers, reason] of cases) {
    const result = toPublishing(outbound({ headers, payload: 'x' }), FRAME_BYTES)
    assert.match(result as string, reason)
  }
})

it('the limit of the headers is exact, and follows the frames of the broker', () => {
  // Length of the table, then length of the name, the name, type and length of the value.
  const fits = 65_536 - 4 - (1 + 'name'.length + 1 + 4)
  assert.type(toPublishing(outbound(withHeader(fits)), FRAME_BYTES), 'object')
  assert.type(toPublishing(outbound(withHeader(fits + 1)), FRAME_BYTES), 'string')
  assert.type(toPublishing(outbound(withHeader(2000)), 4096), 'object')
  assert.type(toPublishing(outbound(withHeader(2100)), 4096), 'string')
})

function withHeader(bytes: number): ExternalMessage {
  return { headers: { name: 'x'.repeat(bytes) }, payload: undefined }
}

function outbound(message: ExternalMessage) {
  return { address: 'ex/key', qos: undefined, message }
}

function publishing(message: ExternalMessage): Publishing {
  const result = toPublishing(outbound(message), FRAME_BYTES)
  if (typeof result === 'string') throw new Error(result)
  return result
}
