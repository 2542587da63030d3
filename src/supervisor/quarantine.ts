/**
 * Connections that must not run, because a script of theirs ended or wedged the engine. Survives in
 * the store; while the store cannot be written, for the life of this process.
 */
import type { ConnectionStore, QuarantineMark } from '../connection/store.ts'
import { connectionConfigurationInvalid } from '../protocol/connectivity-errors.ts'
import type { DittoError } from '../protocol/errors.ts'
import { describeExit, type EngineExit, type ScriptNote } from './verdict.ts'

/** The part of the store that is needed. */
export type QuarantineStore = Pick<ConnectionStore, 'quarantineMarks' | 'quarantine' | 'release'>

/** Who is in quarantine, and why. */
export class Quarantine {
  readonly #store: QuarantineStore
  readonly #marks: Map<string, QuarantineMark>

  constructor(store: QuarantineStore) {
    this.#store = store
    this.#marks = new Map(store.quarantineMarks())
  }

  get(id: string): QuarantineMark | undefined {
    return this.#marks.get(id)
  }

  /** Holds from the call on; resolves when it is on the disk, rejects when it cannot be. */
  async add(id: string, mark: QuarantineMark): Promise<void> {
    this.#marks.set(id, mark)
    await this.#store.quarantine(id, mark)
  }

  /** Somebody has looked at the connection: it may run again. */
  async release(id: string): Promise<void> {
    if (!this.#marks.has(id)) return
    await this.#store.release(id)
    this.#marks.delete(id)
  }

  /** The store has forgotten the connection, and its mark with it. */
  forget(id: string): void {
    this.#marks.delete(id)
  }
}

/** The error for scripts that took the whole engine with them while they were compiled or tried. */
export function scriptsEndedEngine(): DittoError {
  return connectionConfigurationInvalid(
    'The engine ended while it ran the scripts of the connection.',
    'Check what the scripts do at their top level: it must come to an end and must not exhaust the ' +
      'memory.',
  )
}

/** The mark for a suspect: what happened, when, and what to do. */
export function markFor(
  suspect: ScriptNote,
  exit: EngineExit,
  wedgedAfterMs: number,
): QuarantineMark {
  const { definition } = suspect
  const since = new Date(suspect.since).toISOString()
  const what =
    exit.killedFor === 'wedged'
      ? `had not come back after ${wedgedAfterMs} ms, so the engine was ended`
      : `was running when the engine ${describeExit(exit)}`
  return {
    definition,
    since,
    reason:
      `The script of mapping definition <${definition}>, started at ${since}, ${what}. ` +
      'The connection stays closed so that the others can run. Correct the script and modify the ' +
      'connection, or open the connection by command to try again.',
  }
}
