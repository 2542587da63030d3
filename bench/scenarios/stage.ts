/** Puts a stage together from what scenarios differ in. */
import { bare } from '../peers/bare/registry.ts'
import type { LoadOrder } from '../peers/load.ts'
import type { RelayOrder } from '../peers/relay.ts'
import type { Stage } from './scenario.ts'

const LOAD = new URL('../peers/load.ts', import.meta.url)
const RELAY = new URL('../peers/relay.ts', import.meta.url)

/** What a scenario brings. */
export interface StageParts {
  readonly connections: readonly object[]
  readonly order: LoadOrder
  readonly relay: RelayOrder
  stop(): Promise<void>
}

/** The stage: load through the gateway, and through the bare client libraries. */
export function stageOf({ connections, order, relay, stop }: StageParts): Stage {
  const names = [relay.from, relay.to].map(({ protocol }) => bare[protocol].name)
  return {
    connections,
    generator: { module: LOAD, order },
    baseline: {
      name: [...new Set(names)].join(' + '),
      relay: { module: RELAY, order: relay },
      // The libraries know no devices to be set up.
      generator: { module: LOAD, order: { ...order, setup: undefined } },
    },
    stop,
  }
}
