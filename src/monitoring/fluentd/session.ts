/**
 * One connection with a Fluentd or Fluent Bit endpoint, on a thread of its own: fluent-logger ends
 * the process, or turns for ever, when an endpoint closes or answers at the wrong moment; here that
 * costs a thread, and whoever waits in vain for word from it kills it. Knows no buffer and no second try.
 */
import { Worker } from 'node:worker_threads'
import type { LogRecord } from './record.ts'

/** Where records go. Plain data: it crosses to the thread. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  /** Authorities to trust, in PEM; empty: those that Node trusts. */
  readonly tlsCa: string
  /** Whether the endpoint acknowledges what it got. */
  readonly acknowledged: boolean
}

/** Who wants to hear from a session. */
export interface SessionListener {
  readonly onConnected: () => void
  /** Records of the batch, by their place in it: acknowledged, or taken by the operating system. */
  readonly onDelivered: (places: readonly number[]) => void
  /** It has failed, or was killed; nothing follows. */
  readonly onEnd: (reason: string) => void
}

/** A session; it connects when there is something to send. */
export interface Session {
  /** Sends records; the batch before must be delivered. */
  send(batch: readonly LogRecord[]): void
  /** Ends it at once; the listener is told the reason. */
  kill(reason: string): void
  /** Closes it when nothing is on its way any more; the listener hears nothing of it. */
  close(): Promise<void>
}

/** Starts a session. */
export type StartSession = (listener: SessionListener) => Session

/** What the thread says. */
export type ThreadWord =
  | { readonly kind: 'connected' }
  | { readonly kind: 'delivered'; readonly places: readonly number[] }

/** What the thread is told: a batch, or null when nothing will follow. */
export type ThreadOrder = readonly LogRecord[] | null

const THREAD = new URL('./thread.ts', import.meta.url)
/** How long a thread may take to close its socket, in milliseconds. */
const CLOSE_LIMIT_MS = 1_000

/** Starts the thread of a session with this endpoint. */
export function startFluentdSession(endpoint: Endpoint, listener: SessionListener): Session {
  const worker = new Worker(THREAD, { workerData: endpoint, name: 'fluentd' })
  let over = false
  const end = (reason: string): void => {
    if (over) return
    over = true
    void worker.terminate()
    listener.onEnd(reason)
  }
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      resolve()
      end('The thread that publishes ended.')
    })
  })
  worker.on('error', (error: unknown) => end(error instanceof Error ? error.message : `${error}`))
  worker.on('message', (word: ThreadWord) => {
    if (over) return
    if (word.kind === 'connected') listener.onConnected()
    else listener.onDelivered(word.places)
  })
  const order = (message: ThreadOrder): void => worker.postMessage(message)
  return {
    send: order,
    kill: end,
    async close() {
      over = true
      order(null)
      const limit = setTimeout(() => void worker.terminate(), CLOSE_LIMIT_MS)
      await exited
      clearTimeout(limit)
    },
  }
}
