/** The seam of the twin: things and policies behind a batch of commands. */
import type { Adaptable } from '../protocol/adaptable.ts'
import type { Signal } from '../protocol/signal.ts'

/**
 * What a command did: always a response (success or error, `status` set), an event if it changed
 * something. A response is there even when `response-required` is false.
 */
export interface Outcome {
  readonly response: Adaptable
  readonly event?: Adaptable
}

/**
 * Executes twin commands. One outcome per command, in the order of the batch; what the outcomes tell
 * is durable when the promise resolves. Commands for one thing are applied in the order of the calls.
 * Rejects only when the store itself failed; then nothing of the batch is known to have happened.
 */
export interface Twin {
  execute(batch: readonly Signal[]): Promise<readonly Outcome[]>
  close(): Promise<void>
}
