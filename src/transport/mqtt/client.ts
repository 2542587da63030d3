/**
 * mqtt.js, taught to pipeline: it parses and keeps alive, but acknowledges nothing. Every received
 * message is handed on at once and the stream goes on; PUBACK and PUBREC are sent later, by whoever
 * settles. Knows mqtt.js's inner order of events (pinned version, covered by the conformance suite)
 * so that nobody else has to.
 *
 * How: `packetreceive` is emitted before mqtt.js handles a packet. There a QoS 1 or 2 PUBLISH is
 * disguised as QoS 0, for which mqtt.js calls `handleMessage` and sends nothing. PUBREL is answered
 * with PUBCOMP by mqtt.js itself; confirmations of our own publishes are unknown to it and ignored.
 */
import type { Socket } from 'node:net'
import { type IClientOptions, type IPublishPacket, MqttClient, type Packet } from 'mqtt'

export type Qos = 0 | 1 | 2

/** Who consumes what the client receives. */
export interface PacketSink {
  /** Takes a message; false stops reading from the socket until {@link PipelinedClient.proceed}. */
  onMessage(packet: IPublishPacket, qos: Qos): boolean
  /** The broker asks to release a QoS 2 message; PUBCOMP is on its way. */
  onRelease(packetId: number): void
  /** PUBACK, PUBREC or PUBCOMP for a message that was published. */
  onConfirmation(type: 'puback' | 'pubrec' | 'pubcomp', packetId: number): void
}

type Done = () => void

/** The longest time a timer of Node can wait. */
const MAX_TIMEOUT_MS = 2_147_483_647

/** One network connection; never reconnects. */
export class PipelinedClient extends MqttClient {
  readonly #sink: PacketSink
  #qos: Qos = 0
  #held: Done | undefined
  /** Whether anything has arrived since the last PINGREQ, or since the answer to it was missed. */
  #heard = false

  /** `socket` is connected; the CONNECT packet leaves with `connect()`. */
  constructor(socket: Socket, options: IClientOptions, sink: PacketSink) {
    super(() => socket, {
      ...options,
      manualConnect: true,
      // The shard reconnects, for all protocols alike.
      reconnectPeriod: 0,
      resubscribe: false,
      // Whoever opens the session has a deadline for all of it.
      connectTimeout: MAX_TIMEOUT_MS,
      // Pings keep their rhythm whatever else arrives: a timer less per confirmation, and the broker is
      // asked for a sign of life when it has none of its own to give.
      reschedulePings: false,
      // Nothing waits inside the client: what cannot be sent now fails now.
      queueQoSZero: false,
      log: ignore,
    })
    this.#sink = sink
    this.on('packetreceive', (packet) => this.#receive(packet))
  }

  /** Whether the sink has stopped reading. */
  get isHeld(): boolean {
    return this.#held !== undefined
  }

  override handleMessage(packet: IPublishPacket, done: Done): void {
    if (this.#sink.onMessage(packet, this.#qos)) done()
    else this.#held = done
  }

  /** Goes on reading after the sink had stopped it. */
  proceed(): void {
    const done = this.#held
    if (done === undefined) return
    this.#held = undefined
    // The broker's answers are among what was not read: the wait for them starts anew.
    this.reschedulePing(true)
    done()
  }

  override sendPing(): void {
    this.#heard = false
    super.sendPing()
  }

  /**
   * While we do not read, a missing PINGRESP says nothing about the broker: keep pinging. On a slow link
   * it may be behind much else: whatever arrives is a sign of life, and a broker that hears nothing of us
   * ends the session itself [MQTT-3.1.2-24].
   */
  override onKeepaliveTimeout(): void {
    if (this.isHeld) {
      this.sendPing()
      this.reschedulePing(true)
    } else if (this.#heard) {
      // Looked at again after half of the keep-alive.
      this.#heard = false
    } else {
      super.onKeepaliveTimeout()
    }
  }

  #receive(packet: Packet): void {
    this.#heard = true
    switch (packet.cmd) {
      case 'publish':
        this.#qos = packet.qos
        packet.qos = 0
        break
      case 'pubrel':
        this.#sink.onRelease(packet.messageId ?? 0)
        break
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        this.#sink.onConfirmation(packet.cmd, packet.messageId ?? 0)
        break
    }
  }
}

function ignore(): void {}
