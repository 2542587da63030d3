/** Ditto's limits on payload mapping, and the errors that tell of them. */
import { mappingFailed } from '../protocol/connectivity-errors.ts'
import type { DittoError } from '../protocol/errors.ts'

/** Mappers that a source or a target may name. */
export const MAPPERS_MAX = 10

/** Messages that a mapper may make of one message, in either direction. */
export const RESULTS_MAX = 10

/** `connectivity:message.mapping.failed` for a mapper that made too many messages of one. */
export function tooManyResults(mapperId: string, count: number): DittoError {
  return {
    ...mappingFailed(undefined),
    message: 'The number of messages produced by the payload mapping exceeded the limits.',
    description:
      `The payload mapping '${mapperId}' produced ${count} messages, ` +
      `which exceeds the limit of ${RESULTS_MAX}.`,
  }
}
