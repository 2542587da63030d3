/**
 * Addresses of targets: `exchange/routingKey`, the default exchange having an empty name (Ditto
 * documentation, "AMQP 0.9.1 protocol binding"). Knows no placeholders but their braces.
 */
import { hasExpressions } from '../../expression/template.ts'

/** Where a message goes. */
export interface TargetAddress {
  /** Empty: the default exchange, whose routing keys are names of queues. */
  readonly exchange: string
  readonly routingKey: string
}

/** The most bytes of an exchange's name or a routing key: both are short strings (section 4.2.5.3). */
const MAX_SHORT_STRING_BYTES = 255

/** Takes a resolved address apart; or says what is wrong with it. */
export function parseTargetAddress(address: string): TargetAddress | string {
  const slash = address.indexOf('/')
  if (slash === -1 || address.includes('/', slash + 1)) {
    return `The target address '${address}' must be specified in the format 'exchange/routingKey'.`
  }
  const exchange = address.slice(0, slash)
  const routingKey = address.slice(slash + 1)
  if (!isShortString(exchange) || !isShortString(routingKey)) {
    return `In the target address '${address}' a part has more than ${MAX_SHORT_STRING_BYTES} bytes.`
  }
  return { exchange, routingKey }
}

/** The exchange of a configured address, unless placeholders decide it or it is the default one. */
export function constantExchange(address: string): string | undefined {
  const exchange = address.slice(0, Math.max(0, address.indexOf('/')))
  return exchange === '' || hasExpressions(exchange) ? undefined : exchange
}

/** Whether a text fits where AMQP has one byte for its length. */
export function isShortString(text: string): boolean {
  return (
    text.length * 3 <= MAX_SHORT_STRING_BYTES || Buffer.byteLength(text) <= MAX_SHORT_STRING_BYTES
  )
}
