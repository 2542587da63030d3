/**
 * How large the fault tests are: small with all the other tests, full with `npm run test:faults`. The
 * faults are the same; what differs is how many messages and connections meet them, how often and for
 * how long.
 */

/** Whether the fault tests run at full size. */
export const FULL = process.env.SLUICE_FAULTS === 'full'

/** The one of two values that fits the size of the run. */
export function sized<T>(small: T, full: T): T {
  return FULL ? full : small
}
