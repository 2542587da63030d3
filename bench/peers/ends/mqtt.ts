/** MQTT on a bare socket. */
import { forDevice, type Letters } from '../letters.ts'
import type { ArrivalSink, EndOrder, Ends, Outlet } from './end.ts'
import { MqttWire, type PublishPacket, publishPacket } from './mqtt-wire.ts'

/** A broker that reads so slowly is not sent more. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
const MAX_PACKET_ID = 65_535

export const mqttEnds: Ends = {
  async openOutlet(order, letters, onEnd) {
    const sink: ArrivalSink = { onMessage() {}, onBurst() {}, onEnd }
    const wire = await MqttWire.open(order.port, `bench-out-${process.pid}`, sink)
    return new MqttOutlet(wire, order, letters)
  },

  async openInlet(order, sink) {
    const wire = await MqttWire.open(order.port, `bench-in-${process.pid}`, sink)
    await wire.subscribe(order.address, order.qos)
    return wire
  },
}

class MqttOutlet implements Outlet {
  readonly #wire: MqttWire
  readonly #qos: 0 | 1
  readonly #letters: Letters
  /** One for each device. */
  readonly #packets: readonly PublishPacket[]

  constructor(wire: MqttWire, { address, qos }: EndOrder, letters: Letters) {
    this.#wire = wire
    this.#qos = qos
    this.#letters = letters
    this.#packets = letters.bodies.map((body, device) =>
      publishPacket(forDevice(address, device), body, qos),
    )
  }

  get isFull(): boolean {
    return this.#wire.waitingBytes > MAX_WAITING_BYTES
  }

  send(first: number, count: number): void {
    if (count === 1) {
      this.#wire.write(this.#numbered(first))
      return
    }
    const packets: Buffer[] = []
    for (let number = first; number < first + count; number++) packets.push(this.#numbered(number))
    this.#wire.write(Buffer.concat(packets))
  }

  post(address: string, payload: Buffer): void {
    this.#wire.write(publishPacket(address, payload, 1).bytes)
  }

  close(): void {
    this.#wire.close()
  }

  #numbered(number: number): Buffer {
    const { bytes, packetIdAt, payloadAt } = this.#packets[this.#letters.deviceOf(number)]!
    const packet = Buffer.from(bytes)
    if (this.#qos === 1) packet.writeUInt16BE(1 + (number % MAX_PACKET_ID), packetIdAt)
    this.#letters.write(packet, payloadAt, number)
    return packet
  }
}
