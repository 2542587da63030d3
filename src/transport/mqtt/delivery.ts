/**
 * A received message and its place among those that are not acknowledged yet. Acknowledgements leave
 * in the order in which messages arrived [MQTT-4.6.0-2, MQTT-4.6.0-3], whatever the order of settling.
 */
import type { ExternalMessage } from '../../protocol/external-message.ts'
import type { Delivery, Settlement } from '../transport.ts'
import type { Qos } from './client.ts'
import { ACK_BYTES, PUBACK, PUBREC, writeAck } from './packets.ts'

/** Who acts on settlements. */
export interface Settler {
  settle(delivery: MqttDelivery, outcome: Settlement): string | undefined
}

/** One received message. */
export class MqttDelivery implements Delivery {
  readonly message: ExternalMessage
  readonly source: number
  readonly address: string
  readonly sourceAddress: string
  readonly qos: Qos
  /** 0 for QoS 0. */
  readonly packetId: number
  readonly #settler: Settler
  /** May be acknowledged as soon as everything before it is. */
  settled = false
  /** The one that arrived after this one. */
  next: MqttDelivery | undefined

  constructor(
    message: ExternalMessage,
    address: string,
    match: { readonly source: number; readonly sourceAddress: string },
    qos: Qos,
    packetId: number,
    settler: Settler,
  ) {
    this.message = message
    this.address = address
    this.source = match.source
    this.sourceAddress = match.sourceAddress
    this.qos = qos
    this.packetId = packetId
    this.#settler = settler
  }

  settle(outcome: Settlement): string | undefined {
    return this.#settler.settle(this, outcome)
  }
}

/**
 * The unacknowledged messages of one QoS level, in order of arrival.
 *
 * QoS 2: "settled" means PUBREC. Up to PUBREC the broker keeps the message and sends it again to the
 * next session; from PUBREC on it only keeps the packet id, so PUBREC before settling would lose what
 * a dying process held. A packet id is remembered until PUBREL: within the session a repeated PUBLISH
 * is not delivered twice. Across sessions the memory is gone on purpose: ids held by a process that
 * was not the last one to use the session would swallow messages, and a duplicate is the lesser evil.
 */
export class AckQueue {
  readonly #type: number
  #head: MqttDelivery | undefined
  #tail: MqttDelivery | undefined
  readonly #unacknowledged = new Set<number>()
  readonly #unreleased = new Set<number>()

  constructor(qos: 1 | 2) {
    this.#type = qos === 1 ? PUBACK : PUBREC
  }

  /** What is known of a packet id that the broker sent again (DUP flag set). */
  repeated(packetId: number): 'unacknowledged' | 'unreleased' | undefined {
    if (this.#unacknowledged.has(packetId)) return 'unacknowledged'
    return this.#unreleased.has(packetId) ? 'unreleased' : undefined
  }

  add(delivery: MqttDelivery): void {
    this.#unacknowledged.add(delivery.packetId)
    if (this.#tail === undefined) this.#head = delivery
    else this.#tail.next = delivery
    this.#tail = delivery
  }

  /** Whether something can be acknowledged now. */
  get ready(): boolean {
    return this.#head?.settled === true
  }

  /** PUBREL: the id may be used for another message. */
  release(packetId: number): void {
    this.#unreleased.delete(packetId)
  }

  /** Whether every PUBREC was answered. */
  get released(): boolean {
    return this.#unreleased.size === 0
  }

  /** Removes everything that can be acknowledged; returns the packets to send. */
  take(): Buffer | undefined {
    let count = 0
    let end = this.#head
    while (end?.settled) {
      count += 1
      end = end.next
    }
    if (count === 0) return undefined
    const packets = Buffer.allocUnsafe(count * ACK_BYTES)
    let delivery = this.#head
    for (let offset = 0; delivery !== end; offset += ACK_BYTES) {
      const { packetId, next } = delivery!
      writeAck(packets, offset, this.#type, packetId)
      this.#unacknowledged.delete(packetId)
      if (this.#type === PUBREC) this.#unreleased.add(packetId)
      delivery = next
    }
    this.#head = end
    if (end === undefined) this.#tail = undefined
    return packets
  }
}
