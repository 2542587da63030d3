/**
 * Thread to thread: a port from every worker thread to every other. What one turn of the event loop
 * has for another thread crosses in one message, by structured clone. Knows signals and
 * acknowledgements; requests are opaque, so that others can talk over the same ports, such as the twin's
 * partitions.
 *
 * Signals are the only thing that nobody else bounds, so they are counted: a thread that has not
 * confirmed {@link BEHIND_SIGNALS} of them is behind, and whoever routes to it is asked to wait.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Signal } from '../protocol/signal.ts'
import type { AckResult, Congestion, Delivery } from './router.ts'

/** A thread that has so many signals still to take is behind. */
export const BEHIND_SIGNALS = 2_048
/** It has caught up when no more than these are left. */
const CAUGHT_UP_SIGNALS = BEHIND_SIGNALS / 2
/** Signals are confirmed in lots, so that a confirmation costs next to nothing. */
const CONFIRMED_SIGNALS = 256

/** The receiving side of a thread. */
export interface MeshReceiver {
  signals(shard: number, batch: readonly Signal[]): void
  acknowledgements(shard: number, batch: readonly AckResult[]): void
  congestion(shard: number, congestion: Congestion): void
  /** Another thread does not keep up with the signals for it, or does so again. */
  behind(thread: number, behind: boolean): void
  /** Answers another thread's request; what it rejects with is told to that thread as text. */
  request(body: unknown): Promise<unknown>
}

/** The sending side of a thread. */
export interface Mesh extends Omit<Delivery, 'answer'> {
  /** Connects another thread, or connects it anew after its death. */
  connect(thread: number, port: MessagePort): void
  /** Asks another thread; rejects when that thread is dead or dies before it answers. */
  request(thread: number, body: unknown): Promise<unknown>
  close(): void
}

interface Answer {
  readonly request: number
  readonly ok: boolean
  readonly value: unknown
}

/** Everything that one turn has for another thread. Shards stand beside their batches. */
interface Parcel {
  signals: (readonly [shard: number, batch: readonly Signal[]])[]
  acknowledgements: (readonly [shard: number, batch: readonly AckResult[]])[]
  congestion: (readonly [shard: number, congestion: Congestion])[]
  requests: (readonly [request: number, body: unknown])[]
  answers: Answer[]
  /** How many signals of the other thread were taken since the last confirmation. */
  confirmed: number
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

const emptyParcel = (): Parcel => ({
  signals: [],
  acknowledgements: [],
  congestion: [],
  requests: [],
  answers: [],
  confirmed: 0,
})

/** One other thread. */
class Peer {
  readonly #port: MessagePort
  readonly #receiver: MeshReceiver
  readonly #waiting = new Map<number, Waiting>()
  #nextRequest = 0
  #parcel: Parcel | undefined
  #dead = false
  /** Signals sent and not confirmed. */
  #unconfirmed = 0
  #behind = false
  /** Signals received and not confirmed. */
  #taken = 0
  readonly #thread: number

  constructor(thread: number, port: MessagePort, receiver: MeshReceiver) {
    this.#thread = thread
    this.#port = port
    this.#receiver = receiver
    port.on('message', (parcel: Parcel) => this.#receive(parcel))
    // The other end closes with its thread, whatever that thread died of.
    port.on('close', () => this.#die())
  }

  /** The parcel of this turn; it leaves when the turn ends. */
  get parcel(): Parcel {
    if (this.#parcel === undefined) {
      this.#parcel = emptyParcel()
      setImmediate(() => this.#flush())
    }
    return this.#parcel
  }

  signals(shard: number, batch: readonly Signal[]): void {
    if (this.#dead) return
    this.parcel.signals.push([shard, batch])
    this.#unconfirmed += batch.length
    if (this.#unconfirmed >= BEHIND_SIGNALS) this.#setBehind(true)
  }

  request(body: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#dead) {
        reject(this.#deathError())
        return
      }
      const request = this.#nextRequest++
      this.#waiting.set(request, { resolve, reject })
      this.parcel.requests.push([request, body])
    })
  }

  close(): void {
    this.#flush()
    this.#port.close()
    this.#die()
  }

  #flush(): void {
    const parcel = this.#parcel
    this.#parcel = undefined
    if (parcel !== undefined && !this.#dead) this.#port.postMessage(parcel)
  }

  #receive(parcel: Parcel): void {
    for (const [shard, congestion] of parcel.congestion) {
      this.#receiver.congestion(shard, congestion)
    }
    for (const [shard, batch] of parcel.acknowledgements) {
      this.#receiver.acknowledgements(shard, batch)
    }
    for (const [shard, batch] of parcel.signals) {
      this.#receiver.signals(shard, batch)
      this.#taken += batch.length
    }
    if (this.#taken >= CONFIRMED_SIGNALS) {
      this.parcel.confirmed += this.#taken
      this.#taken = 0
    }
    this.#unconfirmed -= parcel.confirmed
    if (this.#unconfirmed <= CAUGHT_UP_SIGNALS) this.#setBehind(false)
    for (const [request, body] of parcel.requests) void this.#serve(request, body)
    for (const answer of parcel.answers) this.#settle(answer)
  }

  async #serve(request: number, body: unknown): Promise<void> {
    try {
      const value = await this.#receiver.request(body)
      this.parcel.answers.push({ request, ok: true, value })
    } catch (thrown) {
      const value = thrown instanceof Error ? thrown.message : String(thrown)
      this.parcel.answers.push({ request, ok: false, value })
    }
  }

  #settle({ request, ok, value }: Answer): void {
    const waiting = this.#waiting.get(request)
    this.#waiting.delete(request)
    if (ok) waiting?.resolve(value)
    else waiting?.reject(new Error(String(value)))
  }

  #setBehind(behind: boolean): void {
    if (this.#behind === behind) return
    this.#behind = behind
    this.#receiver.behind(this.#thread, behind)
  }

  #die(): void {
    this.#dead = true
    this.#setBehind(false)
    for (const { reject } of this.#waiting.values()) reject(this.#deathError())
    this.#waiting.clear()
  }

  #deathError(): Error {
    return new Error(`worker thread ${this.#thread} has ended`)
  }
}

/** Makes the mesh of thread `own`; what is meant for `own` itself is handed over directly. */
export function createMesh(own: number, receiver: MeshReceiver): Mesh {
  const peers = new Map<number, Peer>()

  return {
    connect(thread, port) {
      peers.get(thread)?.close()
      peers.set(thread, new Peer(thread, port, receiver))
    },

    signals(thread, shard, batch) {
      if (thread === own) receiver.signals(shard, batch)
      else peers.get(thread)?.signals(shard, batch)
    },

    acknowledgements(thread, shard, batch) {
      if (thread === own) receiver.acknowledgements(shard, batch)
      else peers.get(thread)?.parcel.acknowledgements.push([shard, batch])
    },

    congestion(shard, congestion) {
      receiver.congestion(shard, congestion)
      for (const peer of peers.values()) peer.parcel.congestion.push([shard, congestion])
    },

    async request(thread, body) {
      if (thread === own) return receiver.request(body)
      const peer = peers.get(thread)
      if (peer === undefined) throw new Error(`worker thread ${thread} is not connected`)
      return peer.request(body)
    },

    close() {
      for (const peer of peers.values()) peer.close()
      peers.clear()
    },
  }
}
