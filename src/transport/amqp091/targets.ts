/** The states of target addresses as the status resource shows them: of their exchanges, mostly. */

import type { Target } from '../../connection/types.ts'
import { hasExpressions } from '../../expression/template.ts'
import type { AddressStatus, TransportEvents } from '../transport.ts'
import { constantExchange } from './address.ts'
import { brokerWords, channelStatus } from './errors.ts'

type State = Pick<AddressStatus, 'status' | 'details'>

const STARTED: State = { status: 'open', details: 'Producer started.' }
const ON_DEMAND: State = {
  status: 'unknown',
  details: 'Producers for targets with placeholders are started on-demand.',
}

/** One per session. */
export class TargetStates {
  /** The exchanges that no placeholder decides. */
  readonly exchanges: ReadonlySet<string>
  readonly #targets: readonly Target[]
  readonly #events: TransportEvents
  /** Why exchanges cannot be published to. */
  readonly #failures = new Map<string, State>()
  #blocked: State | undefined
  #begun = false

  constructor(targets: readonly Target[], events: TransportEvents) {
    this.#targets = targets
    this.#events = events
    const exchanges = targets.map(({ address }) => constantExchange(address))
    this.exchanges = new Set(exchanges.filter((exchange) => exchange !== undefined))
  }

  /** The session is open: all targets are reported. */
  begin(): void {
    this.#begun = true
    this.#report(() => true)
  }

  /** An exchange can be published to; or not, for this reason. */
  set(exchange: string, failure: unknown): void {
    if (!this.exchanges.has(exchange)) return
    const known = this.#failures.get(exchange)
    if (failure === undefined) {
      if (known === undefined) return
      this.#failures.delete(exchange)
      this.#events.onLog('success', `Exchange '${exchange}' can be published to.`)
    } else {
      const state = failed(exchange, failure)
      this.#failures.set(exchange, state)
      if (known === undefined) this.#events.onLog('failure', state.details)
    }
    this.#report((address) => constantExchange(address) === exchange)
  }

  /** The broker takes nothing for now for this reason, or does so again. */
  setBlocked(reason: string | undefined): void {
    const wasBlocked = this.#blocked !== undefined
    if (wasBlocked === (reason !== undefined)) return
    const details = `The broker blocks publishing: ${reason}.`
    this.#blocked = reason === undefined ? undefined : { status: 'failed', details }
    if (reason !== undefined) this.#events.onLog('failure', details)
    else this.#events.onLog('success', 'The broker takes messages again.')
    this.#report(() => true)
  }

  #report(concerns: (address: string) => boolean): void {
    if (!this.#begun) return
    this.#targets.forEach(({ address }, index) => {
      if (!concerns(address)) return
      this.#events.onAddressStatus({ kind: 'target', index, address, ...this.#stateOf(address) })
    })
  }

  #stateOf(address: string): State {
    const failure = this.#failures.get(constantExchange(address) ?? '')
    return failure ?? this.#blocked ?? (hasExpressions(address) ? ON_DEMAND : STARTED)
  }
}

function failed(exchange: string, failure: unknown): State {
  const what = `Exchange '${exchange}' could not be published to at ${new Date().toISOString()}`
  return { status: channelStatus(failure), details: `${what}: ${brokerWords(failure)}` }
}
