/**
 * Failures of AMQP 0.9.1 sessions and channels, classified; the only place that looks at codes and
 * texts of amqplib. Reply codes: AMQP 0.9.1, section 1.8 of the generated specification.
 */
import { type Endpoint, errorText, isTlsFailure, tlsError, unreachable } from '../socket.ts'
import { ConnectError } from '../transport.ts'
import type { AmqpSettings } from './settings.ts'

/** How amqplib wraps what the broker said: `404 (NOT-FOUND) with message "…"`. */
const BROKER_WORDS = /(\d{3}) \([A-Z-]+\) with message "(.*)"/s
/** What becomes of a refused virtual host: amqplib keeps the broker's words to itself. */
const NO_VIRTUAL_HOST = /^Expected ConnectionOpenOk; got <ConnectionClose/

const ACCESS_REFUSED = 403
const NOT_FOUND = 404
const RESOURCE_LOCKED = 405
const NOT_ALLOWED = 530

/** What the user has to mend; the rest may heal by itself. */
const MENDABLE: ReadonlySet<number> = new Set([
  ACCESS_REFUSED,
  NOT_FOUND,
  RESOURCE_LOCKED,
  NOT_ALLOWED,
])

/** The broker's own words, where it said something. */
export function brokerWords(error: unknown): string {
  return BROKER_WORDS.exec(errorText(error))?.[2] ?? errorText(error)
}

/** Whether the user has to mend something before a channel can do what it failed at. */
export function channelStatus(error: unknown): 'failed' | 'misconfigured' {
  return MENDABLE.has(replyCode(error) ?? 0) ? 'misconfigured' : 'failed'
}

/** Why none of these queues can be consumed: there is nothing to be open for. */
export function noQueueError(
  queues: readonly string[],
  failures: readonly unknown[],
): ConnectError {
  const codes = new Set(failures.map(replyCode))
  const reason =
    codes.size === 1 && codes.has(NOT_FOUND)
      ? 'Can not connect to RabbitMQ as queues are missing'
      : 'Can not consume from any queue'
  const isRefused = codes.size === 1 && codes.has(ACCESS_REFUSED)
  const isMendable = failures.some((error) => channelStatus(error) === 'misconfigured')
  return new ConnectError(
    isRefused ? 'authorization' : isMendable ? 'misconfigured' : 'protocol',
    isMendable ? 'misconfigured' : 'failed',
    `${reason}: ${[...new Set(queues)].join(', ')}. ${[...new Set(failures.map(brokerWords))].join(' ')}`,
  )
}

/** Why a session could not be opened. */
export function openError(error: unknown, { endpoint, virtualHost }: AmqpSettings): ConnectError {
  if (error instanceof ConnectError) return error
  const socketFailure = socketError(error, endpoint)
  if (socketFailure !== undefined) return socketFailure
  const text = errorText(error)
  if (NO_VIRTUAL_HOST.test(text)) {
    return new ConnectError(
      'misconfigured',
      'misconfigured',
      `The broker refused to open the virtual host '${virtualHost}'. Check that it exists, that the ` +
        'user may access it, and its limit of connections; the log of the broker tells which it is.',
      { cause: error },
    )
  }
  if (replyCode(error) === ACCESS_REFUSED) {
    return new ConnectError(
      'authentication',
      'misconfigured',
      `The broker refused the connection: ${brokerWords(error)} ` +
        'Check user name and password in the URI, or the client certificate.',
      { cause: error },
    )
  }
  if (text.startsWith('SASL mechanism')) {
    return new ConnectError('authentication', 'misconfigured', `${text}.`, { cause: error })
  }
  return new ConnectError(
    'protocol',
    'failed',
    `The session could not be opened: ${brokerWords(error)}.`,
    { cause: error },
  )
}

/** Why an open session ended. */
export function lostError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error
  const reason = error === undefined ? 'The broker closed the connection' : brokerWords(error)
  return new ConnectError('lost', 'failed', `The session with the broker was lost: ${reason}.`, {
    cause: error,
  })
}

/** No socket, or no TLS above it. */
function socketError(error: unknown, endpoint: Endpoint): ConnectError | undefined {
  const { syscall } = (error ?? {}) as { readonly syscall?: unknown }
  if (error instanceof AggregateError || syscall === 'connect' || syscall === 'getaddrinfo') {
    return unreachable(error, endpoint)
  }
  if (endpoint.tls === undefined) return undefined
  // TLS 1.3 reports a missing client certificate only after the handshake.
  const isTls = isTlsFailure(error) || errorText(error).includes('before secure TLS connection')
  return isTls ? tlsError(error, endpoint) : undefined
}

function replyCode(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  if (typeof code === 'number') return code
  const said = BROKER_WORDS.exec(errorText(error))
  return said === null ? undefined : Number(said[1])
}
