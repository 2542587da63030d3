/**
 * rhea as this binding uses it: one container per session with the broker, and types for the parts of
 * it that its typings leave out (fixed to rhea 3.0). Everything that rhea would do by itself is set
 * aside here: it neither reconnects, nor grants credit, nor accepts.
 *
 * Two of its habits are mended on the way in, see {@link takeRawTransfers}; a third is kept off by
 * `Receiving`, which never lets two outcomes be written in one go.
 */
import type { Socket } from 'node:net'
import rhea, {
  type Connection,
  type Receiver,
  type Delivery as RheaDelivery,
  type Sender,
  type Session,
} from 'rhea'

/** A condition and what the broker says about it (AMQP 1.0, section 2.8.14). */
export interface AmqpCondition {
  readonly condition?: string
  readonly description?: string
}

/** The names of SASL mechanisms, and what they answer. */
export type SaslMechanisms = Readonly<Record<string, () => SaslMechanism>>

/** Of a SASL exchange, the client's side. */
export interface SaslMechanism {
  start(answer: (error: undefined, response: Buffer | string) => void): void
  step(challenge: unknown, answer: (error: undefined, response: Buffer | string) => void): void
}

/** A session of the protocol; ours hold one link each. */
export interface RheaSession extends Session {
  readonly incoming: { process(session: RheaSession): void }
  on_transfer(frame: TransferFrame): void
  _get_link(frame: TransferFrame): ReceivingLink
}

/** A link that messages arrive on. */
export interface ReceivingLink extends Receiver {
  credit: number
  issue_flow: boolean
  readonly _incomplete: unknown
}

/** A link that messages leave on. */
export interface SendingLink extends Sender {
  /** What the broker granted, less what was written; not less what waits to be written. */
  readonly credit: number
  /** How many messages were written, and how many grants were given back. */
  readonly delivery_count: number
}

/** A message under way, in either direction. */
export interface LinkDelivery extends RheaDelivery {
  readonly remote_state?: { readonly error?: AmqpCondition }
}

interface TransferFrame {
  readonly performative: { message_format: number | undefined }
}

/** How a connection introduces itself. */
export interface Introduction {
  readonly containerId: string
  readonly hostname: string
  /** In milliseconds; 0: the broker may be silent for as long as it likes. */
  readonly idleTimeoutMs: number
  readonly maxFrameBytes: number
  /** In the order of preference; undefined: without SASL. */
  readonly mechanisms: SaslMechanisms | undefined
}

/** Most deliveries of a session that are not settled yet, on either side: rhea's ring. */
export const SESSION_WINDOW = 2048

/** What a broker offers that lets messages leave on a link without an address. */
export const ANONYMOUS_RELAY = 'ANONYMOUS-RELAY'

/** Links that the broker would open towards us get nothing. */
const PASSIVE = { credit_window: 0, autoaccept: false, autosettle: false } as const

/** The `message_format` under which transfers reach us undecoded. */
export const RAW_FORMAT = 1

/** Begins to speak AMQP on a connected socket. */
export function speakAmqp(socket: Socket, introduction: Introduction): Connection {
  const { containerId, hostname, idleTimeoutMs, maxFrameBytes, mechanisms } = introduction
  const container = rhea.create_container({ id: containerId })
  // Without a listener an `error` event ends the process; whoever it concerns is told by other events.
  container.on('error', ignore)
  const connection = container.create_connection({
    container_id: containerId,
    hostname,
    sasl_init_hostname: hostname,
    // rhea waits twice as long as it tells the broker (AMQP 1.0, section 2.4.5).
    ...(idleTimeoutMs > 0 && { idle_time_out: Math.ceil(idleTimeoutMs / 2) }),
    max_frame_size: maxFrameBytes,
    desired_capabilities: ANONYMOUS_RELAY,
    session_buffer_size: SESSION_WINDOW,
    // The shard reconnects, for all protocols alike.
    reconnect: false,
    receiver_options: PASSIVE,
    sender_options: PASSIVE,
    ...(mechanisms !== undefined && { sasl_mechanisms: mechanisms }),
    connection_details: () => ({
      connect: (_port: number, _host: string, _options: unknown, onConnected: () => void) => {
        process.nextTick(onConnected)
        return socket
      },
    }),
  } as unknown as Parameters<typeof container.create_connection>[0])
  gatherFrames(connection, socket)
  return connection
}

