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
  /** It was known to take long. */
  readonly slow: boolean
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

/**
 * Finds out who ended engines, one per control plane. A script that ends its process takes a while to
 * do so, an honest one is through at once: the oldest note accuses. When a slow script ran as well, that
 * does not tell them apart, and nobody is accused the first time. Whoever did it will do it again, and is
 * the one that was there both times; if that leaves several still, the oldest note of theirs accuses.
 */
export class Investigation {
  readonly #wedgedAfterMs: number
  /** Connections that were in a script when the engine last crashed and nobody was accused. */
  #present: ReadonlySet<string> = new Set()
  #rememberedAtMs = Number.NEGATIVE_INFINITY

  /** `wedgedAfterMs`: a thread that sits in a script for longer will not come back. */
  constructor(wedgedAfterMs: number) {
    this.#wedgedAfterMs = wedgedAfterMs
  }

  /**
   * The note that accuses, or undefined. A kill from outside accuses only a note that is older than a
   * script may run, since a healthy thread is in some script at any time. `nowMs`: a clock that never
   * jumps.
   */
  suspect(exit: EngineExit, notes: readonly ScriptNote[], nowMs: number): ScriptNote | undefined {
    const oldestFirst = notes.toSorted((a, b) => a.since - b.since)
    const oldest = oldestFirst[0]
    if (oldest === undefined) return undefined
    if (exit.killedFor === 'wedged') return oldest
    const overdue = oldestFirst.find(({ ageMs }) => ageMs > this.#wedgedAfterMs)
    if (!crashed(exit)) return exit.signal === 'SIGKILL' ? overdue : undefined
    return overdue ?? this.#suspectOfCrash(oldestFirst, nowMs)
  }

  #suspectOfCrash(oldestFirst: readonly ScriptNote[], nowMs: number): ScriptNote | undefined {
    const oldest = oldestFirst[0]!
    const isClear =
      oldestFirst.every(({ connectionId }) => connectionId === oldest.connectionId) ||
      oldestFirst.every(({ slow }) => !slow)
    const remembers = nowMs - this.#rememberedAtMs < MEMORY_MS
    const again = remembers
      ? oldestFirst.find(({ connectionId }) => this.#present.has(connectionId))
      : undefined
    const suspect = isClear ? oldest : again
    this.#present = new Set(oldestFirst.map(({ connectionId }) => connectionId))
    this.#rememberedAtMs = suspect === undefined ? nowMs : Number.NEGATIVE_INFINITY
    return suspect
  }
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
