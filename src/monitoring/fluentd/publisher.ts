/**
 * Publishes connection logs: one buffer and one session with the endpoint for the whole gateway.
 * What an endpoint does not take waits up to a limit, what exceeds that is dropped and counted, and
 * nobody ever waits for it. Knows no socket and no encoding.
 */
import type { LogEntry, LogLevel } from '../log-entry.ts'
import { EndpointNews, type NewsLog } from './news.ts'
import { type LogOrigin, type LogRecord, type RecordSettings, recordOf, sizeOf } from './record.ts'
import type { Session, StartSession } from './session.ts'

/** Limits and times of publishing, from config.toml. */
export interface PublisherSettings extends RecordSettings {
  readonly levels: readonly LogLevel[]
  readonly connectTimeoutMs: number
  /** Longest time in which an endpoint may take nothing. */
  readonly publishTimeoutMs: number
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** After which entries are given up that a connected endpoint did not take. */
  readonly maxAttempts: number
  readonly maxBufferEntries: number
  readonly maxBufferBytes: number
  /** For what waits when the gateway stops. */
  readonly flushTimeoutMs: number
}

/** What a publisher is made from. */
export interface PublisherOptions {
  readonly settings: PublisherSettings
  /** `host:port`, for the gateway's log. */
  readonly endpoint: string
  readonly startSession: StartSession
  readonly log: NewsLog
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** What waits: a record, whose it is, and its size in bytes. */
interface Waiting {
  readonly origin: LogOrigin
  readonly record: LogRecord
  readonly bytes: number
}

/** How much goes to a session at a time, in bytes. */
const BATCH_BYTES = 262_144
/** Of the limits of the buffer; above it nothing is said about what was dropped. */
const ROOMY = 0.5

/** One per gateway. */
export class LogPublisher {
  readonly #settings: PublisherSettings
  readonly #options: PublisherOptions
  readonly #news: EndpointNews
  #waiting: Waiting[] = []
  /** What the session has and has not delivered yet; undefined when it has nothing to do. */
  #batch: (Waiting | undefined)[] | undefined
  #bufferedEntries = 0
  #bufferedBytes = 0
  /** What was dropped of each connection and not said yet; with the origin of the last of it. */
  readonly #lost = new Map<string, { origin: LogOrigin; count: number }>()
  #session: Session | undefined
  #isConnected = false
  #failures = 0
  #attempts = 0
  /** Ends a session that takes nothing. */
  #patience: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  readonly #flushed = Promise.withResolvers<void>()
  #closing = false

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#settings = options.settings
    this.#news = new EndpointNews(options.endpoint, options.log)
  }

  /**
   * Takes entries of one origin, as far as their levels are published and there is room. `dropped`:
   * how many more there would have been.
   */
  publish(origin: LogOrigin, entries: readonly LogEntry[], dropped = 0): void {
    for (const entry of entries) {
      if (this.#settings.levels.includes(entry.level)) this.#add(origin, entry)
    }
    if (dropped > 0) {
      this.#news.dropped(dropped)
      this.#add(
        origin,
        this.#gap(`Log entries dropped: ${dropped}; more than are published in a second.`),
      )
    }
    this.#pump()
  }

