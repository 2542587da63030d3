/**
 * The bare client libraries: what a program must do that takes a message from one broker and hands it
 * to another, with the same care as the gateway: what it takes is acknowledged, what it gives is
 * confirmed where the protocol can. No message is looked into.
 */
import type { EndOrder } from '../ends/end.ts'

/** Publishes a payload. */
export type Publish = (payload: Buffer) => void

/** One client library. */
export interface Bare {
  /** What it is called. */
  readonly name: string
  openPublisher(order: EndOrder): Promise<Publish>
  consume(order: EndOrder, publish: Publish): Promise<void>
}
