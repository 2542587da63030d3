/** Commands and records for the tests of the twin. */
import type { JsonValue } from '../../../src/json/types.ts'
import type { Adaptable, DittoHeaders } from '../../../src/protocol/adaptable.ts'
import { entityIdOf } from '../../../src/protocol/entity-id.ts'
import type { Signal } from '../../../src/protocol/signal.ts'
import { parseTopicPath } from '../../../src/protocol/topic-path.ts'
import { type Applied, type ApplyContext, applyCommand } from '../../../src/twin/apply.ts'
import { permissivePolicy } from '../../../src/twin/policy.ts'
import type { LivingThing, ThingRecord } from '../../../src/twin/thing.ts'

export const NOW = '2026-02-01T00:00:00.000Z'
export const THEN = '2026-01-01T00:00:00.000Z'

export const CONTEXT: ApplyContext = {
  now: NOW,
  policy: permissivePolicy,
  maxThingChars: 100 * 1024,
}

/** What a command may have beside action, path and value. */
export interface CommandExtras {
  readonly headers?: DittoHeaders
  readonly fields?: string
  readonly thingId?: string
}

/** A twin command of the subject `integration:test`, about `ns:t1` unless another thing is given. */
export function command(
  action: string,
  path: string,
  value?: JsonValue,
  { headers = { 'correlation-id': 'c-1' }, fields, thingId = 'ns:t1' }: CommandExtras = {},
): Signal {
  const topic = parseTopicPath(`${thingId.replace(':', '/')}/things/twin/commands/${action}`)
  return signal({
    topic,
    headers,
    path,
    ...(value === undefined ? {} : { value }),
    ...(fields === undefined ? {} : { fields }),
  })
}

/** The signal of an adaptable. */
export function signal(adaptable: Adaptable): Signal {
  return {
    kind: 'twin-command',
    adaptable,
    entityId: entityIdOf(adaptable.topic),
    origin: 'connection-1',
    subjects: ['integration:test'],
  }
}

/** A stored thing at revision 6. */
export function stored(thing: Record<string, JsonValue>): LivingThing {
  const whole = { thingId: 'ns:t1', policyId: 'ns:p', ...thing }
  const sizeBound = JSON.stringify(whole).length
  return { thing: whole, revision: 6, created: THEN, modified: THEN, sizeBound }
}

/** Applies one command. */
export function apply(
  before: ThingRecord | undefined,
  given: Signal,
  context: Partial<ApplyContext> = {},
): Applied {
  return applyCommand(before, given, { ...CONTEXT, ...context })
}

/** The error id that a response carries; undefined when it is none. */
export function errorIdOf(response: Adaptable): string | undefined {
  const { value } = response
  return response.topic.criterion === 'errors' ? (value as { error: string }).error : undefined
}
