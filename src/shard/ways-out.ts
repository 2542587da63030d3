/**
 * The ways out of a shard: a queue for each target, so that a slow one holds up no other, and one for
 * replies. Says who has to wait for them: those whose signals must not be dropped, always; everybody else
 * only while there is a slow broker that catches up. Knows nothing of mapping.
 */
import type { StreamingType } from '../connection/topics.ts'
import { type Congestion, NO_CONGESTION } from '../routing/router.ts'
import type { Transport } from '../transport/transport.ts'
import { Publisher, type QueueState } from './publisher.ts'
import type { TargetProgram } from './target.ts'

/** What the ways out are made from. */
export interface WaysOutOptions {
  readonly targets: readonly TargetProgram[]
  /** Labels of the acknowledgements that consumers of the connection send. */
  readonly declaredAcks: readonly string[]
  /** Whether other connections divert responses to this one. */
  readonly takesDiverted: boolean
  /** Messages waiting or unconfirmed, of each target. */
  readonly limit: number
  /** Senders of other connections have to wait, or may go on. */
  readonly onCongestion: (congestion: Congestion) => void
  /** Whoever causes replies has to wait, or may go on. */
  readonly onRepliesCongested: (congested: boolean) => void
  /** The broker takes nothing for a target (undefined: for replies), or takes messages again. */
  readonly onStandstill: (address: string | undefined, standsStill: boolean) => void
}

/** One per shard. */
export class WaysOut {
  readonly replies: Publisher
  readonly #options: WaysOutOptions
  readonly #publishers: ReadonlyMap<TargetProgram, Publisher>
  readonly #states = new Map<TargetProgram, QueueState>()
  #congestion: Congestion = NO_CONGESTION

  constructor(options: WaysOutOptions) {
    this.#options = options
    const { limit, targets, onStandstill, onRepliesCongested } = options
    this.replies = new Publisher(limit, {
      onState: (state) => onRepliesCongested(state === 'slow'),
      onStandstill: (standsStill) => onStandstill(undefined, standsStill),
    })
    this.#publishers = new Map(
      targets.map((target) => {
        const listener = {
          onState: (state: QueueState) => this.#noteState(target, state),
          onStandstill: (standsStill: boolean) => onStandstill(target.target.address, standsStill),
        }
        return [target, new Publisher(limit, listener)]
      }),
    )
  }

  /** The queue of a target. */
  of(target: TargetProgram): Publisher {
    return this.#publishers.get(target)!
  }

  /** The session to publish through; undefined while there is none. */
  connect(transport: Transport | undefined): void {
    for (const publisher of this.#all()) publisher.connect(transport)
  }

  /** Resolves when everything queued was published or refused, or when there is no session to do so. */
  async drained(): Promise<void> {
    await Promise.all(this.#all().map((publisher) => publisher.drained()))
  }

  /** Gives up on what still waits, and takes nothing any more. */
  close(): void {
    for (const publisher of this.#all()) publisher.close()
  }

  #all(): readonly Publisher[] {
    return [...this.#publishers.values(), this.replies]
  }

  #noteState(target: TargetProgram, state: QueueState): void {
    if (state === 'free') this.#states.delete(target)
    else this.#states.set(target, state)
    const congestion = this.#states.size === 0 ? NO_CONGESTION : this.#congestionNow()
    if (isSame(congestion, this.#congestion)) return
    this.#congestion = congestion
    this.#options.onCongestion(congestion)
  }

  #congestionNow(): Congestion {
    const { targets, declaredAcks, takesDiverted } = this.#options
    // What is acknowledged waits for a broker that is away from the first signal on: the time for its
    // acknowledgement runs, and what its source sent again meanwhile would be published twice.
    const blocking = [...this.#states.keys()].filter(({ target }) => target.overflow !== 'drop')
    const isSlow = (target: TargetProgram): boolean =>
      this.#states.get(target) === 'slow' && target.target.overflow !== 'drop'
    const standsStill = (target: TargetProgram): boolean =>
      this.#states.get(target) === 'stuck' || this.#states.get(target) === 'waiting'
    const fills = (target: TargetProgram): boolean => this.#states.get(target) !== 'waiting'
    const ofAll = (is: (target: TargetProgram) => boolean): readonly StreamingType[] =>
      typesOf(targets).filter((type) =>
        targets.every((target) => !target.types.has(type) || is(target)),
      )
    const labels = blocking.flatMap(({ issuedLabel }) => issuedLabel ?? [])
    return {
      slow: ofAll(isSlow),
      stuck: ofAll(standsStill),
      blocked: typesOf(blocking.filter((one) => one.target.overflow === 'block' && fills(one))),
      labels: blocking.length === 0 ? [] : [...labels, ...declaredAcks],
      diverted: takesDiverted && targets.some(isSlow),
    }
  }
}

/** Whether a target lets senders wait rather than drop this signal. */
export function blocks({ target }: TargetProgram, isAcknowledged: boolean): boolean {
  return target.overflow === undefined ? isAcknowledged : target.overflow === 'block'
}

function typesOf(targets: readonly TargetProgram[]): readonly StreamingType[] {
  return [...new Set(targets.flatMap(({ types }) => [...types]))]
}

function isSame(one: Congestion, other: Congestion): boolean {
  return (
    one.slow.join() === other.slow.join() &&
    one.stuck.join() === other.stuck.join() &&
    one.blocked.join() === other.blocked.join() &&
    one.labels.join() === other.labels.join() &&
    one.diverted === other.diverted
  )
}
