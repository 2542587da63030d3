/**
 * The names under which headers of messages travel (Ditto documentation, "AMQP 1.0 protocol binding"):
 * properties under their own names, application properties under theirs unless those are taken, message
 * annotations with a prefix. Values are text on our side and typed on the other.
 */

/** Application properties whose name is that of a property, or has a prefix. */
export const APPLICATION_PROPERTY = 'amqp.application.property:'
/** Message annotations. */
export const MESSAGE_ANNOTATION = 'amqp.message.annotation:'

/** How a property is written: its type on the wire. */
export type PropertyType = 'text' | 'symbol' | 'binary' | 'time' | 'uint'

/**
 * The properties of a message in their order (AMQP 1.0, section 3.2.4). Identifiers are written as text;
 * in messages that we receive they may be numbers, UUIDs or bytes, too.
 */
export const PROPERTIES: readonly (readonly [name: string, type: PropertyType])[] = [
  ['message-id', 'text'],
  ['user-id', 'binary'],
  ['to', 'text'],
  ['subject', 'text'],
  ['reply-to', 'text'],
  ['correlation-id', 'text'],
  ['content-type', 'symbol'],
  ['content-encoding', 'symbol'],
  ['absolute-expiry-time', 'time'],
  ['creation-time', 'time'],
  ['group-id', 'text'],
  ['group-sequence', 'uint'],
  ['reply-to-group-id', 'text'],
]

const PROPERTY_TYPES: ReadonlyMap<string, PropertyType> = new Map(PROPERTIES)

/** The header that carries an application property. */
export function applicationPropertyHeader(name: string): string {
  const isTaken =
    PROPERTY_TYPES.has(name) ||
    name.startsWith(APPLICATION_PROPERTY) ||
    name.startsWith(MESSAGE_ANNOTATION)
  return isTaken ? APPLICATION_PROPERTY + name : name
}

/** What a header becomes in a message. */
export type HeaderTarget =
  | { readonly section: 'property'; readonly name: string; readonly type: PropertyType }
  | { readonly section: 'annotation' | 'application'; readonly name: string }

/** Where a header belongs. */
export function headerTarget(header: string): HeaderTarget {
  const type = PROPERTY_TYPES.get(header)
  if (type !== undefined) return { section: 'property', name: header, type }
  if (header.startsWith(APPLICATION_PROPERTY)) {
    return { section: 'application', name: header.slice(APPLICATION_PROPERTY.length) }
  }
  if (header.startsWith(MESSAGE_ANNOTATION)) {
    return { section: 'annotation', name: header.slice(MESSAGE_ANNOTATION.length) }
  }
  return { section: 'application', name: header }
}
