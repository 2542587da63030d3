/** All scenarios, the default first. */
import { relay } from './relay.ts'
import type { Scenario } from './scenario.ts'
import { twin } from './twin.ts'
import { twinQos1 } from './twin-qos1.ts'

export const scenarios: readonly Scenario[] = [twin, twinQos1, relay]
