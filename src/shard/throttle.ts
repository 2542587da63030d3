/**
 * So many messages per second, of a connection and of each of its sources: what comes faster waits here,
 * in order per source, and occupies the window of its client meanwhile. Knows nothing of what becomes of it.
 */
import type { Connection } from '../connection/types.ts'
import { type Delivery, MAX_BATCH } from '../transport/transport.ts'
import type { ShardSettings } from './description.ts'

/** Messages per second of one client; 0: as many as come. */
export interface ThrottleLimits {
  readonly connection: number
  /** By index of the source. */
  readonly sources: readonly number[]
}

/** The share that one client has in the limits of its connection; undefined when there are none. */
export function throttleLimits(
  connection: Connection,
  settings: Pick<ShardSettings, 'messagesPerSecond' | 'sourceMessagesPerSecond'>,
): ThrottleLimits | undefined {
  const share = (perSecond: number): number => perSecond / connection.clientCount
  const limits = {
    connection: share(connection.messagesPerSecond ?? settings.messagesPerSecond),
    sources: connection.sources.map(({ messagesPerSecond }) =>
      share(messagesPerSecond ?? settings.sourceMessagesPerSecond),
    ),
  }
  return Math.max(limits.connection, ...limits.sources) > 0 ? limits : undefined
}

/** Who hears what comes of it. */
export interface ThrottleListener {
  /** At most {@link MAX_BATCH} deliveries whose time has come. */
  onDue(deliveries: readonly Delivery[]): void
  /** A source has more than it may have; told once a second at most, with a message that waits. */
  onThrottled(delivery: Delivery): void
}

const S = 1_000
/** What was not used up is saved for that long, so that a timer that comes late costs nothing. */
const BURST_MS = 100
const TOLD_EVERY_MS = S

/**
 * A token bucket, as the time until which its tokens are spent (generic cell rate algorithm, ITU-T I.371).
 */
class Bucket {
  readonly #intervalMs: number
  #spentUntilMs = Number.NEGATIVE_INFINITY

  constructor(perSecond: number) {
    this.#intervalMs = S / perSecond
  }

  /** How long until there is a token, in milliseconds; 0: there is one. */
  waitMs(now: number): number {
    return Math.max(0, this.#spentUntilMs - now)
  }

  take(now: number): void {
    this.#spentUntilMs = Math.max(this.#spentUntilMs, now - BURST_MS) + this.#intervalMs
  }
}

interface Queue {
  readonly bucket: Bucket | undefined
  waiting: Delivery[]
  toldAtMs: number
}

/** One per shard whose connection has such limits. */
export class Throttle {
  readonly #connection: Bucket | undefined
  readonly #queues: readonly Queue[]
  readonly #listener: ThrottleListener
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined
  /** The source whose turn it is, so that none waits for the others. */
  #turn = 0

  /** `now`: a monotonic clock in milliseconds. */
  constructor(
    limits: ThrottleLimits,
    listener: ThrottleListener,
    now: () => number = () => performance.now(),
  ) {
    this.#listener = listener
    this.#now = now
    this.#connection = bucketOf(limits.connection)
    this.#queues = limits.sources.map((limit) => ({
      bucket: bucketOf(limit),
      waiting: [],
      toldAtMs: Number.NEGATIVE_INFINITY,
    }))
  }

  /** Takes what a transport delivered. */
  take(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#queues[delivery.source]!.waiting.push(delivery)
    this.#release()
  }

  /** Lets everything pass at once: nothing more comes. */
  flush(): void {
    clearTimeout(this.#timer)
    const all = this.#queues.flatMap(({ waiting }) => waiting.splice(0))
    for (let start = 0; start < all.length; start += MAX_BATCH) {
      this.#listener.onDue(all.slice(start, start + MAX_BATCH))
    }
  }

  /** Forgets what waits. */
  close(): void {
    clearTimeout(this.#timer)
    for (const queue of this.#queues) queue.waiting = []
  }

  #release(): void {
    clearTimeout(this.#timer)
    const now = this.#now()
    let due: Delivery[] = []
    let waitMs = Number.POSITIVE_INFINITY
    for (let idle = 0; idle < this.#queues.length; ) {
      const queue = this.#queues[this.#turn]!
      const queueMs = this.#waitMs(queue, now)
      if (queueMs === 0) {
        this.#connection?.take(now)
        queue.bucket?.take(now)
        due.push(queue.waiting.shift()!)
        idle = 0
      } else {
        waitMs = Math.min(waitMs, queueMs)
        idle += 1
      }
      this.#turn = (this.#turn + 1) % this.#queues.length
      if (due.length < MAX_BATCH) continue
      this.#pass(due)
      due = []
    }
    if (due.length > 0) this.#pass(due)
    this.#tell(now)
    if (waitMs < Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#release(), Math.ceil(waitMs))
    }
  }

  /** What one source delivered is mapped together. */
  #pass(due: Delivery[]): void {
    this.#listener.onDue(due.sort((one, other) => one.source - other.source))
  }

  /** Until the next message of a queue may pass; endless when there is none. */
  #waitMs({ bucket, waiting }: Queue, now: number): number {
    if (waiting.length === 0) return Number.POSITIVE_INFINITY
    return Math.max(this.#connection?.waitMs(now) ?? 0, bucket?.waitMs(now) ?? 0)
  }

  #tell(now: number): void {
    for (const queue of this.#queues) {
      const [first] = queue.waiting
      if (first === undefined || now - queue.toldAtMs < TOLD_EVERY_MS) continue
      queue.toldAtMs = now
      this.#listener.onThrottled(first)
    }
  }
}

function bucketOf(perSecond: number): Bucket | undefined {
  return perSecond === 0 ? undefined : new Bucket(perSecond)
}
