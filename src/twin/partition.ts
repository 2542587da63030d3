/** The seam between the twin and where its things are: one partition of them, here or elsewhere. */
import type { Signal } from '../protocol/signal.ts'
import type { Outcome } from './twin.ts'

/** A partition as seen from outside: on this thread, on another one, on another machine. */
export interface PartitionLink {
  /**
   * Executes commands about single things of this partition; see `Twin.execute` for what it promises.
   */
  execute(batch: readonly Signal[]): Promise<readonly Outcome[]>
}

/** A partition that this thread has opened. */
export interface Partition extends PartitionLink {
  /** Waits for everything that was given to it, then closes. Rejects what is given to it later. */
  close(): Promise<void>
}
