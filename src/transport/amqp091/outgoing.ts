/**
 * An outbound message as amqplib wants it (Ditto documentation, "AMQP 0.9.1 protocol binding"): all
 * headers in the headers table, some of them as properties, too. Whatever a broker would close the
 * channel or the connection for is refused here.
 */
import type { Options } from 'amqplib'
import type { OutboundMessage } from '../transport.ts'
import { isShortString, parseTargetAddress, type TargetAddress } from './address.ts'

/** A message to be published. */
export interface Publishing extends TargetAddress {
  readonly content: Buffer
  readonly options: Options.Publish
}

/** Properties, which are short strings: longer values travel in the headers table alone. */
const PROPERTIES: ReadonlyMap<string, keyof Options.Publish> = new Map([
  ['content-type', 'contentType'],
  ['content-encoding', 'contentEncoding'],
  ['correlation-id', 'correlationId'],
  ['reply-to', 'replyTo'],
  ['message-id', 'messageId'],
] as const)

/** RabbitMQ takes them for further routing keys, and closes the channel when they are no lists. */
const ROUTING_HEADERS: ReadonlySet<string> = new Set(['CC', 'BCC'])

/** The largest table of headers that amqplib encodes. */
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
  const options: Options.Publish = {
    headers,
    // A message that no queue takes comes back, instead of being confirmed and gone.
    mandatory: true,
    // What was confirmed survives a restart of the broker, if its queue does.
    persistent: true,
  }
  let tableBytes = TABLE_LENGTH_BYTES
  for (const name in headers) {
    const value = headers[name]!
    if (ROUTING_HEADERS.has(name)) return `Header '${name}' would change the routing.`
    if (!isShortString(name)) return 'The name of a header has more than 255 bytes.'
    tableBytes += HEADER_BYTES + Buffer.byteLength(name) + Buffer.byteLength(value)
    const property = PROPERTIES.get(name)
    if (property !== undefined && isShortString(value))
      Object.assign(options, { [property]: value })
  }
  const tableMaxBytes = Math.min(TABLE_BYTES, frameBytes - PROPERTIES_BYTES)
  if (tableBytes > tableMaxBytes) return `The headers have more than ${tableMaxBytes} bytes.`
  return { ...target, content: toContent(message.payload), options }
}

function toContent(payload: string | Uint8Array | undefined): Buffer {
  if (payload === undefined) return EMPTY
  if (typeof payload === 'string') return Buffer.from(payload, 'utf8')
  if (Buffer.isBuffer(payload)) return payload
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
}

const EMPTY = Buffer.alloc(0)
