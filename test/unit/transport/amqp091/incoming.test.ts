import * as assert from 'uvu/assert'
import {
  type FieldValue,
  fromTable,
  toExternalMessage,
} from '../../../../src/transport/amqp091/incoming.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('transport/amqp091/incoming')

it('makes text of whatever a headers table can hold', () => {
  const cases: readonly [value: FieldValue, text: string | undefined][] = [
    ['', ''],
    ['text', 'text'],
    [0, '0'],
    [-1.25, '-1.25'],
    [true, 'true'],
    [false, 'false'],
    [null, undefined],
    [Buffer.from([0, 1, 255]), 'AAH/'],
    [[], '[]'],
    [[1, 'two', null, [true]], '[1,"two",null,[true]]'],
    [{ a: 1, b: { c: Buffer.from([255]) } }, '{"a":1,"b":{"c":"/w=="}}'],
    [{ '!': 'timestamp', value: 1 }, '1000'],
    [{ '!': 'decimal', value: { digits: 12345, places: 2 } }, '123.45'],
    [{ nested: { '!': 'timestamp', value: 2 } }, '{"nested":2000}'],
  ]
  for (const [value, text] of cases) {
    assert.equal(fromTable({ value }), text === undefined ? {} : { value: text })
  }
  assert.equal(fromTable(undefined), {})
})

it('properties win over headers of their name; the number of the delivery is the message id', () => {
  const message = {
    content: Buffer.from('payload'),
    fields: { deliveryTag: 7, redelivered: false, exchange: '', routingKey: 'q', consumerTag: 'c' },
    properties: {
      contentType: 'text/plain',
      contentEncoding: 'gzip',
      correlationId: 'c-1',
      replyTo: undefined,
      messageId: 'm-1',
      headers: { 'content-type': 'wrong', 'reply-to': 'from the table', other: 1, messageId: 'x' },
      deliveryMode: 2,
      priority: undefined,
      expiration: undefined,
      timestamp: undefined,
      type: undefined,
      userId: undefined,
      appId: undefined,
      clusterId: undefined,
    },
  }
  const { headers, payload, binary } = toExternalMessage(message)
  assert.is(binary, undefined)
  assert.equal(headers, {
    'content-type': 'text/plain',
    'content-encoding': 'gzip',
    'correlation-id': 'c-1',
    'reply-to': 'from the table',
    'message-id': 'm-1',
    messageId: '7',
    other: '1',
  })
  assert.is(payload, message.content)
})

it('a payload of the type for bytes is no text', () => {
  const cases: readonly [contentType: string | undefined, binary: true | undefined][] = [
    ['application/octet-stream', true],
    ['application/octet-stream; x=y', true],
    ['application/json', undefined],
    ['image/png', undefined],
    [undefined, undefined],
  ]
  for (const [contentType, binary] of cases) {
    const message = {
      content: Buffer.from([0, 255]),
      fields: {
        deliveryTag: 7,
        redelivered: false,
        exchange: '',
        routingKey: 'q',
        consumerTag: 'c',
      },
      properties: { contentType, headers: {} },
    }
    const made = toExternalMessage(message as unknown as Parameters<typeof toExternalMessage>[0])
    assert.is(made.binary, binary, contentType)
  }
})
