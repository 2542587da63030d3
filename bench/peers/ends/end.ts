/** The two ends of a load generator's way through the gateway, whatever the protocol. */
import type { Letters } from '../letters.ts'

export type Protocol = 'mqtt' | 'amqp-091' | 'amqp-10'

/** Where messages are sent to, or received from. */
export interface EndOrder {
  readonly protocol: Protocol
  readonly port: number
  /** Topic, filter or queue; of an outlet with `{device}` in place of the name, where there is one. */
  readonly address: string
  readonly qos: 0 | 1
}

/** Sends. */
export interface Outlet {
  /** Sends `count` messages, numbered from `first`. */
  send(first: number, count: number): void
  /** Sends something else, for which the broker takes responsibility. */
  post(address: string, payload: Buffer): void
  /** Whether the broker reads so slowly that it is sent no more. */
  readonly isFull: boolean
  close(): void
}

/** Who gets what arrives. */
export interface ArrivalSink {
  /** A message: its payload is `packet` from `start` to `end`, valid during the call only. */
  onMessage(packet: Buffer, start: number, end: number): void
  /** Everything that arrived together was handed over. */
  onBurst(): void
  onEnd(reason: string): void
}

/** Receives. */
export interface Inlet {
  close(): void
}

/** How to speak a protocol. */
export interface Ends {
  openOutlet(order: EndOrder, letters: Letters, onEnd: (reason: string) => void): Promise<Outlet>
  openInlet(order: EndOrder, sink: ArrivalSink): Promise<Inlet>
}
