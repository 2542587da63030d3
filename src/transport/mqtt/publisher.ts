/**
 * The sending side of a session: a batch becomes one write and one promise; confirmations of the
 * broker settle it message by message. Knows neither sockets nor connecting.
 */

import { failure, PendingBatch, PUBLISHED } from '../pending-batch.ts'
import type { OutboundMessage, PublishOutcome } from '../transport.ts'
import { toPublishPacket } from './outgoing.ts'
import { ackPacket, encodePublishes, PUBREL, type PublishPacket } from './packets.ts'

/**
 * Most messages without confirmation. Half of all packet ids, so that a late confirmation cannot be
 * taken for that of a newer message.
 */
const MAX_UNCONFIRMED = 32_768
/**
 * Most QoS 2 handshakes under way. MQTT 3.1.1 lets no broker say what it bears; mosquitto 2.0.11 stops
 * reading for good beyond its `max_inflight_messages` (20 by default), HiveMQ's default is 10.
 */
const MAX_HANDSHAKES = 10
/** Most bytes that may wait for a slow socket. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
/** Packets are put together up to about this size before they are written. */
const CHUNK_BYTES = 64 * 1024

/** What a publisher needs of its session. */
export interface PublisherOptions {
  readonly timeoutMs: number
  nextPacketId(): number
  /** Writes; false when the socket is full, then `drained` is called later. */
  write(packets: Buffer): boolean
  /** Bytes that the socket has not taken yet. */
  waitingBytes(): number
}

interface Unconfirmed {
  readonly batch: PendingBatch
  readonly index: number
}

/** One per session. */
export class MqttPublisher {
  readonly #options: PublisherOptions
  readonly #unconfirmed = new Map<number, Unconfirmed>()
  readonly #batches = new Set<PendingBatch>()
  /** Batches whose QoS 0 messages wait until the socket took them. */
  #undrained: PendingBatch[] = []
  /** QoS 2 messages that the window has no room for yet; they are unconfirmed, too. */
  #waiting: PublishPacket[] = []
  #handshakes = 0
  readonly #nextPacketId = (): number => this.#freePacketId()
  #ended: string | undefined = 'There is no session with the broker.'

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** The session is there. */
  begin(): void {
    this.#ended = undefined
  }

  /** The session is gone: whatever is not confirmed fails for this reason. */
  end(reason: string): void {
    this.#ended ??= reason
    for (const batch of this.#batches) batch.fail(reason)
    this.#unconfirmed.clear()
    this.#undrained = []
    this.#waiting = []
  }

  /** One outcome per message, in order; never rejects. */
  publish(messages: readonly OutboundMessage[]): Promise<readonly PublishOutcome[]> {
    const batch = new PendingBatch(messages.length)
    const impossible = this.#ended ?? this.#congestion()
    if (impossible !== undefined) {
      batch.fail(impossible)
      return batch.outcomes
    }
    const flushed = this.#write(this.#toPackets(messages, batch))
    if (flushed) batch.drained()
    else this.#undrained.push(batch)
    if (batch.isOpen) {
      this.#batches.add(batch)
      batch.onFinished(this.#options.timeoutMs, () => this.#batches.delete(batch))
    }
    return batch.outcomes
  }

  /** PUBACK, PUBREC or PUBCOMP arrived. */
  confirm(type: 'puback' | 'pubrec' | 'pubcomp', packetId: number): void {
    if (type === 'pubrec') {
      this.#options.write(ackPacket(PUBREL, packetId))
      return
    }
    const entry = this.#unconfirmed.get(packetId)
    if (entry === undefined) return
    this.#unconfirmed.delete(packetId)
    entry.batch.settle(entry.index, PUBLISHED)
    if (type === 'pubcomp') this.#nextHandshake()
  }

  /** The socket took everything. */
  drained(): void {
    const batches = this.#undrained
    this.#undrained = []
    for (const batch of batches) batch.drained()
  }

  #congestion(): string | undefined {
    if (this.#options.waitingBytes() > MAX_WAITING_BYTES) {
      return `${MAX_WAITING_BYTES} bytes are waiting already for the broker to read them.`
    }
    return undefined
  }

  #toPackets(messages: readonly OutboundMessage[], batch: PendingBatch): PublishPacket[] {
    const packets: PublishPacket[] = []
    for (let index = 0; index < messages.length; index++) {
      const packet = toPublishPacket(messages[index]!, this.#nextPacketId)
      if (typeof packet === 'string') {
        batch.settle(index, failure(400, packet))
        continue
      }
      if (packet.qos === 0) {
        batch.awaitDrain(index)
      } else if (this.#unconfirmed.size < MAX_UNCONFIRMED) {
        this.#unconfirmed.set(packet.packetId, { batch, index })
      } else {
        batch.settle(index, failure(503, `${MAX_UNCONFIRMED} messages are unconfirmed already.`))
        continue
      }
      if (packet.qos < 2) packets.push(packet)
      else if (this.#handshakes === MAX_HANDSHAKES) this.#waiting.push(packet)
      else {
        this.#handshakes += 1
        packets.push(packet)
      }
    }
    return packets
  }

  /** A QoS 2 handshake is over: the next one may begin. */
  #nextHandshake(): void {
    for (;;) {
      const packet = this.#waiting.shift()
      if (packet === undefined) {
        this.#handshakes -= 1
        return
      }
      const entry = this.#unconfirmed.get(packet.packetId)
      if (entry?.batch.isOpen) {
        this.#write([packet])
        return
      }
      // It waited longer than its sender.
      this.#unconfirmed.delete(packet.packetId)
    }
  }

  #freePacketId(): number {
    let packetId = this.#options.nextPacketId()
    while (this.#unconfirmed.has(packetId)) packetId = this.#options.nextPacketId()
    return packetId
  }

  #write(packets: readonly PublishPacket[]): boolean {
    let flushed = true
    let start = 0
    let bytes = 0
    for (let index = 0; index < packets.length; index++) {
      bytes += packets[index]!.payloadBytes
      if (bytes < CHUNK_BYTES && index + 1 < packets.length) continue
      flushed = this.#options.write(encodePublishes(packets.slice(start, index + 1)))
      start = index + 1
      bytes = 0
    }
    return flushed
  }
}
