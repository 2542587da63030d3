/**
 * Recognises a broker that accepts session after session and soon ends each of them, as it happens when
 * two clients have the same id and take the session from each other. Knows no protocol: what such endings
 * mean is told by the binding ({@link ConnectError.ifRepeated}).
 */
import type { ConnectError } from '../transport/transport.ts'

/** So many in a row are no coincidence any more. */
const SUSPICIOUS = 3

/** The endings of one client's sessions. */
export class Endings {
  #inARow = 0
  #meaning: string | undefined

  /** What is wrong and what to do; undefined as long as nothing is suspicious. */
  get suspicion(): string | undefined {
    if (this.#inARow < SUSPICIOUS || this.#meaning === undefined) return undefined
    return `The broker has ended ${this.#inARow} sessions in a row. ${this.#meaning}`
  }

  /** A session has ended, or could not be opened. */
  note(error: ConnectError): void {
    this.#meaning = error.ifRepeated
    this.#inARow = error.ifRepeated === undefined ? 0 : this.#inARow + 1
  }

  /** All is well, or shall be looked at afresh. */
  forget(): void {
    this.#inARow = 0
    this.#meaning = undefined
  }
}
