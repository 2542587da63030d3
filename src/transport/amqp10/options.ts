/**
 * The options of a connection's `specificConfig` for AMQP 1.0. Eclipse Ditto hands those with the
 * prefixes below to Apache Qpid JMS, so connections in the wild carry them; the table says what
 * becomes of each here (names, units and defaults: Qpid JMS documentation, "Client configuration").
 * Knows no connection and no network.
 *
 * - **honoured**: does what it does there.
 * - **ignored**: tuning of something that is not there (threads, JMS calls, buffers, a list of brokers).
 *   Harmless; told by name in the connection's log, once per opening.
 * - **silent**: asks for what happens anyway.
 * - **refused**: would change where messages go, what becomes of them, who we are or whom we trust, and
 *   cannot be done. Its default is accepted, anything else is a misconfiguration with advice.
 */

type Effect =
  | { readonly effect: 'honoured' | 'ignored' | 'silent' }
  | { readonly effect: 'refused'; readonly default: string | undefined; readonly advice: string }

/** What is wrong with an option, and the names of those that have no effect. */
export interface OptionReview {
  readonly ignored: readonly string[]
  readonly refused: readonly string[]
}

const PREFIXES = /^(jms|amqp|transport|failover)\./

const HONOURED: Effect = { effect: 'honoured' }
const SILENT: Effect = { effect: 'silent' }
const IGNORED: Effect = { effect: 'ignored' }

const CREDENTIALS = 'Write user name and password into the URI of the connection.'
const WHOLE_NAME = 'Write the whole name as address of the source or target.'
const SETTLED = 'Messages are settled when they have been processed, and not before.'
const STORES =
  "Use 'ca' for trust anchors and credentials of type 'client-cert' for the client certificate."
const CIPHERS = 'Restrict versions and ciphers of TLS at the broker.'
const PROXIES = 'The broker is reached directly, over TCP or TLS.'
const NESTED = "Write the option without 'failover.nested.'."
const CERTIFICATES = "Use 'validateCertificates' or 'ca' of the connection."

/** By name; a name that ends with `.` is for all that begin with it. */
const OPTIONS: Readonly<Record<string, Effect>> = {
  'jms.clientID': HONOURED,
  'jms.connectTimeout': HONOURED,
  'jms.sendTimeout': HONOURED,
  'jms.requestTimeout': HONOURED,
  'jms.closeTimeout': HONOURED,
  'amqp.idleTimeout': HONOURED,
  'amqp.maxFrameSize': HONOURED,
  'amqp.vhost': HONOURED,
  'amqp.saslLayer': HONOURED,
  'amqp.saslMechanisms': HONOURED,
  'transport.connectTimeout': HONOURED,

  'jms.forceSyncSend': SILENT,
  'jms.forceAsyncSend': SILENT,
  'jms.forceAsyncAcks': SILENT,

  'jms.username': refused(undefined, CREDENTIALS),
  'jms.password': refused(undefined, CREDENTIALS),
  'jms.queuePrefix': refused('', WHOLE_NAME),
  'jms.topicPrefix': refused('', WHOLE_NAME),
  'jms.localMessagePriority': refused('false', 'Messages are processed in the order of arrival.'),
  'jms.populateJMSXUserID': refused('false', "Map a value to the header 'user-id'."),
  'jms.redeliveryPolicy.maxRedeliveries': refused('-1', 'Limit redeliveries at the broker.'),
  'jms.presettlePolicy.': refused('false', SETTLED),
  'jms.tracing': refused('noop', 'Traces are not written.'),

  'amqp.allowNonSecureRedirects': refused('false', 'Redirects are not followed.'),

  'transport.verifyHost': refused('true', CERTIFICATES),
  'transport.trustAll': refused('false', CERTIFICATES),
  'transport.keyStoreLocation': refused(undefined, STORES),
  'transport.keyStorePassword': refused(undefined, STORES),
  'transport.keyStoreType': refused(undefined, STORES),
  'transport.keyAlias': refused(undefined, STORES),
  'transport.trustStoreLocation': refused(undefined, STORES),
  'transport.trustStorePassword': refused(undefined, STORES),
  'transport.trustStoreType': refused(undefined, STORES),
  'transport.storeType': refused(undefined, STORES),
  'transport.enabledCipherSuites': refused(undefined, CIPHERS),
  'transport.disabledCipherSuites': refused(undefined, CIPHERS),
  'transport.enabledProtocols': refused(undefined, CIPHERS),
  'transport.disabledProtocols': refused(undefined, CIPHERS),
  'transport.ws.': refused(undefined, PROXIES),
  'transport.localAddress': refused(undefined, 'The system chooses the local address.'),
  'transport.localPort': refused('0', 'The system chooses the local port.'),

  'failover.nested.': refused(undefined, NESTED),
}

/** Goes through the options of a `specificConfig`; those of other prefixes are not ours. */
export function reviewOptions(config: Readonly<Record<string, string>>): OptionReview {
  const ignored: string[] = []
  const refusals: string[] = []
  for (const [name, value] of Object.entries(config)) {
    if (!PREFIXES.test(name)) continue
    const effect = effectOf(name)
    if (effect.effect === 'ignored') ignored.push(name)
    if (effect.effect === 'refused' && value !== effect.default) {
      // The value may be a secret.
      refusals.push(`Option '${name}' is not supported. ${effect.advice}`)
    }
  }
  return { ignored, refused: refusals }
}

function effectOf(name: string): Effect {
  if (Object.hasOwn(OPTIONS, name)) return OPTIONS[name]!
  const group = Object.keys(OPTIONS).find((key) => key.endsWith('.') && name.startsWith(key))
  return group === undefined ? IGNORED : OPTIONS[group]!
}

function refused(defaultValue: string | undefined, advice: string): Effect {
  return { effect: 'refused', default: defaultValue, advice }
}
