/**
 * A connection's log as server-sent events (HTML standard, "Server-sent events"): one event for each
 * entry, with the cursor as its id, by which a client that reconnects goes on where it was. Whoever
 * reads slower than is written gets the newest and the number of what was missed; whoever does not read
 * at all is hung up on. Nothing is buffered meanwhile: the log is asked again when the last is gone.
 */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import { renderLogEntry } from '../monitoring/logs-json.ts'
import type { LogBatch, LogTail } from '../supervisor/service.ts'

/** Times of a stream, in milliseconds. */
export interface LogStreamTimes {
  /** A comment goes out after so long without an event: proxies end what is silent. */
  readonly heartbeatMs: number
  /** Longest wait for a client to take what was written. */
  readonly writeLimitMs: number
}

const DEFAULT_TIMES: LogStreamTimes = { heartbeatMs: 15_000, writeLimitMs: 5_000 }
/** How long a client shall wait before it reconnects. */
const RETRY_MS = 2_000

export const EVENT_STREAM = 'text/event-stream'

/** Whether the caller asks for events, by name. */
export function wantsEvents(c: Context): boolean {
  const accepted = c.req.header('accept') ?? ''
  const types = accepted.split(',').map((range) => range.split(';', 1)[0]!.trim().toLowerCase())
  // The answer to HEAD has no body, and would keep the log open for nobody.
  return c.req.method === 'GET' && types.includes(EVENT_STREAM)
}

/** The cursor of a client that reconnects. */
export function lastEventId(c: Context): string | undefined {
  return c.req.header('last-event-id')
}

/** Answers with the log until one of both sides ends it; closes the tail then. */
export function streamLog(c: Context, tail: LogTail, times = DEFAULT_TIMES): Response {
  c.header('X-Accel-Buffering', 'no')
  c.header('Vary', 'Accept')
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => tail.close())
    try {
      const inTime = await new LogStream(stream, tail, times).run()
      if (!inTime) hangUp(c)
    } finally {
      tail.close()
    }
  })
}

/** A stream that is stuck cannot be ended by writing its end. */
function hangUp(c: Context): void {
  const bindings = c.env as Partial<HttpBindings> | undefined
  bindings?.outgoing?.destroy()
}

class LogStream {
  readonly #stream: SSEStreamingApi
  readonly #tail: LogTail
  readonly #times: LogStreamTimes
  #writtenMs = performance.now()
  #enabled = true

  constructor(stream: SSEStreamingApi, tail: LogTail, times: LogStreamTimes) {
    this.#stream = stream
    this.#tail = tail
    this.#times = times
  }

  /** Resolves when the tail is over; with false when the client did not take what was written. */
  async run(): Promise<boolean> {
    if (!(await this.#write(`retry: ${RETRY_MS}\n\n`))) return false
    for (;;) {
      const batch = await this.#tail.next()
      if (batch === undefined || this.#stream.aborted) return true
      if (!(await this.#tell(batch))) return false
    }
  }

  async #tell({ entries, missed, enabled }: LogBatch): Promise<boolean> {
    const texts: string[] = []
    if (enabled !== this.#enabled) texts.push(enabled ? ENABLED : NOT_ENABLED)
    this.#enabled = enabled
    if (missed > 0) texts.push(`event: missed\ndata: {"entries":${missed}}\n\n`)
    for (const { entry, cursor } of entries) {
      texts.push(`id: ${cursor}\ndata: ${JSON.stringify(renderLogEntry(entry))}\n\n`)
    }
    if (texts.length > 0) return this.#write(texts.join(''))
    const silentMs = performance.now() - this.#writtenMs
    return silentMs < this.#times.heartbeatMs || this.#write(': heartbeat\n\n')
  }

  /** Whether the client took it in time. */
  async #write(text: string): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<false>()
    const timer = setTimeout(resolve, this.#times.writeLimitMs, false)
    const taken = this.#stream.write(text).then(() => true)
    const inTime = await Promise.race([taken, late])
    clearTimeout(timer)
    this.#writtenMs = performance.now()
    return inTime
  }
}

const NOT_ENABLED = ': The log is not enabled: send connectivity.commands:enableConnectionLogs.\n\n'
const ENABLED = ': The log is enabled.\n\n'
