/** A received message that waits for its settlement. */
import type { ExternalMessage } from '../../protocol/external-message.ts'
import type { Delivery, Settlement } from '../transport.ts'
import type { LinkDelivery } from './rhea.ts'

/** What becomes of a message; `release`: it was not looked at. */
export type DeliveryOutcome = Settlement | 'release'

/** Who settles; a link lives shorter than what refers to its deliveries. */
export interface Settler {
  settle(delivery: AmqpDelivery, outcome: DeliveryOutcome): string | undefined
}

/** One received message. */
export class AmqpDelivery implements Delivery {
  readonly message: ExternalMessage
  readonly source: number
  readonly address: string
  readonly sourceAddress: string
  readonly onLink: LinkDelivery
  readonly #settler: Settler
  outcome: DeliveryOutcome | undefined

  constructor(
    message: ExternalMessage,
    place: { readonly source: number; readonly address: string },
    onLink: LinkDelivery,
    settler: Settler,
  ) {
    this.message = message
    this.source = place.source
    this.address = place.address
    this.sourceAddress = place.address
    this.onLink = onLink
    this.#settler = settler
  }

  settle(outcome: DeliveryOutcome): string | undefined {
    if (this.outcome !== undefined) return undefined
    this.outcome = outcome
    return this.#settler.settle(this, outcome)
  }
}
