/**
 * As much of MQTT 3.1.1 as a load generator needs, on a bare socket: a client library would cost it
 * more than what it measures. Knows no readings and no clock.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { ArrivalSink } from './end.ts'

/** Packet types with their flags (section 2.2). */
const CONNECT = 0x10
const SUBSCRIBE = 0x82
const PUBLISH = 0x30
const PUBACK = 0x40
const PINGREQ = Buffer.from([0xc0, 0])
const TYPE = 0xf0
const QOS_BITS = 0x06
const CONNACK_TYPE = 0x20
const SUBACK_TYPE = 0x90

const CLEAN_SESSION = 0x02
const KEEP_ALIVE_S = 60
const PING_INTERVAL_MS = 20_000
const REFUSED = 0x80

/** One session; everything is written as it is. */
export class MqttWire {
  readonly #socket: Socket
  readonly #sink: ArrivalSink
  readonly #pings: NodeJS.Timeout
  #rest: Buffer | undefined
  /** Packet identifiers to acknowledge when the burst is through. */
  #toAcknowledge: number[] = []
  #onAnswer: ((type: number, code: number) => void) | undefined

  private constructor(socket: Socket, sink: ArrivalSink) {
    this.#socket = socket
    this.#sink = sink
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', (error) => sink.onEnd(error.message))
    socket.on('close', () => sink.onEnd('the broker closed the connection'))
    this.#pings = setInterval(() => socket.write(PINGREQ), PING_INTERVAL_MS)
  }

  /** Opens a clean session. */
  static async open(port: number, clientId: string, sink: ArrivalSink): Promise<MqttWire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const wire = new MqttWire(socket, sink)
    const header = [...field('MQTT'), 4, CLEAN_SESSION, 0, KEEP_ALIVE_S]
    await wire.#ask(packetOf(CONNECT, [...header, ...field(clientId)]), CONNACK_TYPE)
    return wire
  }

  async subscribe(filter: string, qos: 0 | 1): Promise<void> {
    await this.#ask(packetOf(SUBSCRIBE, [0, 1, ...field(filter), qos]), SUBACK_TYPE)
  }

  /** Bytes that the socket has not taken yet. */
  get waitingBytes(): number {
    return this.#socket.writableLength
  }

  write(packets: Buffer): void {
    this.#socket.write(packets)
  }

  close(): void {
    clearInterval(this.#pings)
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  async #ask(packet: Buffer, answerType: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#onAnswer = (type, code) => {
      if (type === answerType) resolve(code)
    }
    this.#socket.write(packet)
    const code = await promise
    this.#onAnswer = undefined
    if (answerType === SUBACK_TYPE ? code >= REFUSED : code > 0) {
      throw new Error(`the broker answered with code ${code}`)
    }
  }

  #receive(chunk: Buffer): void {
    const data = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let offset = 0
    for (;;) {
      const end = this.#packet(data, offset)
      if (end === undefined) break
      offset = end
    }
    this.#rest = offset === data.length ? undefined : data.subarray(offset)
    this.#acknowledge()
    this.#sink.onBurst()
  }

  /** Takes the packet that begins at `start`; answers its end, or undefined when it is incomplete. */
  #packet(data: Buffer, start: number): number | undefined {
    let length = 0
    let at = start + 1
    for (let shift = 0; ; shift += 7) {
      const byte = data[at++]
      if (byte === undefined) return undefined
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    const end = at + length
    if (end > data.length) return undefined
    const head = data[start]!
    if ((head & TYPE) === PUBLISH) this.#publish(data, head, at, end)
    else this.#onAnswer?.(head & TYPE, data[end - 1]!)
    return end
  }

  #publish(data: Buffer, head: number, at: number, end: number): void {
    let payloadAt = at + 2 + data.readUInt16BE(at)
    if ((head & QOS_BITS) !== 0) {
      this.#toAcknowledge.push(data.readUInt16BE(payloadAt))
      payloadAt += 2
    }
    this.#sink.onMessage(data, payloadAt, end)
  }

  #acknowledge(): void {
    const packetIds = this.#toAcknowledge
    if (packetIds.length === 0) return
    this.#toAcknowledge = []
    const packets = Buffer.allocUnsafe(packetIds.length * 4)
    packetIds.forEach((packetId, index) => {
      packets[index * 4] = PUBACK
      packets[index * 4 + 1] = 2
      packets.writeUInt16BE(packetId, index * 4 + 2)
    })
    this.#socket.write(packets)
  }
}

/** A PUBLISH packet and where in it packet identifier (QoS 1) and payload begin. */
export interface PublishPacket {
  readonly bytes: Buffer
  readonly packetIdAt: number
  readonly payloadAt: number
}

/** Makes a PUBLISH packet, with the packet identifier 1 at QoS 1. */
export function publishPacket(topic: string, payload: Buffer, qos: 0 | 1): PublishPacket {
  const packetId = qos === 1 ? [0, 1] : []
  const bytes = packetOf(PUBLISH | (qos << 1), [...field(topic), ...packetId], payload)
  const payloadAt = bytes.length - payload.length
  return { bytes, payloadAt, packetIdAt: payloadAt - 2 }
}

function packetOf(
  head: number,
  rest: readonly number[],
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const length: number[] = []
  let remaining = rest.length + payload.length
  do {
    const more = remaining > 0x7f ? 0x80 : 0
    length.push((remaining & 0x7f) | more)
    remaining >>>= 7
  } while (remaining > 0)
  return Buffer.concat([Buffer.from([head, ...length, ...rest]), payload])
}

/** A string with its length before it (section 1.5.3). */
function field(text: string): readonly number[] {
  const bytes = Buffer.from(text)
  return [bytes.length >>> 8, bytes.length & 0xff, ...bytes]
}
