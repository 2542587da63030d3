/**
 * The sending side of a session: a batch becomes one write and one promise; confirmations of the
 * broker settle it message by message. Knows neither sockets nor connecting.
 */
import { mqttTopicError } from '../../connection/rules/mqtt-topics.ts'
import type { OutboundMessage, PublishOutcome } from '../transport.ts'
import type { Qos } from './client.ts'
import {
  ackPacket,
  encodePublishes,
  MAX_REMAINING_LENGTH,
  PUBREL,
  type PublishPacket,
  remainingLength,
} from './packets.ts'
import { failure, PendingBatch, PUBLISHED } from './pending-batch.ts'

/**
 * Most messages without confirmation. Half of all packet ids, so that a late confirmation cannot be
 * taken for that of a newer message.
 */
const MAX_UNCONFIRMED = 32_768
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
  /** The last good topic: most messages go where the one before went. */
  #checkedTopic: string | undefined
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
      const packet = this.#toPacket(messages[index]!)
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
      packets.push(packet)
    }
    return packets
  }

  /** The packet of a message, or what is wrong with it. */
  #toPacket({ address, qos: configuredQos, message }: OutboundMessage): PublishPacket | string {
    const { headers } = message
    const topic = headers['mqtt.topic'] ?? address
    const qos = toQos(headers['mqtt.qos'] ?? configuredQos)
    const retain = headers['mqtt.retain'] ?? 'false'
    if (topic !== this.#checkedTopic) {
      const wrong = mqttTopicError(topic)
      if (wrong !== undefined) return `The topic '${topic}' ${wrong}`
      this.#checkedTopic = topic
    }
    if (qos === undefined) return `Header 'mqtt.qos' is '${headers['mqtt.qos']}', not 0, 1 or 2.`
    if (retain !== 'true' && retain !== 'false') {
      return `Header 'mqtt.retain' is '${retain}', not true or false.`
    }
    const payload = message.payload ?? ''
    const packet: PublishPacket = {
      topic,
      payload,
      payloadBytes: typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length,
      qos,
      retain: retain === 'true',
      packetId: qos === 0 ? 0 : this.#freePacketId(),
    }
    if (packet.payloadBytes < MAX_REMAINING_LENGTH / 2) return packet
    return remainingLength(packet) <= MAX_REMAINING_LENGTH
      ? packet
      : 'The message is longer than MQTT can say.'
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

/** The quality of service a header or a target names; none means 0. */
function toQos(value: string | number | undefined): Qos | undefined {
  switch (value) {
    case undefined:
    case 0:
    case '0':
      return 0
    case 1:
    case '1':
      return 1
    case 2:
    case '2':
      return 2
    default:
      return undefined
  }
}
