/**
 * An outbound message as the bytes of an AMQP message: headers become properties, application properties
 * and annotations (`headers.ts`), text becomes a value that is text, bytes become a data section.
 * Messages are durable, as those of JMS are unless told otherwise.
 */
import type { OutboundMessage } from '../transport.ts'
import { type AmqpAddress, KIND_ANNOTATION } from './address.ts'
import { headerTarget, type PropertyType } from './headers.ts'
import { byte, dataSection, encodeMessage } from './rhea.ts'

const MAX_UINT = 4_294_967_295
/** The range of times in JavaScript, in milliseconds around 1970. */
const MAX_TIME_MS = 8.64e15
const ASCII = /^[ -~]*$/

/**
 * The message as bytes, or what is wrong with it. `anonymous`: it leaves on a link without an address, so
 * that its property `to` has to say where it goes.
 */
export function encodeOutbound(
  { message: { headers, payload } }: OutboundMessage,
  address: AmqpAddress,
  anonymous: boolean,
): Buffer | string {
  const properties: Record<string, unknown> = { durable: true, to: address.name }
  let application: Record<string, string> | undefined
  let annotations: Record<string, unknown> | undefined
  for (const header in headers) {
    const text = headers[header]!
    const target = headerTarget(header)
    if (target.section === 'property') {
      const value = typed(text, target.type)
      if (value === undefined) return `Header '${header}' is '${text}', not ${WANTED[target.type]}.`
      properties[header.replaceAll('-', '_')] = value
    } else if (target.section === 'application') {
      application ??= Object.create(null) as Record<string, string>
      application[target.name] = text
    } else {
      if (!ASCII.test(target.name)) return `Header '${header}' has a name that is not ASCII.`
      annotations ??= Object.create(null) as Record<string, unknown>
      annotations[target.name] = text
    }
  }
  if (anonymous) {
    properties.to = address.name
    annotations ??= {}
    annotations[KIND_ANNOTATION] ??= byte(address.kind === 'topic' ? 1 : 0)
  }
  return encodeMessage({
    ...properties,
    ...(application !== undefined && { application_properties: application }),
    ...(annotations !== undefined && { message_annotations: annotations }),
    body: typeof payload === 'object' ? dataSection(payload) : (payload ?? null),
  })
}

const WANTED: Readonly<Record<PropertyType, string>> = {
  text: 'text',
  binary: 'text',
  symbol: 'ASCII text',
  time: 'a time in milliseconds since 1970',
  uint: `a whole number between 0 and ${MAX_UINT}`,
}

function typed(text: string, type: PropertyType): unknown {
  switch (type) {
    case 'text':
      return text
    case 'symbol':
      return ASCII.test(text) ? text : undefined
    case 'binary':
      return Buffer.from(text)
    case 'time': {
      const time = integer(text)
      return time !== undefined && Math.abs(time) <= MAX_TIME_MS ? time : undefined
    }
    case 'uint': {
      const value = integer(text)
      return value !== undefined && value >= 0 && value <= MAX_UINT ? value : undefined
    }
  }
}

function integer(text: string): number | undefined {
  return /^-?\d{1,16}$/.test(text) ? Number(text) : undefined
}
