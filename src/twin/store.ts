/**
 * One partition of the twin in LMDB. Batches are worked off in turns: everything that waits is
 * applied, written in one transaction, flushed, and answered; what arrives meanwhile is the next turn.
 * Knows commands only as something that `applyCommand` understands.
 *
 * A partition is opened once, by one thread of one process. So nobody else writes between its reading
 * and its writing, and it need not hold the write lock while it computes.
 */
import { setImmediate } from 'node:timers/promises'
import type { RootDatabase } from 'lmdb'
import { errorResponse } from '../protocol/responses.ts'
import type { Signal } from '../protocol/signal.ts'
import { type ApplyContext, applyCommand } from './apply.ts'
import { openDatabase } from './database.ts'
import { internalError } from './errors.ts'
import type { Partition } from './partition.ts'
import { type PolicyEnforcer, permissivePolicy } from './policy.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import { RecordCache } from './record-cache.ts'
import { DEFAULT_MAX_THING_CHARS, type ThingRecord } from './thing.ts'
import type { Outcome } from './twin.ts'

/** Commands in one transaction; more wait for the next, so that its memory stays bounded. */
export const MAX_COMMANDS_PER_TURN = 4096
/** Characters of things that a partition keeps parsed. */
export const DEFAULT_CACHED_CHARS = 16 * 1024 * 1024

/** What a partition may be told; everything has a default. */
export interface PartitionOptions {
  readonly policy?: PolicyEnforcer
  readonly maxThingChars?: number
  readonly cachedChars?: number
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Hears in words that what is stored of a thing cannot be read: once of each, of 100 at most. */
  readonly onDamage?: (text: string) => void
}

/** Opens the partition in a folder, which is made when it is missing. Throws when it cannot. */
export function openPartition(path: string, options: PartitionOptions = {}): Partition {
  return new LmdbPartition(path, options)
}

/** A batch that waits, and whom to tell. */
interface Request {
  readonly batch: readonly Signal[]
  readonly resolve: (outcomes: readonly Outcome[]) => void
  readonly reject: (reason: Error) => void
}

/** A file with more damaged things says nothing new. */
const MAX_DAMAGES_TOLD = 100
/** After which a partition that could not be written is tried again. */
const RETRY_MS = 1_000

class LmdbPartition implements Partition {
  readonly #database: RootDatabase<string, string>
  readonly #path: string
  readonly #policy: PolicyEnforcer
  readonly #maxThingChars: number
  readonly #now: () => number
  readonly #onDamage: (text: string) => void
  /** Ids of things. */
  readonly #damagesTold = new Set<string>()
  readonly #cache: RecordCache
  #waiting: Request[] = []
  #working: Promise<void> | undefined
  /** Why nothing can be written at present. */
  #failure: Error | undefined
  /** When that is tried again, on the monotonic clock. */
  #retryAtMs = 0
  #closed = false

  constructor(path: string, options: PartitionOptions) {
    this.#path = path
    this.#policy = options.policy ?? permissivePolicy
    this.#maxThingChars = options.maxThingChars ?? DEFAULT_MAX_THING_CHARS
    this.#now = options.now ?? Date.now
    this.#onDamage = options.onDamage ?? (() => {})
    this.#cache = new RecordCache(options.cachedChars ?? DEFAULT_CACHED_CHARS)
    this.#database = openDatabase(path)
  }

  execute(batch: readonly Signal[]): Promise<readonly Outcome[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error(`The twin partition ${this.#path} is closed.`)
      this.#waiting.push({ batch, resolve, reject })
      this.#working ??= this.#work()
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#working
    await this.#database.close()
  }

