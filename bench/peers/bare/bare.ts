/**
 * The bare client libraries: what a program must do that takes a message from one broker and hands it
 * to another, with the same care as the gateway: what it takes is acknowledged, what it gives is
 * confirmed where the protocol can, and has the properties that the gateway gives it. No message is
 * looked into.
 */
import type { EndOrder } from '../ends/end.ts'

/** The properties of a live message from the gateway. */
export const CONTENT_TYPE = 'application/vnd.eclipse.ditto+json'
export const CORRELATION_ID = '4b329a3c-cfd9-4013-82a0-31d4e33b6453'

/** Publishes a payload. */
export type Publish = (payload: Buffer) => void

/** One client library. */
export interface Bare {
  /** What it is called. */
  readonly name: string
  openPublisher(order: EndOrder): Promise<Publish>
  consume(order: EndOrder, publish: Publish): Promise<void>
}