  /** Publishes what waits, as far as its time allows, and closes the session. */
  async close(): Promise<void> {
    this.#closing = true
    const late = setTimeout(this.#flushed.resolve, this.#settings.flushTimeoutMs)
    this.#stopWaiting()
    this.#pump()
    await this.#flushed.promise
    clearTimeout(late)
    this.#stopWaiting()
    clearTimeout(this.#patience)
    if (this.#bufferedEntries > 0) this.#news.dropped(this.#bufferedEntries)
    this.#news.close()
    await this.#session?.close()
  }

  #add(origin: LogOrigin, entry: LogEntry): void {
    const record = recordOf(origin, entry, this.#settings)
    const bytes = sizeOf(record)
    if (this.#fill(bytes) > 1) this.#drop(origin)
    else {
      this.#bufferedEntries++
      this.#bufferedBytes += bytes
      this.#waiting.push({ origin, record, bytes })
    }
  }

  /** How full the buffer were with one more entry of this size; 1 is full. */
  #fill(bytes: number): number {
    const { maxBufferEntries, maxBufferBytes } = this.#settings
    return Math.max(
      (this.#bufferedEntries + 1) / maxBufferEntries,
      (this.#bufferedBytes + bytes) / maxBufferBytes,
    )
  }

  #drop(origin: LogOrigin): void {
    this.#news.dropped(1)
    const count = (this.#lost.get(origin.connectionId)?.count ?? 0) + 1
    this.#lost.set(origin.connectionId, { origin, count })
  }

  #gap(message: string): LogEntry {
    const kind = { level: 'failure', category: 'connection', type: 'dropped' } as const
    return { ...kind, at: this.#options.now(), correlationId: '', message }
  }

  /** Sends the next batch, unless one is on its way or the endpoint has to be given time. */
  #pump(): void {
    if (this.#batch !== undefined || this.#retry !== undefined) return
    if (this.#waiting.length === 0) {
      if (this.#closing) this.#flushed.resolve()
      return
    }
    const batch = this.#nextBatch()
    this.#batch = batch
    this.#session ??= this.#options.startSession({
      onConnected: () => {
        this.#isConnected = true
        this.#wait()
      },
      onDelivered: (places) => this.#delivered(places),
      onEnd: (reason) => this.#ended(reason),
    })
    this.#wait()
    this.#session.send(batch.map(({ record }) => record))
  }

  #nextBatch(): Waiting[] {
    let bytes = 0
    let count = 0
    while (count < this.#waiting.length && bytes < BATCH_BYTES) {
      bytes += this.#waiting[count]!.bytes
      count++
    }
    return this.#waiting.splice(0, count)
  }

  /** Gives the session its time, from now on. */
  #wait(): void {
    const { connectTimeoutMs, publishTimeoutMs } = this.#settings
    clearTimeout(this.#patience)
    const [limitMs, what] = this.#isConnected
      ? [publishTimeoutMs, 'took nothing']
      : [connectTimeoutMs, 'did not accept the connection']
    this.#patience = setTimeout(
      () => this.#session?.kill(`The endpoint ${what} within ${limitMs} ms.`),
      limitMs,
    )
  }

  #delivered(places: readonly number[]): void {
    const batch = this.#batch!
    for (const place of places) {
      this.#release(batch[place]!)
      batch[place] = undefined
    }
    this.#failures = 0
    this.#attempts = 0
    this.#news.works()
    if (batch.some((left) => left !== undefined)) {
      this.#wait()
      return
    }
    clearTimeout(this.#patience)
    this.#batch = undefined
    if (this.#fill(0) < ROOMY) this.#sayWhatWasLost()
    this.#pump()
  }

  #sayWhatWasLost(): void {
    for (const { origin, count } of this.#lost.values()) {
      this.#add(origin, this.#gap(`Log entries dropped: ${count}; the endpoint did not take them.`))
    }
    this.#lost.clear()
  }

  #ended(reason: string): void {
    clearTimeout(this.#patience)
    const left = this.#batch?.filter((waiting) => waiting !== undefined)
    const wasConnected = this.#isConnected
    this.#session = undefined
    this.#isConnected = false
    this.#batch = undefined
    // An endpoint may well end a session that is idle.
    if (left === undefined) return
    this.#news.failed(reason)
    if (wasConnected) this.#attempts++
    if (this.#attempts < this.#settings.maxAttempts) this.#waiting.unshift(...left)
    else {
      this.#attempts = 0
      for (const waiting of left) {
        this.#release(waiting)
        this.#drop(waiting.origin)
      }
    }
    this.#retry = setTimeout(() => {
      this.#stopWaiting()
      this.#pump()
    }, this.#pauseMs())
    this.#retry.unref()
  }

  #release({ bytes }: Waiting): void {
    this.#bufferedEntries--
    this.#bufferedBytes -= bytes
  }

  #stopWaiting(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
  }

  /** Doubles with every failure in a row, up to its limit; half of it is jitter. */
  #pauseMs(): number {
    const { backoffMinMs, backoffMaxMs } = this.#settings
    const pauseMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** this.#failures)
    this.#failures++
    return pauseMs * (0.5 + Math.random() / 2)
  }
}
