/** What a connection consumes: one queue source per address, sharing the window of unsettled messages. */
import type { TransportOptions } from '../transport.ts'
import type { Intake } from './intake.ts'
import type { AmqpLink } from './link.ts'
import { QueueSource } from './source.ts'

/** The most that basic.qos can say. */
const PREFETCH_MAX = 65_535

/** The sources of a connection, in configured order; a queue that is named twice has two. */
export function createSources(
  { connection, maxUnsettled, dryRun, events, backoffMinMs, backoffMaxMs }: TransportOptions,
  link: AmqpLink,
  intake: Intake,
): readonly QueueSource[] {
  const count = connection.sources.reduce((sum, { addresses }) => sum + addresses.length, 0)
  return connection.sources.flatMap(({ addresses, consumerCount }, source) =>
    addresses.map((queue) => {
      const window = shareOfWindow(maxUnsettled, count, consumerCount)
      const limits = { backoffMinMs, backoffMaxMs }
      return new QueueSource({ link, intake, events, source, queue, dryRun, ...window, ...limits })
    }),
  )
}

/**
 * The window of each consumer of one address: together they never exceed the window of the session,
 * unless there are more addresses than that. Beyond the share of their address consumers are left out.
 */
export function shareOfWindow(
  maxUnsettled: number,
  addresses: number,
  consumerCount: number,
): { readonly consumers: number; readonly prefetch: number } {
  const share = Math.max(1, Math.floor(maxUnsettled / addresses))
  const consumers = Math.min(consumerCount, share)
  return { consumers, prefetch: Math.min(PREFETCH_MAX, Math.floor(share / consumers)) }
}
