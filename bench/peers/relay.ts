/**
 * The bare client libraries in place of the gateway, a process of its own. Nothing that uses these
 * libraries can cost less; this is what the gateway is compared with.
 */
import { once } from 'node:events'
import { bare } from './bare/registry.ts'
import type { EndOrder } from './ends/end.ts'

/** What the relay is started with. */
export interface RelayOrder {
  readonly from: EndOrder
  readonly to: EndOrder
}

const [order] = (await once(process, 'message')) as [RelayOrder]
process.on('disconnect', () => process.exit())
const publish = await bare[order.to.protocol].openPublisher(order.to)
await bare[order.from.protocol].consume(order.from, publish)
process.send?.({ kind: 'ready' })
