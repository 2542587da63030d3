/** Decides on which thread a shard lives. Pure; knows loads, not threads. */

/** What is known of a thread when a shard needs a place. */
export interface ThreadLoad {
  readonly thread: number
  /** Connection ids of the shards that live there, one entry per shard. */
  readonly connections: readonly string[]
}

/**
 * The thread for the next client of a connection: first the one with the fewest clients of the same
 * connection, so that they spread, then the one with the fewest shards, then the lowest number.
 */
export function placeShard(connectionId: string, loads: readonly ThreadLoad[]): number {
  let best: { thread: number; siblings: number; total: number } | undefined
  for (const { thread, connections } of loads) {
    const siblings = connections.filter((id) => id === connectionId).length
    const total = connections.length
    const better =
      best === undefined ||
      siblings < best.siblings ||
      (siblings === best.siblings && total < best.total)
    if (better) best = { thread, siblings, total }
  }
  if (best === undefined) throw new Error('there is no thread to place a shard on')
  return best.thread
}
