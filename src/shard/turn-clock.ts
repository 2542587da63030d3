/** A clock for what is noted with every message: one turn of the event loop is one instant. */

/** Asks `now` once in a turn; asking the system costs more than writing a line of the log. */
export function turnClock(now: () => number): () => number {
  let instant: number | undefined
  const forget = (): void => {
    instant = undefined
  }
  return () => {
    if (instant === undefined) {
      instant = now()
      setImmediate(forget)
    }
    return instant
  }
}
