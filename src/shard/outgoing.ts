/** The last step before publishing: address and header mapping onto a mapped message, and its receipt. */
import type { HeaderMapping } from '../connection/types.ts'
import type { ExpressionContext } from '../expression/context.ts'
import { compileHeaderMapping, type HeaderMappingProgram } from '../expression/header-mapping.ts'
import { ALL_PLACEHOLDERS } from '../expression/placeholders.ts'
import type { OutboundMetric } from '../monitoring/counters.ts'
import type { DittoError } from '../protocol/errors.ts'
import type { ExternalMessage } from '../protocol/external-message.ts'
import type { Signal } from '../protocol/signal.ts'
import type { OutboundMessage, PublishOutcome } from '../transport/transport.ts'
import type { IssuedAcknowledgement } from './issued-acknowledgement.ts'
import type { Monitor } from './monitor.ts'
import type { Receipt } from './publisher.ts'

/** Applies the header mapping over the headers that the mapper produced. */
export function outgoingTo(
  address: string,
  qos: number | undefined,
  message: ExternalMessage,
  headerMapping: HeaderMappingProgram | undefined,
  context: ExpressionContext,
): OutboundMessage {
  if (headerMapping === undefined) return { address, qos, message }
  const headers: Record<string, string> = { ...message.headers }
  headerMapping.apply(context, headers)
  return { address, qos, message: { headers, payload: message.payload } }
}

/** Compiles a header mapping; undefined when there is nothing to map. */
export function compileOptionalMapping(
  mapping: HeaderMapping | undefined,
): HeaderMappingProgram | undefined {
  if (mapping === undefined || Object.keys(mapping).length === 0) return undefined
  return compileHeaderMapping(mapping, ALL_PLACEHOLDERS)
}

/** Counts and logs what became of one published message. */
export class MonitoredReceipt implements Receipt {
  readonly #monitor: Monitor<OutboundMetric>
  readonly #signal: Signal
  readonly #acknowledgement: IssuedAcknowledgement | undefined

  constructor(
    monitor: Monitor<OutboundMetric>,
    signal: Signal,
    acknowledgement?: IssuedAcknowledgement,
  ) {
    this.#monitor = monitor
    this.#signal = signal
    this.#acknowledgement = acknowledgement
  }

  published(outcome: PublishOutcome): void {
    if (outcome.ok) {
      this.#monitor.success('published', this.#signal)
      this.#acknowledgement?.succeeded(outcome.status)
    } else {
      this.#monitor.failure('published', this.#signal, outcome.error)
      this.#acknowledgement?.failed(outcome.error)
    }
  }

  dropped(error: DittoError): void {
    this.#monitor.failure('dropped', this.#signal, error)
    this.#acknowledgement?.failed(error)
  }
}
