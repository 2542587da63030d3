/** Bounds of the sandbox beside those of the configuration. Knows no isolate. */
import { RESULTS_MAX } from '../limits.ts'
import type { DriverLimits } from './inside/builtins.ts'

/** Messages handed to an isolate in one call; larger calls measure slower again. */
export const CALL_MESSAGES_MAX = 128

export const DRIVER_LIMITS: DriverLimits = {
  resultsMax: RESULTS_MAX,
  resultCharsMax: 1_048_576,
  consoleLinesMax: 100,
  consoleLineCharsMax: 1_000,
  errorCharsMax: 2_000,
  sliceMs: 20,
}

/** Window in which messages that ran out of time or memory count against a mapper. */
export const RUNAWAY_WINDOW_MS = 10_000
/** Runaways in a window after which the messages of a mapper get less time. */
export const RUNAWAYS_TOLERATED = 8
/** By what the execution time of such a mapper is divided. */
export const RUNAWAY_TIME_DIVISOR = 10
/** Isolates that a mapper may exhaust in a window before its messages fail untried. */
export const ISOLATE_DEATHS_MAX = 32
/** How long the calls of a batch may hold the thread unless the environment says otherwise. */
export const HOLD_MS = 10
/** Calls in a row that have to be quick before a program may run on the thread. */
export const QUICK_CALLS = 64
