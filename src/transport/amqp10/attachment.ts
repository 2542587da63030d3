/**
 * A link in a session of its own, so that what goes wrong with one address costs no other (RabbitMQ 3
 * ends the whole session). Tells when it is attached and when it was lost, and attaches again after a
 * pause. Knows neither credit nor messages.
 */
import type { Receiver, Sender } from 'rhea'
import { Backoff, type BackoffLimits } from '../backoff.ts'
import { type LinkFailure, linkFailure } from './errors.ts'
import { type AmqpCondition, isAttached, type RheaSession } from './rhea.ts'

/** What an attachment is made from. */
export interface AttachmentOptions<L extends Receiver | Sender> {
  readonly role: 'receiver' | 'sender'
  /** How long the broker may take to answer, in milliseconds. */
  readonly requestTimeoutMs: number
  /** Pauses between attempts; undefined: there is one attempt. */
  readonly backoff: BackoffLimits | undefined
  createSession(): RheaSession
  /** Makes the link, with its listeners. */
  attach(session: RheaSession): L
  onAttached(link: L, session: RheaSession): void
  /**
   * It could not be attached, or was lost; what it carried is the broker's again. `isReturning`: it had
   * lived for a while, and is attached again at once.
   */
  onLost(failure: LinkFailure, isReturning: boolean): void
}

/** One per link; it is attached from the beginning of its life to its end. */
export class Attachment<L extends Receiver | Sender> {
  readonly #options: AttachmentOptions<L>
  readonly #backoff: Backoff | undefined
  readonly #first = Promise.withResolvers<LinkFailure | undefined>()
  #session: RheaSession | undefined
  /** Made, but not necessarily attached. */
  #made: L | undefined
  #link: L | undefined
  #timer: NodeJS.Timeout | undefined
  /** Of the link, in the clock of `performance`. */
  #attachedAt = Number.POSITIVE_INFINITY
  #ended = false

  constructor(options: AttachmentOptions<L>) {
    this.#options = options
    this.#backoff = options.backoff && new Backoff(options.backoff)
  }

  /** The link, while it is attached. */
  get link(): L | undefined {
    return this.#link
  }

  /** Attaches for the first time; the failure, if that was none. */
  start(): Promise<LinkFailure | undefined> {
    this.#attach()
    return this.#first.promise
  }

  /** Detaches and forgets; ending its session ends the link. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#forget()
    this.#first.resolve(undefined)
  }

  #attach(): void {
    const { role, requestTimeoutMs } = this.#options
    const session = this.#options.createSession()
    this.#session = session
    const lost = (error: AmqpCondition | undefined): void => {
      if (this.#session === session) this.#lost(linkFailure(error))
    }
    session.on('session_close', () => {
      // After its end the other side expects no detach.
      if (this.#session === session) this.#made = undefined
      lost(session.error as AmqpCondition | undefined)
    })
    const link = this.#options.attach(session)
    this.#made = link
    link.on(`${role}_open`, () => {
      if (this.#session === session && isAttached(link)) this.#attached(link, session)
    })
    link.on(`${role}_close`, () => lost(link.error as AmqpCondition | undefined))
    this.#timer = setTimeout(
      () => lost({ description: `The broker did not answer within ${requestTimeoutMs} ms.` }),
      requestTimeoutMs,
    )
  }

  #attached(link: L, session: RheaSession): void {
    clearTimeout(this.#timer)
    this.#link = link
    this.#attachedAt = performance.now()
    this.#backoff?.reset()
    this.#options.onAttached(link, session)
    this.#first.resolve(undefined)
  }

  #lost(failure: LinkFailure): void {
    const lived = performance.now() - this.#attachedAt
    const isReturning = lived > (this.#options.backoff?.backoffMinMs ?? Number.POSITIVE_INFINITY)
    this.#forget()
    if (this.#backoff !== undefined) {
      const pauseMs = isReturning ? 0 : this.#backoff.nextPauseMs()
      this.#timer = setTimeout(() => this.#attach(), pauseMs)
    }
    this.#options.onLost(failure, isReturning)
    this.#first.resolve(failure)
  }

  #forget(): void {
    clearTimeout(this.#timer)
    const session = this.#session
    this.#session = undefined
    this.#link = undefined
    this.#attachedAt = Number.POSITIVE_INFINITY
    // rhea would detach by itself, but only after the end of the session.
    this.#made?.close()
    session?.close()
  }
}
