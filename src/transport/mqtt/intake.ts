/**
 * The receiving side of a session: turns packets into deliveries, hands them over in batches, holds
 * them back while paused, and acknowledges what was settled. Knows neither sockets nor connecting.
 *
 * While paused, messages that still arrive are held up to a limit; only then does the socket stop
 * being read. So the broker's answers (PINGRESP, confirmations of our own publishes) keep flowing for
 * as long as its window of unacknowledged messages fits into the limit.
 */
import type { IPublishPacket } from 'mqtt'
import type { ExternalMessage } from '../../protocol/external-message.ts'
import { MAX_BATCH, type Settlement } from '../transport.ts'
import type { Qos } from './client.ts'
import { AckQueue, MqttDelivery, type Settler } from './delivery.ts'
import type { SourceMatcher } from './filters.ts'
import { ackPacket, PUBREC } from './packets.ts'

/** Messages held back while paused before the socket stops being read … */
const HELD_MESSAGES = 1024
/** … or bytes of their payloads. */
const HELD_BYTES = 4 * 1024 * 1024

/** What an intake needs of its session. */
export interface IntakeOptions {
  readonly matcher: SourceMatcher
  /** Whether `retry` may end the session to get the message again. */
  readonly reconnectForRedelivery: boolean
  onDeliveries(batch: readonly MqttDelivery[]): void
  /** A message for no source; it is acknowledged. */
  onUnmatched(topic: string): void
  /** A message has to be delivered again: the session should end. */
  onRedeliveryNeeded(): void
  /** While opening, so much of a session that the broker had kept arrived that no more is held. */
  onResumed(): void
  /** Goes on reading after `take` returned false. */
  proceed(): void
  write(packets: Buffer): void
}

const ACCEPTED = 'Sending success acknowledgement.'
const REJECTED =
  'Unfulfilled acknowledgements are present. Acknowledging the MQTT message because redelivery was ' +
  'not requested.'
const RETRIED_BY_RECONNECT =
  'Unfulfilled acknowledgements are present, restarting consumer client in order to get redeliveries.'
const NOT_RETRIED =
  'Unfulfilled acknowledgements are present. Acknowledging the MQTT message despite redelivery was ' +
  'requested because MQTT broker would not redeliver the message without a reconnect from the client.'

const QOS_TEXT = ['0', '1', '2'] as const

