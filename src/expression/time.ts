/**
 * `time:` placeholders (Ditto documentation, "Placeholders – time"): now, shifted and cut off. Has
 * no clock of its own.
 *
 * ```
 * time = ( "now" | "now_epoch_millis" ) [ ( "+" | "-" ) 1*DIGIT [ unit ] ] [ "[" [ unit ] "]" ]
 * unit = "ms" | "s" | "m" | "h" | "d" | "w" | "mo" | "y"          none stands for "s"
 * ```
 */

/** A parsed time placeholder. */
export interface TimeExpression {
  readonly asEpochMillis: boolean
  readonly shiftMs: number
  readonly cutTo: TimeUnit | undefined
}

type TimeUnit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w' | 'mo' | 'y'

/** Furthest shift from now in milliseconds, about 127,000 years: what a date can still hold. */
const MAX_SHIFT_MS = 4e15

const DAY_MS = 86_400_000
/** Years and months have their mean length in the Gregorian calendar, as in Ditto. */
const YEAR_MS = 365.2425 * DAY_MS
const UNIT_MS: Readonly<Record<TimeUnit, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
  mo: YEAR_MS / 12,
  y: YEAR_MS,
}
/** The epoch was a Thursday; weeks begin on Mondays. */
const FIRST_MONDAY_MS = 4 * DAY_MS

const SYNTAX =
  /^now(_epoch_millis)?(?:([+-])(\d{1,16})(ms|s|m|h|d|w|mo|y)?)?(?:\[(ms|s|m|h|d|w|mo|y|)\])?$/

/** The time behind the name of a `time:` placeholder; undefined when it is none. */
export function parseTime(name: string): TimeExpression | undefined {
  const parts = SYNTAX.exec(name)
  if (parts === null) return undefined
  const [, epochMillis, sign, amount, unit, cutTo] = parts
  const distance = Number(amount ?? 0) * UNIT_MS[(unit ?? 's') as TimeUnit]
  if (distance > MAX_SHIFT_MS) return undefined
  return {
    asEpochMillis: epochMillis !== undefined,
    shiftMs: sign === '-' ? -distance : distance,
    cutTo: (cutTo === '' ? 's' : cutTo) as TimeUnit | undefined,
  }
}

/** Milliseconds since the epoch of a time expression, given what is now. */
export function millisOf(time: TimeExpression, nowMs: number): number {
  const shifted = nowMs + time.shiftMs
  switch (time.cutTo) {
    case undefined:
      return shifted
    case 'y':
      return startOfMonth(shifted, true)
    case 'mo':
      return startOfMonth(shifted, false)
    case 'w':
      return cut(shifted - FIRST_MONDAY_MS, UNIT_MS.w) + FIRST_MONDAY_MS
    default:
      return cut(shifted, UNIT_MS[time.cutTo])
  }
}

/** The text a `time:` placeholder resolves to; instants without fraction have none, as in Ditto. */
export function timeText(time: TimeExpression, nowMs: number): string {
  const millis = millisOf(time, nowMs)
  if (time.asEpochMillis) return String(Math.trunc(millis))
  return new Date(millis).toISOString().replace('.000Z', 'Z')
}

function cut(millis: number, unitMs: number): number {
  return Math.floor(millis / unitMs) * unitMs
}

function startOfMonth(millis: number, ofYear: boolean): number {
  const date = new Date(cut(millis, DAY_MS))
  return ofYear ? date.setUTCMonth(0, 1) : date.setUTCDate(1)
}
