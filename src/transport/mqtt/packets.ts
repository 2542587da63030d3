/**
 * The packets of the hot path as bytes: PUBLISH out, and the acknowledgements. A batch becomes one
 * write; mqtt.js would make four to six writes, a deep copy and several closures of every message.
 * All other packets are mqtt.js's business.
 *
 * ```
 * PUBLISH   0011 dup qos qos retain | remaining length | topic length (2) topic | [packet id (2)] | payload
 * PUBACK 0x40, PUBREC 0x50, PUBREL 0x62 | 0x02 | packet id (2)        (MQTT 3.1.1, sections 3.3 to 3.6)
 * ```
 */

/** A PUBLISH packet to write. */
export interface PublishPacket {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly payloadBytes: number
  /** What follows the fixed header, in bytes: {@link remainingLength}. */
  readonly remaining: number
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  /** 1..65535; not written for QoS 0. */
  readonly packetId: number
}

export const PUBACK = 0x40
export const PUBREC = 0x50
export const PUBREL = 0x62

/** The largest remaining length that four bytes can say (MQTT 3.1.1, section 2.2.3). */
export const MAX_REMAINING_LENGTH = 268_435_455

/** Bytes of one acknowledgement packet. */
export const ACK_BYTES = 4

/** Writes one acknowledgement packet at `offset`. */
export function writeAck(buffer: Buffer, offset: number, type: number, packetId: number): void {
  buffer[offset] = type
  buffer[offset + 1] = 2
  buffer[offset + 2] = packetId >>> 8
  buffer[offset + 3] = packetId & 0xff
}

/** One acknowledgement packet. */
export function ackPacket(type: number, packetId: number): Buffer {
  const buffer = Buffer.allocUnsafe(ACK_BYTES)
  writeAck(buffer, 0, type, packetId)
  return buffer
}

/** What follows the fixed header of a PUBLISH, in bytes. */
export function remainingLength(topic: string, payloadBytes: number, qos: number): number {
  return 2 + Buffer.byteLength(topic) + (qos > 0 ? 2 : 0) + payloadBytes
}

/** PUBLISH packets one after the other. */
export function encodePublishes(packets: readonly PublishPacket[]): Buffer {
  let total = 0
  for (const { remaining } of packets) total += 1 + lengthBytes(remaining) + remaining
  const buffer = Buffer.allocUnsafe(total)
  let offset = 0
  for (const packet of packets) offset = writePublish(buffer, offset, packet)
  return buffer
}

function writePublish(buffer: Buffer, start: number, packet: PublishPacket): number {
  const { topic, payload, payloadBytes, remaining, qos, retain, packetId } = packet
  let offset = start
  buffer[offset++] = 0x30 | (qos << 1) | (retain ? 1 : 0)
  let rest = remaining
  do {
    buffer[offset++] = rest > 127 ? (rest & 127) | 128 : rest
    rest >>>= 7
  } while (rest > 0)
  const topicBytes = buffer.write(topic, offset + 2)
  buffer[offset] = topicBytes >>> 8
  buffer[offset + 1] = topicBytes & 0xff
  offset += 2 + topicBytes
  if (qos > 0) {
    buffer[offset++] = packetId >>> 8
    buffer[offset++] = packetId & 0xff
  }
  if (typeof payload === 'string') buffer.write(payload, offset)
  else buffer.set(payload, offset)
  return offset + payloadBytes
}

function lengthBytes(length: number): number {
  if (length < 128) return 1
  if (length < 16_384) return 2
  return length < 2_097_152 ? 3 : 4
}