/** One per session. */
export class Intake implements Settler {
  readonly #options: IntakeOptions
  readonly #atLeastOnce = new AckQueue(1)
  readonly #exactlyOnce = new AckQueue(2)
  #pending: MqttDelivery[] = []
  #pendingBytes = 0
  /** A resumed session delivers before SUBACK; held back until the shard knows the session. */
  #opening = true
  #paused = false
  #stopped = false
  #ended = false
  #deliveryScheduled = false
  #acksScheduled = false
  #onReleased: (() => void) | undefined
  readonly #deliverTurn = (): void => this.#deliver()
  readonly #acknowledgeTurn = (): void => this.#acknowledge()

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** Takes a message; false when no more may be read for now. */
  take(packet: IPublishPacket, qos: Qos): boolean {
    // Not taken and not acknowledged: the broker keeps QoS 1 and 2 for the next session.
    if (this.#stopped) return true
    const delivery = this.#toDelivery(packet, qos)
    if (delivery === undefined) return true
    this.#pending.push(delivery)
    if (this.#opening || this.#paused) return this.#hold(packet.payload.length)
    if (this.#pending.length >= MAX_BATCH) {
      this.#deliver()
    } else if (!this.#deliveryScheduled) {
      // Runs when all packets of one read from the socket are through.
      this.#deliveryScheduled = true
      queueMicrotask(this.#deliverTurn)
    }
    return true
  }

  /** The broker released a QoS 2 message. */
  release(packetId: number): void {
    this.#exactlyOnce.release(packetId)
    if (this.#exactlyOnce.released) this.#onReleased?.()
  }

  /** Resolves when the broker has answered every PUBREC. */
  async released(): Promise<void> {
    if (this.#exactlyOnce.released) return
    await new Promise<void>((resolve) => {
      this.#onReleased = resolve
    })
  }

  settle(delivery: MqttDelivery, outcome: Settlement): string | undefined {
    if (delivery.qos === 0 || delivery.settled || this.#ended) return undefined
    if (outcome === 'retry' && this.#options.reconnectForRedelivery) {
      // Once stopped, the session is about to end anyway.
      if (this.#stopped) return undefined
      this.#options.onRedeliveryNeeded()
      return RETRIED_BY_RECONNECT
    }
    delivery.settled = true
    if (!this.#acksScheduled && (this.#atLeastOnce.ready || this.#exactlyOnce.ready)) {
      this.#acksScheduled = true
      queueMicrotask(this.#acknowledgeTurn)
    }
    if (outcome === 'accept') return ACCEPTED
    return outcome === 'reject' ? REJECTED : NOT_RETRIED
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused || this.#stopped) return
    this.#paused = false
    this.#deliver()
  }

  /** The session is open: what arrived meanwhile is delivered. */
  begin(): void {
    this.#opening = false
    this.#deliver()
  }

  /** Takes nothing any more; what was delivered can still be settled. */
  stop(): void {
    this.#stopped = true
    this.#pending = []
    this.#options.proceed()
  }

  /** Acknowledges what was settled so far and forgets the rest: it is the broker's again. */
  end(): void {
    if (this.#ended) return
    this.stop()
    this.#acknowledge()
    this.#ended = true
  }

  /** Counts a held message; false when the limit is reached. */
  #hold(bytes: number): boolean {
    this.#pendingBytes += bytes
    const full = this.#pending.length >= HELD_MESSAGES || this.#pendingBytes >= HELD_BYTES
    if (full && this.#opening) this.#options.onResumed()
    return !full
  }

  #toDelivery(packet: IPublishPacket, qos: Qos): MqttDelivery | undefined {
    const { topic, messageId = 0 } = packet
    if (qos > 0 && packet.dup && this.#isRepeated(qos, messageId)) return undefined
    const match = this.#options.matcher(topic)
    const delivery = new MqttDelivery(
      toMessage(packet, qos),
      topic,
      match ?? UNMATCHED,
      qos,
      messageId,
      this,
    )
    if (qos > 0) this.#queue(qos).add(delivery)
    if (match !== undefined) return delivery
    this.#options.onUnmatched(topic)
    this.settle(delivery, 'accept')
    return undefined
  }

  #isRepeated(qos: Qos, packetId: number): boolean {
    const known = this.#queue(qos).repeated(packetId)
    // Our PUBREC got lost on the broker's side; it asks for another one.
    if (known === 'unreleased') this.#options.write(ackPacket(PUBREC, packetId))
    return known !== undefined
  }

  #queue(qos: Qos): AckQueue {
    return qos === 2 ? this.#exactlyOnce : this.#atLeastOnce
  }

  #deliver(): void {
    this.#deliveryScheduled = false
    while (this.#isFlowing() && this.#pending.length > 0) {
      const pending = this.#pending
      if (pending.length <= MAX_BATCH) {
        this.#pending = []
        this.#options.onDeliveries(pending)
      } else {
        this.#options.onDeliveries(pending.splice(0, MAX_BATCH))
      }
    }
    if (!this.#isFlowing()) return
    this.#pendingBytes = 0
    this.#options.proceed()
  }

  #isFlowing(): boolean {
    return !this.#opening && !this.#paused
  }

  #acknowledge(): void {
    this.#acksScheduled = false
    if (this.#ended) return
    const pubacks = this.#atLeastOnce.take()
    if (pubacks !== undefined) this.#options.write(pubacks)
    const pubrecs = this.#exactlyOnce.take()
    if (pubrecs !== undefined) this.#options.write(pubrecs)
  }
}

const UNMATCHED = { source: -1, sourceAddress: '' }

function toMessage(packet: IPublishPacket, qos: Qos): ExternalMessage {
  return {
    headers: {
      'mqtt.topic': packet.topic,
      'mqtt.qos': QOS_TEXT[qos],
      'mqtt.retain': packet.retain ? 'true' : 'false',
    },
    payload: packet.payload,
  }
}
