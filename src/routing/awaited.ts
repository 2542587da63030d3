/**
 * Who on this thread waits for answers that consumers send: they name an entity and a correlation id, and
 * know no ticket. Pure bookkeeping.
 */
import type { AckAddress, Signal } from '../protocol/signal.ts'

/** One per thread. */
export class AwaitedAnswers {
  /** Several signals of an entity may have the same correlation id: the oldest comes first. */
  readonly #waiting = new Map<string, AckAddress[]>()

  add({ entityId, adaptable, ackTo }: Signal): void {
    const key = keyOf(entityId, adaptable.headers['correlation-id'])
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) this.#waiting.set(key, [ackTo!])
    else waiting.push(ackTo!)
  }

  remove({ entityId, adaptable, ackTo }: Signal): void {
    const key = keyOf(entityId, adaptable.headers['correlation-id'])
    const left = this.#waiting
      .get(key)
      ?.filter(({ shard, ticket }) => shard !== ackTo!.shard || ticket !== ackTo!.ticket)
    if (left === undefined || left.length === 0) this.#waiting.delete(key)
    else this.#waiting.set(key, left)
  }

  /** Whoever has waited longest. */
  oldest(entityId: string, correlationId: string): AckAddress | undefined {
    return this.#waiting.get(keyOf(entityId, correlationId))?.[0]
  }
}

function keyOf(entityId: string, correlationId: unknown): string {
  return `${entityId} ${correlationId}`
}
