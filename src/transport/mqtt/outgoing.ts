/** An outbound message as a PUBLISH packet: its headers override topic, QoS and retain of the target. */
import { mqttTopicError } from '../../connection/rules/mqtt-topics.ts'
import type { OutboundMessage } from '../transport.ts'
import type { Qos } from './client.ts'
import { MAX_REMAINING_LENGTH, type PublishPacket, remainingLength } from './packets.ts'

/** The packet, its id drawn from `nextPacketId` when it needs one; or what is wrong with the message. */
export function toPublishPacket(
  { address, qos: configuredQos, message }: OutboundMessage,
  nextPacketId: () => number,
): PublishPacket | string {
  const { headers } = message
  const topic = headers['mqtt.topic'] ?? address
  const qos = toQos(headers['mqtt.qos'] ?? configuredQos)
  const retain = headers['mqtt.retain'] ?? 'false'
  const wrongTopic = mqttTopicError(topic)
  if (wrongTopic !== undefined) return `The topic '${topic}' ${wrongTopic}`
  if (qos === undefined) return `Header 'mqtt.qos' is '${headers['mqtt.qos']}', not 0, 1 or 2.`
  if (retain !== 'true' && retain !== 'false') {
    return `Header 'mqtt.retain' is '${retain}', not true or false.`
  }
  const payload = message.payload ?? ''
  const payloadBytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
  const remaining = remainingLength(topic, payloadBytes, qos)
  if (remaining > MAX_REMAINING_LENGTH) return 'The message is longer than MQTT can say.'
  return {
    topic,
    payload,
    payloadBytes,
    remaining,
    qos,
    retain: retain === 'true',
    packetId: qos === 0 ? 0 : nextPacketId(),
  }
}

/** The quality of service that a header or a target names; none means 0. */
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