/** Sends what is to be sent first; rhea itself takes the first mechanism that the broker names. */
export function preferMechanisms(connection: Connection, mechanisms: SaslMechanisms): void {
  const layer = connection.sasl_transport as SaslLayer
  const choose = layer.on_sasl_mechanisms.bind(layer)
  layer.on_sasl_mechanisms = (frame) => {
    const offered = [frame.performative.sasl_server_mechanisms ?? []].flat()
    const known = Object.keys(mechanisms).filter((name) => offered.includes(name))
    if (known.length > 0) frame.performative.sasl_server_mechanisms = known
    choose(frame)
  }
}

interface SaslLayer {
  on_sasl_mechanisms(frame: {
    performative: { sasl_server_mechanisms: string | string[] | undefined }
  }): void
}

/**
 * Lets the frames of one turn leave together: rhea makes a write of each, and sets its heartbeat anew.
 */
function gatherFrames(connection: Connection, socket: Socket): void {
  const inside = connection as unknown as Turns
  const { _process: turn, output } = inside
  let isGathering = false
  let hasGathered = false
  inside.output = () => {
    if (isGathering) hasGathered = true
    else output.call(connection)
  }
  inside._process = () => {
    isGathering = true
    hasGathered = false
    socket.cork()
    try {
      turn.call(connection)
    } finally {
      isGathering = false
      if (hasGathered) output.call(connection)
      socket.uncork()
    }
  }
}

/** A turn of rhea's, and what writes its frames. */
interface Turns {
  _process(): void
  output(): void
}

/** A session that holds one link. */
export function beginSession(connection: Connection): RheaSession {
  const session = connection.create_session(SESSION_WINDOW) as RheaSession
  session.begin()
  return session
}

/**
 * Lets transfers arrive as bytes: a message that cannot be decoded would otherwise take the connection
 * with it. What comes beyond the credit (RabbitMQ 3 does that) is taken without rhea writing to the
 * console about each; and a message of more frames than the session's window gets further ones.
 */
export function takeRawTransfers(session: RheaSession): void {
  const take = session.on_transfer
  session.on_transfer = (frame) => {
    const link = session._get_link(frame)
    if (link.credit === 0) link.credit = 1
    if (frame.performative.message_format === 0) frame.performative.message_format = RAW_FORMAT
    take.call(session, frame)
    if (link._incomplete !== undefined) session.connection._register()
  }
}

/**
 * Whether the broker attached its end of a link. A terminus of null announces a detach that says why it
 * did not (AMQP 1.0, section 2.6.3); rhea wraps that null.
 */
export function isAttached(link: Receiver | Sender): boolean {
  const terminus: unknown = link.is_receiver() ? link.source : link.target
  return ((terminus as { value?: unknown } | null)?.value ?? null) !== null
}

/**
 * Takes credit back by granting none. Draining would wait for an answer, which RabbitMQ 3 gives wrong.
 */
export function revokeCredit(link: ReceivingLink): void {
  link.credit = 0
  link.issue_flow = true
  link.connection._register()
}

/** The outcomes of received messages (AMQP 1.0, section 3.4). */
export const ACCEPTED = describe('accepted')
export const REJECTED = describe('rejected')
export const RELEASED = describe('released')
export const MODIFIED = describe('modified', { delivery_failed: true })

function describe(outcome: string, fields?: object): object {
  const message = rhea.message as unknown as Record<
    string,
    (fields?: object) => { described(): object }
  >
  return message[outcome]!(fields).described()
}

function ignore(): void {}
