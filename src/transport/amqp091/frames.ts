/**
 * Basic.Publish with its content as frames (AMQP 0.9.1, sections 2.3.5 and 4.2). amqplib encodes messages
 * one by one and pipes each through two streams, which costs more than all the rest of publishing; here
 * a whole batch is written into one buffer. Knows no sockets.
 */
import type { Publishing } from './outgoing.ts'

/** Properties as flags of the content header, in the order in which their values follow. */
const FLAGS = {
  contentType: 1 << 15,
  contentEncoding: 1 << 14,
  headers: 1 << 13,
  deliveryMode: 1 << 12,
  correlationId: 1 << 10,
  replyTo: 1 << 9,
  messageId: 1 << 7,
} as const

const METHOD_FRAME = 1
const HEADER_FRAME = 2
const BODY_FRAME = 3
const FRAME_END = 0xce
/** Type, channel, length; and the end of a frame. */
export const FRAME_BYTES = 8

const CLASS_BASIC = 60
const METHOD_PUBLISH = 40
/** What no queue takes comes back, instead of being confirmed and gone. */
const MANDATORY = 1
/** What was confirmed survives a restart of the broker, if its queue does. */
const PERSISTENT = 2
/** Type of a value in a field table. */
const LONG_STRING = 'S'.charCodeAt(0)

/** Class, method, reserved, bits. */
const METHOD_BYTES = 2 + 2 + 2 + 1
/** Class, weight, size of the body, flags, delivery mode. */
const CONTENT_HEADER_BYTES = 2 + 2 + 8 + 2 + 1
/** The most bytes of a character of JavaScript in UTF-8. */
const UNIT_BYTES = 3

/** What the frames of a message take at most. `maxFrameBytes`: the largest frame. */
export function framesBytes(publishing: Publishing, maxFrameBytes: number): number {
  const { exchange, routingKey, properties, tableBytes, content } = publishing
  const { contentType, contentEncoding, correlationId, replyTo, messageId } = properties
  const shortStrings =
    shortStringBytes(exchange) +
    shortStringBytes(routingKey) +
    shortStringBytes(contentType) +
    shortStringBytes(contentEncoding) +
    shortStringBytes(correlationId) +
    shortStringBytes(replyTo) +
    shortStringBytes(messageId)
  const frames = 2 + Math.ceil(content.length / (maxFrameBytes - FRAME_BYTES))
  const fixed = frames * FRAME_BYTES + METHOD_BYTES + CONTENT_HEADER_BYTES
  return fixed + shortStrings + tableBytes + content.length
}

function shortStringBytes(text: string | undefined): number {
  return text === undefined ? 0 : 1 + UNIT_BYTES * text.length
}

/** Writes the frames of messages, one after the other. */
export class FrameWriter {
  readonly #buffer: Buffer
  readonly #channel: number
  readonly #maxFrameBytes: number
  #at = 0

  /** `capacity`: the sum of the messages' {@link framesBytes}. */
  constructor(capacity: number, channel: number, maxFrameBytes: number) {
    this.#buffer = Buffer.allocUnsafe(capacity)
    this.#channel = channel
    this.#maxFrameBytes = maxFrameBytes
  }

  get isEmpty(): boolean {
    return this.#at === 0
  }

  /** What was written so far. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  write(publishing: Publishing): void {
    this.#writeMethod(publishing)
    this.#writeHeader(publishing)
    this.#writeBody(publishing.content)
  }

  #writeMethod({ exchange, routingKey }: Publishing): void {
    const start = this.#begin(METHOD_FRAME)
    this.#uint16(CLASS_BASIC)
    this.#uint16(METHOD_PUBLISH)
    this.#uint16(0)
    this.#shortString(exchange)
    this.#shortString(routingKey)
    this.#uint8(MANDATORY)
    this.#end(start)
  }

  #writeHeader({ properties, headers, content }: Publishing): void {
    const start = this.#begin(HEADER_FRAME)
    this.#uint16(CLASS_BASIC)
    this.#uint16(0)
    this.#uint32(0)
    this.#uint32(content.length)
    const flagsAt = this.#at
    this.#at += 2
    let flags = FLAGS.headers | FLAGS.deliveryMode
    const { contentType, contentEncoding, correlationId, replyTo, messageId } = properties
    if (contentType !== undefined) {
      flags |= FLAGS.contentType
      this.#shortString(contentType)
    }
    if (contentEncoding !== undefined) {
      flags |= FLAGS.contentEncoding
      this.#shortString(contentEncoding)
    }
    this.#table(headers)
    this.#uint8(PERSISTENT)
    if (correlationId !== undefined) {
      flags |= FLAGS.correlationId
      this.#shortString(correlationId)
    }
    if (replyTo !== undefined) {
      flags |= FLAGS.replyTo
      this.#shortString(replyTo)
    }
    if (messageId !== undefined) {
      flags |= FLAGS.messageId
      this.#shortString(messageId)
    }
    this.#buffer[flagsAt] = flags >>> 8
    this.#buffer[flagsAt + 1] = flags & 0xff
    this.#end(start)
  }

  #writeBody(content: Buffer): void {
    const most = this.#maxFrameBytes - FRAME_BYTES
    for (let from = 0; from < content.length; from += most) {
      const start = this.#begin(BODY_FRAME)
      this.#at += content.copy(this.#buffer, this.#at, from, from + most)
      this.#end(start)
    }
  }

  /** Writes the head of a frame but for its length; returns where the payload begins. */
  #begin(type: number): number {
    this.#uint8(type)
    this.#uint16(this.#channel)
    this.#at += 4
    return this.#at
  }

  #end(start: number): void {
    this.#setUint32(start - 4, this.#at - start)
    this.#uint8(FRAME_END)
  }

  #table(headers: Readonly<Record<string, string>>): void {
    const lengthAt = this.#at
    this.#at += 4
    for (const name in headers) {
      this.#shortString(name)
      this.#uint8(LONG_STRING)
      const valueAt = this.#at + 4
      const length = this.#buffer.write(headers[name]!, valueAt)
      this.#setUint32(this.#at, length)
      this.#at = valueAt + length
    }
    this.#setUint32(lengthAt, this.#at - lengthAt - 4)
  }

  #shortString(text: string): void {
    const length = this.#buffer.write(text, this.#at + 1)
    this.#buffer[this.#at] = length
    this.#at += 1 + length
  }

  #uint8(value: number): void {
    this.#buffer[this.#at++] = value
  }

  #uint16(value: number): void {
    this.#buffer[this.#at++] = value >>> 8
    this.#buffer[this.#at++] = value & 0xff
  }

  #uint32(value: number): void {
    this.#setUint32(this.#at, value)
    this.#at += 4
  }

  #setUint32(at: number, value: number): void {
    this.#buffer[at] = value >>> 24
    this.#buffer[at + 1] = (value >>> 16) & 0xff
    this.#buffer[at + 2] = (value >>> 8) & 0xff
    this.#buffer[at + 3] = value & 0xff
  }
}
