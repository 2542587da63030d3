/**
 * A received message as an external message (AMQP 1.0, section 3.2). Header names: `headers.ts`; values
 * become text: times as milliseconds since 1970, bytes as base64 (`user-id` as UTF-8), lists and maps as
 * JSON. Null values are no headers.
 *
 * | body | payload |
 * |---|---|
 * | data sections | their bytes; text only when the content type is one of text, as for Qpid JMS |
 * | a value that is text | text |
 * | a value that is bytes | bytes, likewise |
 * | a value that is null, or no body | none |
 * | any other value, sequences | JSON text |
 */
import type { ExternalMessage } from '../../protocol/external-message.ts'
import { applicationPropertyHeader, MESSAGE_ANNOTATION, PROPERTIES } from './headers.ts'
import {
  APPLICATION_PROPERTIES,
  DATA,
  MESSAGE_ANNOTATIONS,
  PROPERTY_LIST,
  SEQUENCE,
  VALUE,
} from './sections.ts'
import {
  type AmqpMap,
  type AmqpValue,
  MalformedError,
  toJson,
  toText,
  ValueReader,
} from './values.ts'

/** Content types of text. */
const TEXTUAL =
  /^\s*(text\/|application\/(?:[^;]*\+)?(?:xml|json)\s*(?:;|$)|application\/(?:java|ecma)script)/i

/** Reads the sections of a message; throws a {@link MalformedError} when they are none. */
export function decodeMessage(bytes: Buffer): ExternalMessage {
  const reader = new ValueReader(bytes)
  const headers: Record<string, string> = {}
  const body = new Body()
  while (!reader.atEnd) {
    const section = reader.readDescriptor()
    const value = reader.read()
    switch (section) {
      case MESSAGE_ANNOTATIONS:
        for (const [name, entry] of mapOf(value)) {
          put(headers, MESSAGE_ANNOTATION + toText(name), entry)
        }
        break
      case PROPERTY_LIST:
        putProperties(headers, value)
        break
      case APPLICATION_PROPERTIES:
        for (const [name, entry] of mapOf(value)) {
          put(headers, applicationPropertyHeader(toText(name)), entry)
        }
        break
      default:
        body.add(section, value)
    }
  }
  const { payload } = body
  const isBinary = typeof payload === 'object' && !TEXTUAL.test(headers['content-type'] ?? '')
  return isBinary ? { headers, payload, binary: true } : { headers, payload }
}

class Body {
  #section: number | undefined
  readonly #values: AmqpValue[] = []

  /** Header, delivery annotations and footer are not ours to read. */
  add(section: number, value: AmqpValue): void {
    if (section !== DATA && section !== SEQUENCE && section !== VALUE) return
    if (this.#section !== undefined && this.#section !== section) {
      throw new MalformedError('a message has two kinds of body')
    }
    this.#section = section
    this.#values.push(value)
  }

  get payload(): string | Uint8Array | undefined {
    const [first] = this.#values
    if (first === undefined || first === null) return undefined
    switch (this.#section) {
      case DATA:
        return this.#values.length === 1 ? bytesOf(first) : Buffer.concat(this.#values.map(bytesOf))
      case SEQUENCE:
        return JSON.stringify(toJson(this.#values.flatMap(listOf)))
      default:
        if (typeof first === 'string' || first instanceof Uint8Array) return first
        return JSON.stringify(toJson(first))
    }
  }
}

function putProperties(headers: Record<string, string>, value: AmqpValue): void {
  const values = listOf(value)
  for (let index = 0; index < values.length; index++) {
    const [name, type] = PROPERTIES[index] ?? []
    const entry = values[index]!
    if (name === undefined || entry === null) continue
    const isText = type === 'binary' && entry instanceof Uint8Array
    headers[name] = isText ? Buffer.from(entry).toString('utf8') : toText(entry)
  }
}

function put(headers: Record<string, string>, name: string, value: AmqpValue): void {
  if (value === null) return
  const text = toText(value)
  if (name !== '__proto__') headers[name] = text
  else Object.defineProperty(headers, name, { value: text, enumerable: true })
}

function mapOf(value: AmqpValue): AmqpMap {
  if (value instanceof Map) return value
  throw new MalformedError('a section is no map')
}

function listOf(value: AmqpValue): readonly AmqpValue[] {
  if (Array.isArray(value)) return value
  throw new MalformedError('a section is no list')
}

function bytesOf(value: AmqpValue): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new MalformedError('a data section has no bytes')
}
