/**
 * Tells what happened to a message: one call counts it and, while the log is active, writes the line.
 * The only place where a shard touches counters and log.
 */

import type { AddressCounters } from '../monitoring/counters.ts'
import type {
  ConnectionLog,
  LogCategory,
  LogKind,
  LogLevel,
  LogLine,
  LogText,
  LogTrack,
  LogType,
} from '../monitoring/log-entry.ts'
import { LOG_MESSAGE_CHARS_MAX } from '../monitoring/log-ring.ts'
import { failureText, showsMessage, successText } from '../monitoring/log-texts.ts'
import type { DittoHeaders } from '../protocol/adaptable.ts'
import type { DittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import { payloadText } from '../protocol/external-message.ts'
import type { Signal } from '../protocol/signal.ts'

/** What a log line is about: a signal, or a message that is none yet. */
export type Subject = Signal | ExternalMessage

const NO_CORRELATION_ID = '<not-provided>'
/** A message's own header that says what of it may be logged: ALL (default), HEADER, PAYLOAD, OFF. */
const DEBUG_LOG_HEADER = 'connectivity-debug-log'

/** A payload is looked at that far, in bytes or characters. */
const SHOWN_PAYLOAD_MAX = 4 * LOG_MESSAGE_CHARS_MAX

/** Characters of a correlation id or entity id. */
const SHOWN_ID_MAX = 256

/** The text of a failure, or what makes it when somebody reads the log. */
export type FailureText = string | ((error: DittoError) => string)

/** Counts and logs for one address of one category. */
export class Monitor<M extends LogType> {
  readonly #category: LogCategory
  readonly #address: string
  readonly #counters: AddressCounters<M>
  readonly #log: ConnectionLog
  readonly #now: () => number
  readonly #successes: Partial<Record<M, LogTrack>> = {}
  readonly #failures: Partial<Record<M, LogTrack>> = {}

  constructor(
    category: LogCategory,
    address: string,
    counters: AddressCounters<M>,
    log: ConnectionLog,
    now: () => number,
  ) {
    this.#category = category
    this.#address = address
    this.#counters = counters
    this.#log = log
    this.#now = now
  }

  /**
   * Counts a success. `text` replaces the default text of the log line; `via`, the message that the
   * signal came in, says and shows itself what of it may be logged.
   */
  success(metric: M, subject: Subject, text?: string, via?: ExternalMessage): void {
    this.#counters.success(metric)
    if (!this.#log.wants.success) return
    const line = new Line(this.#now(), subject, via, text, undefined)
    this.#track(this.#successes, metric, 'success').add(line)
  }

  /** Counts a failure; `text` and `via` as for a success. */
  failure(
    metric: M,
    subject: Subject | undefined,
    error: DittoError,
    text?: FailureText,
    via?: ExternalMessage,
  ): void {
    this.#counters.failure(metric)
    if (!this.#log.wants.failure) return
    const line = new Line(this.#now(), subject, via, text, error)
    this.#track(this.#failures, metric, 'failure').add(line)
  }

  #track(tracks: Partial<Record<M, LogTrack>>, type: M, level: LogLevel): LogTrack {
    const known = tracks[type]
    if (known !== undefined) return known
    const kind = { category: this.#category, type, level, address: this.#address }
    const track = this.#log.track(kind)
    tracks[type] = track
    return track
  }
}

/** Keeps what a line is about; of most lines nobody ever reads the text. */
class Line implements LogLine {
  readonly at: number
  readonly subject: Subject | undefined
  readonly via: ExternalMessage | undefined
  readonly text: FailureText | undefined
  readonly error: DittoError | undefined

  constructor(
    at: number,
    subject: Subject | undefined,
    via: ExternalMessage | undefined,
    text: FailureText | undefined,
    error: DittoError | undefined,
  ) {
    this.at = at
    this.subject = subject
    this.via = via
    this.text = text
    this.error = error
  }

  describe(kind: LogKind, withMessage: boolean): LogText {
    const { subject, via } = this
    const text = this.#textFor(kind)
    const isShown = withMessage && showsMessage(kind.category, kind.type)
    const shown = isShown ? (via ?? subject) : undefined
    const message = shown === undefined ? text : text + detailsOf(shown)
    if (subject === undefined) return { correlationId: NO_CORRELATION_ID, message }
    if (!('kind' in subject)) return { correlationId: correlationOf(subject.headers), message }
    return describeSignal(subject, message)
  }

  #textFor({ category, type, level }: LogKind): string {
    const { text, error } = this
    if (typeof text === 'string') return text
    if (text !== undefined) return text(error!)
    return level === 'success' ? successText(category, type) : failureText(category, type, error)
  }
}

function describeSignal({ adaptable, entityId }: Signal, message: string): LogText {
  const { headers, topic } = adaptable
  const described = { correlationId: correlationOf(headers), message }
  if (entityId === '' || topic.group === 'connections') return described
  return {
    ...described,
    entityType: topic.group === 'policies' ? 'policy' : 'thing',
    entityId: cut(entityId),
  }
}

function correlationOf(headers: DittoHeaders): string {
  return cut(String(headers['correlation-id'] ?? NO_CORRELATION_ID))
}

/** Devices choose them; what finds a message again need not be longer. */
function cut(id: string): string {
  return id.length <= SHOWN_ID_MAX ? id : `${id.slice(0, SHOWN_ID_MAX)}…`
}

/** What of a message may be shown, as the message itself wants it. */
function detailsOf(subject: Subject): string {
  const headers = 'kind' in subject ? subject.adaptable.headers : subject.headers
  const wanted = String(headers[DEBUG_LOG_HEADER] ?? 'ALL').toUpperCase()
  const withHeaders = wanted === 'ALL' || wanted === 'HEADER'
  const withPayload = wanted === 'ALL' || wanted === 'PAYLOAD'
  const names = Object.keys(headers)
  const shown = withHeaders
    ? ` - Message headers: [${names.map((name) => `${name}=${headerText(headers[name])}`).join(', ')}]`
    : ` - Message header keys: [${names.join(', ')}]`
  const payload = withPayload ? shownPayload(subject) : undefined
  return payload === undefined ? shown : `${shown} - Message payload: ${payload}`
}

function shownPayload(subject: Subject): string | undefined {
  if ('kind' in subject) {
    const { value } = subject.adaptable
    return value === undefined ? undefined : JSON.stringify(value)
  }
  const { payload, headers, binary } = subject
  if (payload === undefined) return undefined
  // Enough to find a secret in what is shown, however little of a large payload that is.
  const start = payload.slice(0, SHOWN_PAYLOAD_MAX)
  if (binary === true && typeof start === 'object') {
    return Buffer.from(start).toString('base64') || '<empty-byte-payload>'
  }
  return payloadText({ headers, payload: start }) || '<empty-text-payload>'
}

function headerText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
