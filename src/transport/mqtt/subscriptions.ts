/** What a connection subscribes to, and the states of its addresses as the status resource shows them. */

import type { Connection } from '../../connection/types.ts'
import { hasExpressions } from '../../expression/template.ts'
import type { AddressStatus, TransportEvents } from '../transport.ts'
import type { Qos } from './client.ts'
import { withoutShare } from './filters.ts'

/** The broker's whole word on a refused filter is one byte. */
export const REFUSED_TEXT =
  'The broker refused the subscription (SUBACK 0x80). Check that this client may subscribe to it.'

/**
 * Every filter once, with the highest quality of service that a source wants for it. A dry run leaves
 * shared subscriptions alone: as a member of the group it would take messages away from the others.
 */
export function subscriptions({ sources }: Connection, dryRun: boolean): ReadonlyMap<string, Qos> {
  const filters = new Map<string, Qos>()
  for (const { addresses, qos = 0 } of sources) {
    for (const address of addresses) {
      const filter = dryRun ? withoutShare(address) : address
      filters.set(filter, dryRun ? 0 : (Math.max(filters.get(filter) ?? 0, qos) as Qos))
    }
  }
  return filters
}

/** Reports all source addresses; without `isRefused` they are not subscribed to yet. */
export function reportSources(
  { sources }: Connection,
  events: TransportEvents,
  isRefused: ((address: string) => boolean) | undefined,
): void {
  const now = new Date().toISOString()
  sources.forEach(({ addresses }, index) => {
    for (const address of addresses) {
      const state = sourceState(isRefused?.(address), now)
      events.onAddressStatus({ kind: 'source', index, address, ...state })
    }
  })
}

/** Reports all target addresses of an open session. */
export function reportTargets({ targets }: Connection, events: TransportEvents): void {
  targets.forEach(({ address }, index) => {
    const state = hasExpressions(address) ? ON_DEMAND : STARTED
    events.onAddressStatus({ kind: 'target', index, address, ...state })
  })
}

type State = Pick<AddressStatus, 'status' | 'details'>

const STARTED: State = { status: 'open', details: 'Producer started.' }
const ON_DEMAND: State = {
  status: 'unknown',
  details: 'Producers for targets with placeholders are started on-demand.',
}

function sourceState(isRefused: boolean | undefined, now: string): State {
  if (isRefused === undefined) {
    return { status: 'unknown', details: 'Consumer is being initialized.' }
  }
  return isRefused
    ? { status: 'misconfigured', details: REFUSED_TEXT }
    : { status: 'open', details: `Consumer started at ${now}` }
}
