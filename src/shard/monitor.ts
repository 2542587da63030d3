/**
 * Tells what happened to a message: one call counts it and, while the log is active, writes the line.
 * The only place where a shard touches counters and log.
 */

import type { AddressCounters } from '../monitoring/counters.ts'
import type {
  ConnectionLog,
  LogCategory,
  LogEntry,
  LogLevel,
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
    if (this.#log.active) {
      this.#write(metric, 'success', subject, text ?? successText(this.#category, metric))
    }
  }

  /** Counts a failure; `text` replaces the default text of the log line. */
  failure(metric: M, subject: Subject | undefined, error: DittoError, text?: string): void {
    this.#counters.failure(metric)
    if (this.#log.active) {
      const line = text ?? failureText(this.#category, metric, error)
      this.#write(metric, 'failure', subject, line)
    }
  }

  #write(type: LogType, level: LogLevel, subject: Subject | undefined, text: string): void {
    const common = {
      at: this.#now(),
      category: this.#category,
      type,
      level,
      address: this.#address,
    }
    this.#log.add({ ...common, ...describe(subject, text) })
  }
}

type Described = Pick<LogEntry, 'correlationId' | 'message' | 'entityType' | 'entityId'>

function describe(subject: Subject | undefined, text: string): Described {
  if (subject === undefined) return { correlationId: NO_CORRELATION_ID, message: text }
  if ('kind' in subject) return describeSignal(subject, text)
  const { headers } = subject
  return {
    correlationId: headers['correlation-id'] ?? NO_CORRELATION_ID,
    message: text + details(headers, () => payloadText(subject)),
  }
}

function describeSignal({ adaptable, entityId }: Signal, text: string): Described {
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
