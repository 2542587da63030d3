/**
 * The name that was probably meant: for errors about unknown names. Knows nothing of what is named.
 */

/** Longer names are no typing errors of anything we know, and cost quadratic time to compare. */
const MAX_NAME_CHARS = 64

/** Shorter beginnings say too little. */
const MIN_CUT_CHARS = 4

/**
 * The known name closest to the unknown one, or undefined when none is close: at most one edit for
 * every three characters, where an edit inserts, deletes, replaces or swaps neighbours (the optimal
 * string alignment distance). Differences in case and in `-` and `_` count as nothing, a cut end as
 * one edit.
 */
export function nearestName(unknown: string, known: Iterable<string>): string | undefined {
  if (unknown.length > MAX_NAME_CHARS) return undefined
  const wanted = folded(unknown)
  let nearest: string | undefined
  let best = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const name of known) {
    const distance = distanceOf(wanted, folded(name))
    if (distance < best) {
      best = distance
      nearest = name
    }
  }
  return nearest
}

/** `Did you mean <name>?`, or an empty text when no name is near. */
export function nearestHint(unknown: string, known: Iterable<string>): string {
  const nearest = nearestName(unknown, known)
  return nearest === undefined ? '' : `Did you mean <${nearest}>?`
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '')
}

function distanceOf(wanted: string, name: string): number {
  const cut = wanted.length >= MIN_CUT_CHARS && name.startsWith(wanted) && name !== wanted
  return cut ? 1 : editDistance(wanted, name)
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(
        last[column]! + 1,
        current[column - 1]! + 1,
        last[column - 1]! + (same ? 0 : 1),
      )
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped && row > 1 && column > 1) cost = Math.min(cost, beforeLast[column - 2]! + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return last[b.length]!
}
