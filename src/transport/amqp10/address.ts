/**
 * Addresses of sources and targets: `name`, `queue://name` or `topic://name`. As for Qpid JMS, a name
 * alone is that of a queue; the kind travels as a capability of the link's terminus, or as an annotation
 * of a message on a link without an address ("AMQP JMS Mapping", sections 4.2 and 3.2.2).
 */

/** Where messages come from or go to. */
export interface AmqpAddress {
  readonly kind: 'queue' | 'topic'
  readonly name: string
}

/** The annotation that says whether a message goes to a queue (0) or a topic (1). */
export const KIND_ANNOTATION = 'x-opt-jms-dest'

const PREFIXED = /^(queue|topic):\/\/(.*)$/s

/** Takes an address apart. */
export function parseAddress(text: string): AmqpAddress {
  const match = PREFIXED.exec(text)
  if (match === null) return { kind: 'queue', name: text }
  return { kind: match[1] as AmqpAddress['kind'], name: match[2]! }
}

/** The terminus of a link (AMQP 1.0, section 3.5). */
export function terminus({ kind, name }: AmqpAddress): { address: string; capabilities: string } {
  return { address: name, capabilities: kind }
}
