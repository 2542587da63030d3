/**
 * What happens on one attached link that messages arrive on: grants credit, settles, counts. Lives as
 * long as its link; settlements of a link that is gone have nowhere to go.
 *
 * Credit: what is granted and what is not settled together never exceed the window. Grants are made when
 * messages are settled, not when they arrive, and a good part of the window at once, so that there is
 * not a flow frame for every message.
 */
import type { ExternalMessage } from '../../protocol/external-message.ts'
import { HeldBack } from '../held-back.ts'
import { AmqpDelivery, type DeliveryOutcome, type Settler } from './delivery.ts'
import {
  ACCEPTED,
  type LinkDelivery,
  MODIFIED,
  REJECTED,
  RELEASED,
  type ReceivingLink,
  type RheaSession,
  revokeCredit,
} from './rhea.ts'

/** Grants below this part of the window wait for more settlements. */
const GRANT_DIVISOR = 8

const OUTCOMES: Readonly<Record<DeliveryOutcome, object>> = {
  accept: ACCEPTED,
  retry: MODIFIED,
  reject: REJECTED,
  release: RELEASED,
}

const TEXTS: Readonly<Record<DeliveryOutcome, string>> = {
  accept: 'Sending success acknowledgement: <accepted>',
  retry: 'Sending negative acknowledgement: <modified[delivery-failed]>',
  reject: 'Sending negative acknowledgement: <rejected>',
  release: 'Sending negative acknowledgement: <released>',
}

/** The symbol of outcome "modified" (AMQP 1.0, section 3.4.5). */
const MODIFIED_SYMBOL = 'amqp:modified:list'

/** One per attached link. */
export class Receiving implements Settler {
  readonly #link: ReceivingLink
  readonly #session: RheaSession
  readonly #place: { readonly source: number; readonly address: string }
  readonly #window: number
  readonly #unsettled = new Set<LinkDelivery>()
  /** Settled, but the broker was not told yet. */
  #settled: AmqpDelivery[] = []
  #isGranting = false
  #ended = false
  /** What `retry` means to a broker that may not know all outcomes. */
  #retry: DeliveryOutcome = 'retry'
  readonly #flushTurn = (): void => this.#flush()
  readonly #failed = new HeldBack<AmqpDelivery>((rested) => {
    for (const delivery of rested) this.#due(delivery)
  })

  constructor(
    link: ReceivingLink,
    session: RheaSession,
    place: { readonly source: number; readonly address: string },
    window: number,
  ) {
    this.#link = link
    this.#session = session
    this.#place = place
    this.#window = window
  }

  /** The link is attached. RabbitMQ 3 ends the session over an outcome that it did not offer. */
  begin(): void {
    const offered = [this.#link.source?.outcomes ?? []].flat()
    if (offered.length > 0 && !offered.includes(MODIFIED_SYMBOL)) this.#retry = 'release'
  }

  /** Takes a message: it is the shard's until it is settled. */
  take(onLink: LinkDelivery, message: ExternalMessage): AmqpDelivery {
    this.#unsettled.add(onLink)
    return new AmqpDelivery(message, this.#place, onLink, this)
  }

  settle(delivery: AmqpDelivery, outcome: DeliveryOutcome): string | undefined {
    if (this.#ended) return undefined
    if (outcome !== 'retry') {
      this.#due(delivery)
      return TEXTS[outcome]
    }
    delivery.outcome = this.#retry
    this.#failed.hold(delivery)
    return TEXTS[this.#retry]
  }

  /** Grants credit from now on, or does not. */
  grant(isGranting: boolean): void {
    this.#isGranting = isGranting
    this.#replenish()
  }

  /** Takes back what was granted; what is on its way may still come. */
  revoke(): void {
    this.#isGranting = false
    if (!this.#ended) revokeCredit(this.#link)
  }

  /** Tells the broker what was settled and gives the rest back. */
  giveBack(): void {
    if (this.#ended) return
    this.#failed.releaseAll()
    this.#flush()
    this.#session.incoming.process(this.#session)
    for (const onLink of this.#unsettled) onLink.update(true, RELEASED)
    this.end()
  }

  /** The link is gone. */
  end(): void {
    this.#ended = true
    this.#failed.clear()
    this.#isGranting = false
    this.#unsettled.clear()
    this.#settled = []
  }

  #due(delivery: AmqpDelivery): void {
    if (this.#settled.push(delivery) === 1) queueMicrotask(this.#flushTurn)
  }

  /**
   * Writes the outcomes in the order of arrival, so that neighbours travel in one frame. rhea merges the
   * first two deliveries of a write whatever their outcomes are: each run of equal ones gets its own.
   */
  #flush(): void {
    if (this.#ended) return
    const settled = this.#settled
    this.#settled = []
    settled.sort(byDeliveryId)
    let previous: DeliveryOutcome | undefined
    for (const { onLink, outcome } of settled) {
      if (outcome !== previous) this.#session.incoming.process(this.#session)
      onLink.update(true, OUTCOMES[outcome!])
      this.#unsettled.delete(onLink)
      previous = outcome
    }
    this.#replenish()
  }

  #replenish(): void {
    if (!this.#isGranting || this.#ended) return
    const granted = this.#link.credit
    const room = this.#window - this.#unsettled.size - granted
    if (room > 0 && (granted === 0 || room * GRANT_DIVISOR >= this.#window)) {
      this.#link.add_credit(room)
    }
  }
}

function byDeliveryId(one: AmqpDelivery, other: AmqpDelivery): number {
  return one.onLink.id - other.onLink.id
}
