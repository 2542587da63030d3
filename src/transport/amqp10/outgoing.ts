/**
 * An outbound message as the bytes of an AMQP message: headers become properties, application properties
 * and annotations (`headers.ts`), text becomes a value that is text, bytes become a data section.
 * Messages are durable, as those of JMS are unless told otherwise.
 */
import type { OutboundMessage } from '../transport.ts'
import { type AmqpAddress, KIND_ANNOTATION } from './address.ts'
import {
  APPLICATION_PROPERTY,
  MESSAGE_ANNOTATION,
  PROPERTIES,
  PROPERTY_INDEXES,
  type PropertyType,
} from './headers.ts'
import {
  APPLICATION_PROPERTIES,
  DATA,
  HEADER,
  MESSAGE_ANNOTATIONS,
  PROPERTY_LIST,
  VALUE,
} from './sections.ts'
import { FIXED_BYTES, textBytes, ValueWriter } from './writer.ts'

const MAX_UINT = 4_294_967_295
/** The range of times in JavaScript, in milliseconds around 1970. */
const MAX_TIME_MS = 8.64e15
const ASCII = /^[ -~]*$/
const TO = PROPERTY_INDEXES.get('to')!
/** Five sections with what each is, the value in the header, every property, and one annotation. */
const FRAME_BYTES = (5 + 5 + 1 + PROPERTIES.length + 1) * FIXED_BYTES + textBytes(KIND_ANNOTATION)

/**
 * The message as bytes, or what is wrong with it. `anonymous`: it leaves on a link without an address, so
 * that its property `to` has to say where it goes.
 */
export function encodeOutbound(
  { message: { headers, payload } }: OutboundMessage,
  address: AmqpAddress,
  anonymous: boolean,
): Buffer | string {
  const parts = new Parts(address.name)
  for (const header in headers) {
    const refused = parts.put(header, headers[header]!)
    if (refused !== undefined) return refused
  }
  if (anonymous) parts.properties[TO] = address.name
  const kind = anonymous ? address.kind : undefined
  const bodyBytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload?.length
  const addressBytes = textBytes(address.name)
  const writer = new ValueWriter(FRAME_BYTES + parts.bytes + addressBytes + (bodyBytes ?? 0))
  writer.section(HEADER)
  const header = writer.beginList(1)
  writer.true()
  writer.end(header)
  writeAnnotations(writer, parts.annotations, kind)
  writeProperties(writer, parts.properties)
  if (parts.application !== undefined) writeApplicationProperties(writer, parts.application)
  writeBody(writer, payload)
  return writer.bytes
}

/** The headers of a message, each where it belongs. */
class Parts {
  /** In the order of {@link PROPERTIES}. */
  readonly properties: (string | undefined)[] = new Array(PROPERTIES.length).fill(undefined)
  annotations: Map<string, string> | undefined
  application: Map<string, string> | undefined
  /** What all of them take at most. */
  bytes = 0

  constructor(to: string) {
    this.properties[TO] = to
  }

  /** Takes a header, or says what is wrong with it. */
  put(header: string, text: string): string | undefined {
    this.bytes += textBytes(header) + textBytes(text)
    const index = PROPERTY_INDEXES.get(header)
    if (index !== undefined) {
      const type = PROPERTIES[index]![1]
      if (!isOfType(text, type)) return `Header '${header}' is '${text}', not ${WANTED[type]}.`
      this.properties[index] = text
    } else if (header.startsWith(MESSAGE_ANNOTATION)) {
      const name = header.slice(MESSAGE_ANNOTATION.length)
      if (!ASCII.test(name)) return `Header '${header}' has a name that is not ASCII.`
      this.annotations ??= new Map()
      this.annotations.set(name, text)
    } else {
      const isPrefixed = header.startsWith(APPLICATION_PROPERTY)
      this.application ??= new Map()
      this.application.set(isPrefixed ? header.slice(APPLICATION_PROPERTY.length) : header, text)
    }
    return undefined
  }
}

const WANTED: Readonly<Record<PropertyType, string>> = {
  text: 'text',
  binary: 'text',
  symbol: 'ASCII text',
  time: 'a time in milliseconds since 1970',
  uint: `a whole number between 0 and ${MAX_UINT}`,
}
const INTEGER = /^-?\d{1,16}$/

function isOfType(text: string, type: PropertyType): boolean {
  switch (type) {
    case 'text':
    case 'binary':
      return true
    case 'symbol':
      return ASCII.test(text)
    case 'time':
      return INTEGER.test(text) && Math.abs(Number(text)) <= MAX_TIME_MS
    case 'uint':
      return INTEGER.test(text) && Number(text) >= 0 && Number(text) <= MAX_UINT
  }
}

/** `kind`: of the address of a message on a link without one, unless an annotation says it already. */
function writeAnnotations(
  writer: ValueWriter,
  annotations: ReadonlyMap<string, string> | undefined,
  kind: AmqpAddress['kind'] | undefined,
): void {
  const tellsKind = kind !== undefined && annotations?.has(KIND_ANNOTATION) !== true
  if (annotations === undefined && !tellsKind) return
  writer.section(MESSAGE_ANNOTATIONS)
  const map = writer.beginMap((annotations?.size ?? 0) + (tellsKind ? 1 : 0))
  if (annotations !== undefined) {
    for (const [name, text] of annotations) {
      writer.symbol(name)
      writer.text(text)
    }
  }
  if (tellsKind) {
    writer.symbol(KIND_ANNOTATION)
    writer.byte(kind === 'topic' ? 1 : 0)
  }
  writer.end(map)
}

function writeProperties(writer: ValueWriter, properties: readonly (string | undefined)[]): void {
  let count = properties.length
  while (properties[count - 1] === undefined) count -= 1
  writer.section(PROPERTY_LIST)
  const list = writer.beginList(count)
  for (let index = 0; index < count; index++) {
    writeProperty(writer, properties[index], PROPERTIES[index]![1])
  }
  writer.end(list)
}

function writeProperty(writer: ValueWriter, text: string | undefined, type: PropertyType): void {
  if (text === undefined) writer.null()
  else if (type === 'text') writer.text(text)
  else if (type === 'symbol') writer.symbol(text)
  else if (type === 'binary') writer.textAsBinary(text)
  else if (type === 'time') writer.time(Number(text))
  else writer.uint(Number(text))
}

function writeApplicationProperties(
  writer: ValueWriter,
  application: ReadonlyMap<string, string>,
): void {
  writer.section(APPLICATION_PROPERTIES)
  const map = writer.beginMap(application.size)
  for (const [name, text] of application) {
    writer.text(name)
    writer.text(text)
  }
  writer.end(map)
}

function writeBody(writer: ValueWriter, payload: string | Uint8Array | undefined): void {
  writer.section(typeof payload === 'object' ? DATA : VALUE)
  if (typeof payload === 'object') writer.binary(payload)
  else if (payload === undefined) writer.null()
  else writer.text(payload)
}
