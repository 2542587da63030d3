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

/** Where a property is in {@link PROPERTIES}. */
export const PROPERTY_INDEXES: ReadonlyMap<string, number> = new Map(
  PROPERTIES.map(([name], index) => [name, index]),
)

/** The header that carries an application property; the other way the prefix goes away. */
export function applicationPropertyHeader(name: string): string {
  const isTaken =
    PROPERTY_INDEXES.has(name) ||
    name.startsWith(APPLICATION_PROPERTY) ||
    name.startsWith(MESSAGE_ANNOTATION)
  return isTaken ? APPLICATION_PROPERTY + name : name
}
