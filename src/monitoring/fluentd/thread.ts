/**
 * The thread of a session: fluent-logger encodes, connects and sends here, and whatever goes wrong
 * ends the thread. The only importer of fluent-logger.
 */
import { parentPort, workerData } from 'node:worker_threads'
import fluentLogger from 'fluent-logger'
import type { Endpoint, ThreadOrder, ThreadWord } from './session.ts'

/** What is used of fluent-logger; its own types lack the event time and the events. */
interface Library {
  readonly EventTime: new (epochSeconds: number, nanoseconds: number) => object
  createFluentSender(tagPrefix: null, options: object): Sender
}
interface Sender {
  emit(tag: string, fields: object, time: object, callback: (error?: Error) => void): void
  end(): void
  on(event: 'connect', listener: () => void): void
  on(event: 'error', listener: (error: Error) => void): void
}

const { EventTime, createFluentSender } = fluentLogger as unknown as Library
const { host, port, tls, tlsCa, acknowledged } = workerData as Endpoint
const gateway = parentPort!

const MS_PER_S = 1_000
const NS_PER_MS = 1_000_000
/** The longest that a timer takes: who waits for acknowledgements is on the other side. */
const NEVER_MS = 2 ** 31 - 1

const sender = createFluentSender(null, {
  host,
  port,
  tls,
  tlsOptions: tlsCa === '' ? {} : { ca: tlsCa },
  // Chunks, each with everything that is there of one tag, are always acknowledged by who gets them;
  // answers that nobody reads would hide the end of the connection, so single messages go out else.
  eventMode: acknowledged ? 'PackedForward' : 'Message',
  sendQueueSizeLimit: 1,
  requireAckResponse: acknowledged,
  ackResponseTimeout: NEVER_MS,
  enableReconnect: false,
  internalLogger: { info: () => {}, error: () => {} },
})

/** With TLS there are two: of the TCP connection, then of the handshake. */
let connectsMissing = tls ? 2 : 1
sender.on('connect', () => {
  connectsMissing--
  if (connectsMissing === 0) tell({ kind: 'connected' })
})
sender.on('error', (error) => {
  throw error
})

let delivered: number[] = []

/**
 * The callback of a failed write looks like that of a good one, and the error follows within the
 * turn: so nothing is told before the turn is over.
 */
function onDelivered(place: number): void {
  if (delivered.length === 0) {
    setImmediate(() => {
      tell({ kind: 'delivered', places: delivered })
      delivered = []
    })
  }
  delivered.push(place)
}

function tell(word: ThreadWord): void {
  gateway.postMessage(word)
}

gateway.on('message', (batch: ThreadOrder) => {
  if (batch === null) {
    sender.end()
    gateway.close()
    return
  }
  batch.forEach(({ tag, at, fields }, place) => {
    const nanoseconds = Math.round((at % MS_PER_S) * NS_PER_MS)
    const time = new EventTime(Math.floor(at / MS_PER_S), nanoseconds)
    sender.emit(tag, fields, time, (error) => {
      if (error === undefined) onDelivered(place)
    })
  })
})
