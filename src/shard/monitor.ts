/**
 * Tells what happened to a message: one call counts it and, while the log is active, writes the line.
 * The only place where a shard touches counters and log.
 */

import type { AddressCounters } from '../monitoring/counters.ts'
import type {
  ConnectionLog,
  LogCategory,
  LogLevel,
  LogLine,
  LogText,
  LogTrack,
  LogType,
} from '../monitoring/log-entry.ts'
import { failureText, successText } from '../monitoring/log-texts.ts'
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

  /** Counts a success; `text` replaces the default text of the log line. */
  success(metric: M, subject: Subject, text?: string): void {
    this.#counters.success(metric)
    if (!this.#log.active) return
    const line = text ?? successText(this.#category, metric)
    this.#track(this.#successes, metric, 'success').add(new Line(this.#now(), subject, line))
  }

  /** Counts a failure; `text` replaces the default text of the log line. */
  failure(metric: M, subject: Subject | undefined, error: DittoError, text?: string): void {
    this.#counters.failure(metric)
    if (!this.#log.active) return
    const line = text ?? failureText(this.#category, metric, error)
    this.#track(this.#failures, metric, 'failure').add(new Line(this.#now(), subject, line))
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
  readonly text: string

  constructor(at: number, subject: Subject | undefined, text: string) {
    this.at = at
    this.subject = subject
    this.text = text
  }

  describe(): LogText {
    const { subject, text } = this
    if (subject === undefined) return { correlationId: NO_CORRELATION_ID, message: text }
    if ('kind' in subject) return describeSignal(subject, text)
    const { headers } = subject
    return {
      correlationId: headers['correlation-id'] ?? NO_CORRELATION_ID,
      message: text + details(headers, () => payloadText(subject)),
    }
  }
}

function describeSignal({ adaptable, entityId }: Signal, text: string): LogText {
  const { headers, topic, value } = adaptable
  const payload = (): string | undefined =>
    value === undefined ? undefined : JSON.stringify(value)
  const described = {
    correlationId: String(headers['correlation-id'] ?? NO_CORRELATION_ID),
    message: text + details(headers, payload),
  }
  if (entityId === '' || topic.group === 'connections') return described
  return { ...described, entityType: topic.group === 'policies' ? 'policy' : 'thing', entityId }
}

function details(headers: DittoHeaders, payload: () => string | undefined): string {
  const wanted = String(headers[DEBUG_LOG_HEADER] ?? 'ALL').toUpperCase()
  const withHeaders = wanted === 'ALL' || wanted === 'HEADER'
  const withPayload = wanted === 'ALL' || wanted === 'PAYLOAD'
  const names = Object.keys(headers)
  const shown = withHeaders
    ? ` - Message headers: [${names.map((name) => `${name}=${headerText(headers[name])}`).join(', ')}]`
    : ` - Message header keys: [${names.join(', ')}]`
  const body = withPayload ? payload() : undefined
  return body === undefined
    ? shown
    : `${shown} - Message payload: ${body || '<empty-text-payload>'}`
}

function headerText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
