/** Failures of AMQP sessions and links, classified; the only place that looks at conditions. */
import { type Endpoint, errorText, isTlsFailure, tlsError } from '../socket.ts'
import { ConnectError, type ConnectFailure } from '../transport.ts'
import type { AmqpCondition } from './rhea.ts'

/** Why an address cannot be used. */
export interface LinkFailure {
  readonly status: 'failed' | 'misconfigured'
  /** In the broker's words. */
  readonly reason: string
  readonly condition: string | undefined
}

interface Class {
  readonly failure: ConnectFailure
  readonly status: 'failed' | 'misconfigured'
}

const MISCONFIGURED: Class = { failure: 'misconfigured', status: 'misconfigured' }
const UNAUTHORIZED: Class = { failure: 'authorization', status: 'misconfigured' }
const FAILED: Class = { failure: 'protocol', status: 'failed' }

/** Conditions that somebody has to mend (AMQP 1.0, sections 2.8.15 to 2.8.18). */
const CONDITIONS: Readonly<Record<string, Class>> = {
  'amqp:unauthorized-access': UNAUTHORIZED,
  'amqp:not-allowed': MISCONFIGURED,
  'amqp:not-found': MISCONFIGURED,
  'amqp:not-implemented': MISCONFIGURED,
  'amqp:invalid-field': MISCONFIGURED,
  'amqp:precondition-failed': MISCONFIGURED,
  'amqp:resource-deleted': MISCONFIGURED,
  'amqp:illegal-state': MISCONFIGURED,
  'amqp:connection:redirect': MISCONFIGURED,
  'amqp:link:redirect': MISCONFIGURED,
}

/** What the broker says, in one line. */
export function conditionText({ condition, description }: AmqpCondition): string {
  if (condition === undefined) return description ?? 'no reason given'
  return description === undefined || description === null || description === ''
    ? `[${condition}]`
    : `[${condition}] ${description}`
}

/** Why a link could not be attached, or ended. */
export function linkFailure(error: AmqpCondition | undefined): LinkFailure {
  if (error === undefined) {
    return { status: 'failed', reason: 'The broker gave no reason.', condition: undefined }
  }
  const { condition } = error
  const status = CONDITIONS[condition ?? '']?.status ?? 'failed'
  return { status, reason: conditionText(error), condition }
}

/** Why a session could not be opened although the socket was. */
export function openError(error: unknown, stage: Stage, endpoint: Endpoint): ConnectError {
  if (error instanceof ConnectError) return error
  // TLS 1.3 reports a missing client certificate only after the handshake.
  if (isTlsFailure(error)) return tlsError(error, endpoint)
  if (error === undefined) {
    return new ConnectError(
      'protocol',
      'failed',
      `The broker closed the connection without a word ${STAGES[stage]}.`,
    )
  }
  const condition = error as AmqpCondition
  if (stage === 'sasl' && condition.condition !== undefined) return saslError(error)
  if (condition.condition !== undefined) {
    const { failure, status } = CONDITIONS[condition.condition] ?? FAILED
    return new ConnectError(
      failure,
      status,
      `The broker refused the connection: ${conditionText(condition)}.`,
    )
  }
  return new ConnectError('protocol', 'failed', `The session could not be opened: ${text(error)}.`)
}

/** How far opening had come. */
export type Stage = 'sasl' | 'open' | 'attach'

const STAGES: Readonly<Record<Stage, string>> = {
  sasl: 'before it was known who we are',
  open: 'before it was open',
  attach: 'before its links were attached',
}

/** Why an open session ended. */
export function lostError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error
  const condition = error as AmqpCondition | undefined
  if (condition?.condition !== undefined) {
    return new ConnectError(
      'lost',
      'failed',
      `The broker closed the connection: ${conditionText(condition)}.`,
    )
  }
  return new ConnectError(
    'lost',
    'failed',
    error === undefined
      ? 'The connection to the broker was closed by the other side.'
      : `The connection to the broker was lost: ${text(error)}.`,
  )
}

/** The outcome of SASL is a number and nothing else (AMQP 1.0, section 5.3.3.6). */
function saslError(error: unknown): ConnectError {
  const message = text(error)
  const code = /^Failed to authenticate: (\d+)$/.exec(message)?.[1]
  if (code === undefined || code === '1') {
    return new ConnectError(
      'authentication',
      'misconfigured',
      code === undefined
        ? `The broker offers no SASL mechanism that the connection has the credentials for: ${message}.`
        : 'The broker refused the credentials (SASL outcome 1, auth). Check user name and password ' +
            'in the URI, or the client certificate.',
    )
  }
  return new ConnectError(
    'authentication',
    'failed',
    `The broker could not check the credentials (SASL outcome ${code}).`,
  )
}

function text(error: unknown): string {
  return errorText(error).replace(/\.$/, '')
}
