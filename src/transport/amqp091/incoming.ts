/**
 * A received message as an external message (Ditto documentation, "AMQP 0.9.1 protocol binding"):
 * the headers table as text, a few properties under their names, the payload as bytes; they are no text
 * when the content type says so.
 */
import type { ConsumeMessage } from 'amqplib'
import type { ExternalMessage } from '../../protocol/external-message.ts'

/** What amqplib makes of the values of a field table (RabbitMQ's errata to section 4.2.5.5). */
export type FieldValue =
  | string
  | number
  | boolean
  | null
  | Buffer
  | readonly FieldValue[]
  | { readonly [name: string]: FieldValue }

const OCTET_STREAM = 'application/octet-stream'

/** Turns a message into its external form; properties win over headers of the same name. */
export function toExternalMessage({
  content,
  fields,
  properties,
}: ConsumeMessage): ExternalMessage {
  const headers = fromTable(properties.headers as Record<string, FieldValue> | undefined)
  put(headers, 'content-type', properties.contentType)
  put(headers, 'content-encoding', properties.contentEncoding)
  put(headers, 'correlation-id', properties.correlationId)
  put(headers, 'reply-to', properties.replyTo)
  put(headers, 'message-id', properties.messageId)
  // As in Ditto the number of the delivery, not the property.
  headers.messageId = String(fields.deliveryTag)
  const isBinary = headers['content-type']?.startsWith(OCTET_STREAM) === true
  return isBinary ? { headers, payload: content, binary: true } : { headers, payload: content }
}

/** The headers table as text; entries without a value are left out. */
export function fromTable(
  table: Readonly<Record<string, FieldValue>> | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {}
  if (table === undefined) return headers
  for (const name of Object.keys(table)) {
    const value = table[name]
    if (typeof value === 'string') headers[name] = value
    else if (value !== null && value !== undefined) headers[name] = toText(value)
  }
  return headers
}

function put(headers: Record<string, string>, name: string, value: unknown): void {
  if (typeof value === 'string') headers[name] = value
}

/** Bytes in base64, times as milliseconds since 1970, arrays and tables as JSON. */
function toText(value: FieldValue): string {
  const json = toJson(value)
  return typeof json === 'string' ? json : JSON.stringify(json)
}

function toJson(value: FieldValue): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) return value.map(toJson)
  const table = value as Readonly<Record<string, FieldValue>>
  if (typeof table['!'] === 'string') return special(table['!'], table.value)
  return Object.fromEntries(Object.entries(table).map(([name, entry]) => [name, toJson(entry)]))
}

/** The types that amqplib marks because JavaScript has none for them. */
function special(type: string, value: FieldValue | undefined): unknown {
  if (type === 'timestamp') return Number(value) * 1000
  if (type !== 'decimal') return toJson(value ?? null)
  const { digits, places } = value as { readonly digits: number; readonly places: number }
  return digits / 10 ** places
}
