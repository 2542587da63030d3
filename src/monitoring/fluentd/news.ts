/**
 * What the gateway's log is told of an endpoint, once a minute at most, however often that fails.
 */

/** The gateway's own log. */
export interface NewsLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

const QUIET_MS = 60_000

/** Failures, recovery and losses, told rarely. */
export class EndpointNews {
  readonly #endpoint: string
  readonly #log: NewsLog
  #reason: string | undefined
  #toldReason: string | undefined
  #dropped = 0
  #quiet: NodeJS.Timeout | undefined

  constructor(endpoint: string, log: NewsLog) {
    this.#endpoint = endpoint
    this.#log = log
  }

  /** The endpoint does not take entries. */
  failed(reason: string): void {
    this.#reason = reason
    if (this.#toldReason === undefined) this.#tell()
  }

  /** The endpoint took entries. */
  works(): void {
    this.#reason = undefined
    if (this.#toldReason !== undefined) this.#tell()
  }

  /** Entries that will never be published. */
  dropped(count: number): void {
    this.#dropped += count
    this.#tell()
  }

  /** Tells what has not been told yet. */
  close(): void {
    clearTimeout(this.#quiet)
    this.#quiet = undefined
    if (this.#dropped > 0) this.#write()
  }

  #tell(): void {
    if (this.#quiet !== undefined) return
    this.#write()
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined
      const isNew = (this.#reason === undefined) !== (this.#toldReason === undefined)
      if (isNew || this.#dropped > 0) this.#tell()
    }, QUIET_MS)
    this.#quiet.unref()
  }

  #write(): void {
    const fields = { endpoint: this.#endpoint, dropped: this.#dropped }
    const reason = this.#reason
    if (reason !== undefined) {
      this.#log.warn({ ...fields, reason }, 'Connection logs cannot be published at present.')
    } else if (this.#dropped > 0) {
      this.#log.warn(fields, 'Entries of connection logs were dropped instead of published.')
    } else this.#log.info(fields, 'Connection logs are being published again.')
    this.#toldReason = reason
    this.#dropped = 0
  }
}
