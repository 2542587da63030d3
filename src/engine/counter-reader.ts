/**
 * Reads the counters of all shards of the engine from shared memory, without a word with their
 * threads. Hands on differences, so that neither a wrap of a cell nor a lost engine falsifies a sum.
 */
import { counterAddresses, createCounterBuffer } from '../monitoring/counters.ts'
import type { ShardDescription } from '../shard/description.ts'
import type { CounterDeltas } from './messages.ts'

interface Known {
  readonly cells: Uint32Array
  readonly last: Uint32Array
}

/** The counters of the engine's shards; one writer each, this the only reader. */
export class CounterReader {
  readonly #known = new Map<number, Known>()

  /** Shared memory for the counters of a new shard. */
  add(description: ShardDescription): SharedArrayBuffer {
    const buffer = createCounterBuffer(counterAddresses(description.connection))
    const cells = new Uint32Array(buffer)
    this.#known.set(description.shard, { cells, last: new Uint32Array(cells.length) })
    return buffer
  }

  /** What was counted since the last call; shards that counted nothing are left out. */
  read(): CounterDeltas[] {
    return [...this.#known.keys()].flatMap((shard) => this.#readOne(shard))
  }

  /** The last differences of a shard, which is forgotten with that. */
  remove(shard: number): CounterDeltas[] {
    const deltas = this.#readOne(shard)
    this.#known.delete(shard)
    return deltas
  }

  #readOne(shard: number): CounterDeltas[] {
    const known = this.#known.get(shard)
    if (known === undefined) return []
    const { cells, last } = known
    const deltas: [number, number][] = []
    for (let cell = 0; cell < cells.length; cell++) {
      const now = cells[cell]!
      // Unsigned arithmetic modulo 2³²: right also when the cell has wrapped in between.
      const count = (now - last[cell]!) >>> 0
      if (count === 0) continue
      last[cell] = now
      deltas.push([cell, count])
    }
    return deltas.length === 0 ? [] : [{ shard, deltas }]
  }
}