  /** Works off what waits, turn after turn. Never rejects: each batch learns of its own failure. */
  async #work(): Promise<void> {
    // What this turn of the event loop still delivers shall share the first transaction.
    await setImmediate()
    while (this.#waiting.length > 0) {
      const turn = this.#takeTurn()
      try {
        await this.#executeTurn(turn)
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown : new Error(String(thrown))
        for (const { reject } of turn) reject(reason)
      }
    }
    this.#working = undefined
  }

  #takeTurn(): readonly Request[] {
    // Batches that only retrieve shall not fail with others.
    if (this.#failure !== undefined) return this.#waiting.splice(0, 1)
    let commands = 0
    let count = 0
    for (const { batch } of this.#waiting) {
      commands += batch.length
      if (count > 0 && commands > MAX_COMMANDS_PER_TURN) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  async #executeTurn(turn: readonly Request[]): Promise<void> {
    const context = {
      now: new Date(this.#now()).toISOString(),
      policy: this.#policy,
      maxThingChars: this.#maxThingChars,
    }
    const changed = new Map<string, ThingRecord>()
    const results: Outcome[][] = []
    for (const { batch } of turn) {
      const outcomes: Outcome[] = []
      for (const command of batch) {
        outcomes.push(this.#executeCommand(command, context, changed))
      }
      results.push(outcomes)
    }
    if (changed.size > 0) await this.#write(changed)
    for (const [index, { resolve }] of turn.entries()) resolve(results[index]!)
  }

  /** Executes one command on what the turn has made of its thing so far. */
  #executeCommand(
    command: Signal,
    context: ApplyContext,
    changed: Map<string, ThingRecord>,
  ): Outcome {
    const { entityId, adaptable } = command
    let before: ThingRecord | undefined
    try {
      before = changed.get(entityId) ?? this.#read(entityId)
    } catch (thrown) {
      // One damaged record must not take down the commands beside it.
      this.#tellDamage(entityId)
      const error = internalError(`What is stored of '${entityId}' cannot be read: ${thrown}`)
      return { response: errorResponse(adaptable, error, adaptable.headers) }
    }
    const { outcome, after } = applyCommand(before, command, context)
    if (after !== undefined && after !== before) changed.set(entityId, after)
    return outcome
  }

  #read(thingId: string): ThingRecord | undefined {
    const cached = this.#cache.get(thingId)
    if (cached !== undefined) return cached
    const text = this.#database.get(thingId)
    if (text === undefined) return undefined
    const record = decodeRecord(text)
    this.#cache.set(thingId, record)
    return record
  }

  #tellDamage(thingId: string): void {
    const told = this.#damagesTold
    if (told.has(thingId) || told.size >= MAX_DAMAGES_TOLD) return
    told.add(thingId)
    this.#onDamage(
      `What is stored of '${thingId}' in the twin partition ${this.#path} cannot be read: its commands ` +
        'are answered with status 500. Restore all partitions from a backup.',
    )
  }

  async #write(changed: ReadonlyMap<string, ThingRecord>): Promise<void> {
    if (this.#failure !== undefined && performance.now() < this.#retryAtMs) throw this.#failure
    const texts: string[] = []
    try {
      await this.#database.batch(() => {
        for (const [thingId, record] of changed) {
          const text = encodeRecord(record)
          this.#database.put(thingId, text)
          texts.push(text)
        }
      })
    } catch (thrown) {
      throw await this.#fail(thrown)
    }
    this.#failure = undefined
    let index = 0
    for (const [thingId, record] of changed) {
      this.#cache.set(thingId, withBound(record, texts[index]!.length))
      index += 1
    }
  }

  /**
   * A failed commit has changed nothing; what is stored can still be retrieved. Writing is tried again
   * after a pause: a full disk may have room by then, and shall not be hammered until it has.
   */
  async #fail(thrown: unknown): Promise<Error> {
    const reason = await commitFailure(thrown)
    this.#retryAtMs = performance.now() + RETRY_MS
    this.#failure = new Error(
      `The twin partition ${this.#path} cannot be written: ${reason}. Make room on its disk; if that does ` +
        'not help, restart Sluice.',
      { cause: thrown },
    )
    return this.#failure
  }
}

/** The record with a bound of its size that has not grown with the changes of a turn. */
function withBound(record: ThingRecord, storedChars: number): ThingRecord {
  return record.thing === undefined ? record : { ...record, sizeBound: storedChars }
}

/**
 * Why a commit failed. lmdb tells it in a second promise, whose rejection would end the process if
 * nobody listened to it.
 */
async function commitFailure(thrown: unknown): Promise<string> {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  if (!('commitError' in error)) return error.message
  try {
    await error.commitError
    return error.message
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}
