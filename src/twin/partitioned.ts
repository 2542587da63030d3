/**
 * The twin over its partitions: a batch is dealt out by thing, and the outcomes are put back in its
 * order. Where a partition is, on this thread or elsewhere, is the link's business.
 */
import type { Signal } from '../protocol/signal.ts'
import { fnv1a } from './hash.ts'
import { gathered, isRetrieveMany, retrieveMany } from './many.ts'
import type { PartitionLink } from './partition.ts'
import type { Outcome, Twin } from './twin.ts'

/**
 * The partition of a thing, 0..count-1: the FNV-1a hash of its id modulo the count. This is part of the
 * stored format: a thing is found only where it was put.
 */
export function partitionOf(thingId: string, count: number): number {
  return count === 1 ? 0 : fnv1a(thingId) % count
}

/**
 * A twin of the partitions with the indexes 0, 1, … of a layout. They belong to whoever opened them:
 * closing the twin calls `close` and nothing else.
 */
export function createPartitionedTwin(
  partitions: readonly PartitionLink[],
  close: () => Promise<void> = async () => {},
): Twin {
  return {
    execute: (batch) =>
      batch.some(isRetrieveMany)
        ? executeWithMany(partitions, batch)
        : executeSingle(partitions, batch),
    close,
  }
}

/** Executes a batch in which some commands are about many things. */
async function executeWithMany(
  partitions: readonly PartitionLink[],
  batch: readonly Signal[],
): Promise<readonly Outcome[]> {
  const dealt = batch.map((command) => (isRetrieveMany(command) ? retrieveMany(command) : command))
  const outcomes = await executeSingle(
    partitions,
    dealt.flatMap((entry) => ('retrieves' in entry ? entry.retrieves : entry)),
  )
  let next = 0
  return dealt.map((entry) => {
    const start = next
    next += 'retrieves' in entry ? entry.retrieves.length : 1
    return 'retrieves' in entry ? gathered(entry, outcomes.slice(start, next)) : outcomes[start]!
  })
}

/** What one partition has to do of a batch. */
interface Share {
  readonly commands: Signal[]
  /** Where each of the commands is in the batch. */
  readonly places: number[]
}

/**
 * Executes a batch of commands about one thing each. All links are called before anything is awaited,
 * so that the order of the calls is the order at each of them.
 */
async function executeSingle(
  partitions: readonly PartitionLink[],
  batch: readonly Signal[],
): Promise<readonly Outcome[]> {
  if (batch.length === 0) return []
  const first = partitionOf(batch[0]!.entityId, partitions.length)
  if (batch.every(({ entityId }) => partitionOf(entityId, partitions.length) === first)) {
    return partitions[first]!.execute(batch)
  }
  const shares = sharesOf(batch, partitions.length)
  const outcomes: Outcome[] = new Array(batch.length)
  const done: Promise<void>[] = []
  for (const [index, share] of shares) {
    done.push(executeShare(partitions[index]!, share, outcomes))
  }
  await allSettled(done)
  return outcomes
}

function sharesOf(batch: readonly Signal[], count: number): ReadonlyMap<number, Share> {
  const shares = new Map<number, Share>()
  for (let place = 0; place < batch.length; place++) {
    const command = batch[place]!
    const index = partitionOf(command.entityId, count)
    let share = shares.get(index)
    if (share === undefined) {
      share = { commands: [], places: [] }
      shares.set(index, share)
    }
    share.commands.push(command)
    share.places.push(place)
  }
  return shares
}

async function executeShare(
  partition: PartitionLink,
  { commands, places }: Share,
  outcomes: Outcome[],
): Promise<void> {
  const results = await partition.execute(commands)
  for (let index = 0; index < places.length; index++) outcomes[places[index]!] = results[index]!
}

/** Waits for all, and then fails as the first that failed: nobody may go on while one still writes. */
async function allSettled(done: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(done)) {
    if (result.status === 'rejected') throw result.reason
  }
}
