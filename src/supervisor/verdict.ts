/**
 * Who killed the engine. Foreign scripts can end or wedge a process whatever their limits say, so each
 * thread notes what it is about to run; this decides which note, if any, accuses. Pure.
 */

/** How an engine ended. */
export interface EngineExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Why the control plane killed it, when it did. */
  readonly killedFor?: 'wedged' | 'silent'
}

/** What a thread had noted when its engine ended: it was in this script. */
export interface ScriptNote {
  readonly thread: number
  readonly shard: number
  readonly connectionId: string
  /** Id of the mapping definition. */
  readonly definition: string
  /** When the script began, in milliseconds since the epoch, by the engine's clock. */
  readonly since: number
  /** How long it has been seen running, in milliseconds, by a clock that never jumps. */
  readonly ageMs: number
}

/** Ends that a process brings upon itself in native code, as isolated-vm and V8 do. */
const CRASH_SIGNALS: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGSEGV',
  'SIGABRT',
  'SIGTRAP',
  'SIGILL',
  'SIGBUS',
])

/** A shell's way to tell of a signal; Node's own fatal errors end with 134. */
const FIRST_CRASH_CODE = 128

/** For how long a death that nobody could be accused of says something about the next, in milliseconds. */
const MEMORY_MS = 60_000

/** Rounds in which several are suspected before one of them is accused all the same. */
const ROUNDS_MAX = 3

/** What the end of an engine says about those who were in a script. */
export interface Verdict {
  /** The note that accuses its connection. */
  readonly accused: ScriptNote | undefined
  /** When nobody is accused: ids of the connections of which one did it, the likeliest first. */
  readonly suspects: readonly string[]
}

const NOBODY: Verdict = Object.freeze({ accused: undefined, suspects: [] })

/**
 * Finds out who ended engines, one per control plane. Whoever was in a script alone when it ended is
 * accused. Of several any may have done it, whatever they had done before and however long they took: all
 * are suspects, and shall run one after the other in the next engine. Whoever did it will do it again,
 * and was there both times.
 */
export class Investigation {
  readonly #wedgedAfterMs: number
  /** Connections one of which ended the engine the last time. */
  #suspects: ReadonlySet<string> = new Set()
  #rounds = 0
  #rememberedAtMs = Number.NEGATIVE_INFINITY

  /** `wedgedAfterMs`: a thread that sits in a script for longer will not come back. */
  constructor(wedgedAfterMs: number) {
    this.#wedgedAfterMs = wedgedAfterMs
  }

  /**
   * A kill from outside accuses only a note that is older than a script may run, since a healthy thread
   * is in some script at any time. `nowMs`: a clock that never jumps.
   */
  judge(exit: EngineExit, notes: readonly ScriptNote[], nowMs: number): Verdict {
    const oldestFirst = notes.toSorted((a, b) => a.since - b.since)
    const oldest = oldestFirst[0]
    if (oldest === undefined) return NOBODY
    if (exit.killedFor === 'wedged') return accusedIs(oldest)
    const overdue = oldestFirst.find(({ ageMs }) => ageMs > this.#wedgedAfterMs)
    if (!crashed(exit)) return exit.signal === 'SIGKILL' ? accusedIs(overdue) : NOBODY
    return overdue === undefined ? this.#judgeCrash(oldestFirst, nowMs) : accusedIs(overdue)
  }

  #judgeCrash(oldestFirst: readonly ScriptNote[], nowMs: number): Verdict {
    const remembers = nowMs - this.#rememberedAtMs < MEMORY_MS
    const again = remembers
      ? oldestFirst.filter(({ connectionId }) => this.#suspects.has(connectionId))
      : []
    const notes = again.length > 0 ? again : oldestFirst
    const suspects = [...new Set(notes.map(({ connectionId }) => connectionId))]
    const rounds = again.length > 0 ? this.#rounds + 1 : 1
    const isDecided = suspects.length === 1 || rounds === ROUNDS_MAX
    this.#suspects = new Set(isDecided ? [] : suspects)
    this.#rounds = rounds
    this.#rememberedAtMs = nowMs
    return isDecided ? accusedIs(notes[0]) : { accused: undefined, suspects }
  }
}

function accusedIs(accused: ScriptNote | undefined): Verdict {
  return { accused, suspects: [] }
}

function crashed({ code, signal }: EngineExit): boolean {
  if (signal !== null) return CRASH_SIGNALS.has(signal)
  return code !== null && code >= FIRST_CRASH_CODE
}

/** The end of an engine in words. */
export function describeExit({ code, signal, killedFor }: EngineExit): string {
  if (killedFor === 'wedged') return 'was ended because a script did not come back'
  if (killedFor === 'silent') return 'was ended because it did not answer any more'
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`
}
