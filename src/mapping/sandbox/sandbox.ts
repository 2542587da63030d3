/**
 * One isolate, shared by the scripts of a shard, made when it is needed and made anew when a script
 * exhausted its memory. Knows neither scripts nor messages.
 */
import type { Isolate } from 'isolated-vm'
import { Lane } from '../lane.ts'
import { isolatedVm } from './addon.ts'

const NS_PER_MS = 1e6

export class Sandbox {
  /** Calls of all programs: an isolate runs one at a time, and a second one would block the thread. */
  readonly lane = new Lane()
  /** Counts the isolates made; what was compiled for another generation is gone. */
  generation = 0
  /** Whether a message was mapped since the isolate was made. */
  used = false
  readonly #memoryMb: number
  #isolate: Isolate | undefined
  #holders = 0

  constructor(memoryMb: number) {
    this.#memoryMb = memoryMb
  }

  /** The living isolate; makes one (3 ms) when there is none. */
  isolate(): Isolate {
    if (this.#isolate === undefined || this.#isolate.isDisposed) {
      // No onCatastrophicError: with a handler, allocations that fail in seconds end the process.
      this.#isolate = new (isolatedVm().Isolate)({ memoryLimit: this.#memoryMb })
      this.generation++
      this.used = false
    }
    return this.#isolate
  }

  get isAlive(): boolean {
    return this.#isolate !== undefined && !this.#isolate.isDisposed
  }

  /** Processor time that the living isolate has used, in milliseconds; undefined when there is none. */
  get workedMs(): number | undefined {
    return this.isAlive ? Number(this.#isolate!.cpuTime) / NS_PER_MS : undefined
  }

  /** Ends the isolate; everything compiled in it is gone. */
  discard(): void {
    if (this.isAlive) this.#isolate?.dispose()
    this.#isolate = undefined
  }

  hold(): void {
    this.#holders++
  }

  /** Gives up one hold; the last one ends the isolate. */
  release(): void {
    this.#holders--
    if (this.#holders === 0) this.discard()
  }
}
