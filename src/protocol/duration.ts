/** Durations as Ditto's headers write them: `10` and `10s` are seconds, `500ms`, `1m`, `2h`, … */

const DAY_MS = 86_400_000

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['', 1_000],
  ['s', 1_000],
  ['ms', 1],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', DAY_MS],
  ['w', 7 * DAY_MS],
  // The averages of the Gregorian calendar.
  ['mo', 30.436875 * DAY_MS],
  ['y', 365.2425 * DAY_MS],
])

const DURATION = /^\+?(\d{1,15})([a-z]{0,2})$/

/** The duration in milliseconds; undefined when the text is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = DURATION.exec(text)
  const unitMs = match === null ? undefined : UNIT_MS.get(match[2]!)
  return unitMs === undefined ? undefined : Number(match![1]) * unitMs
}
