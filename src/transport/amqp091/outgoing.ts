/**
 * An outbound message in terms of AMQP 0.9.1 (Ditto documentation, "AMQP 0.9.1 protocol binding"): all
 * headers in the headers table, some of them as properties, too. Whatever a broker would close the
 * channel or the connection for is refused here.
 */
import type { OutboundMessage } from '../transport.ts'
import { isShortString, parseTargetAddress, type TargetAddress } from './address.ts'

/** A message to be published. */
export interface Publishing extends TargetAddress {
  readonly headers: Readonly<Record<string, string>>
  readonly properties: Properties
  /** What the headers take as a field table, with its length. */
  readonly tableBytes: number
  readonly content: Buffer
}

/** Headers that are properties, too; values that are no short strings are headers alone. */
export interface Properties {
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly correlationId: string | undefined
  readonly replyTo: string | undefined
  readonly messageId: string | undefined
}

/** RabbitMQ takes them for further routing keys, and closes the channel when they are no lists. */
const ROUTING_HEADERS: ReadonlySet<string> = new Set(['CC', 'BCC'])

/** The largest table of headers. */
const TABLE_BYTES = 65_536
/** What shares a frame with the table, at most: all other properties are short strings. */
const PROPERTIES_BYTES = 2048
/** Length of the table. */
const TABLE_LENGTH_BYTES = 4
/** Length of the name, type and length of the value. */
const HEADER_BYTES = 6

/** The message; or what is wrong with it. `frameBytes`: the largest frame that the broker takes. */
export function toPublishing(
  { address, message }: OutboundMessage,
  frameBytes: number,
): Publishing | string {
  const target = parseTargetAddress(address)
  if (typeof target === 'string') return target
  const { headers } = message
  let tableBytes = TABLE_LENGTH_BYTES
  for (const name in headers) {
    const value = headers[name]!
    if (ROUTING_HEADERS.has(name)) return `Header '${name}' would change the routing.`
    if (!isShortString(name)) return 'The name of a header has more than 255 bytes.'
    tableBytes += HEADER_BYTES + Buffer.byteLength(name) + Buffer.byteLength(value)
  }
  const tableMaxBytes = Math.min(TABLE_BYTES, frameBytes - PROPERTIES_BYTES)
  if (tableBytes > tableMaxBytes) return `The headers have more than ${tableMaxBytes} bytes.`
  const { exchange, routingKey } = target
  const properties = toProperties(headers)
  return {
    exchange,
    routingKey,
    headers,
    properties,
    tableBytes,
    content: toContent(message.payload),
  }
}

function toProperties(headers: Readonly<Record<string, string>>): Properties {
  return {
    contentType: shortString(headers['content-type']),
    contentEncoding: shortString(headers['content-encoding']),
    correlationId: shortString(headers['correlation-id']),
    replyTo: shortString(headers['reply-to']),
    messageId: shortString(headers['message-id']),
  }
}

function shortString(text: string | undefined): string | undefined {
  return text !== undefined && isShortString(text) ? text : undefined
}

function toContent(payload: string | Uint8Array | undefined): Buffer {
  if (payload === undefined) return EMPTY
  if (typeof payload === 'string') return Buffer.from(payload, 'utf8')
  if (Buffer.isBuffer(payload)) return payload
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
}

const EMPTY = Buffer.alloc(0)
