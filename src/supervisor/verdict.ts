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

/**
 * The note that accuses, or undefined. A crash and a kill for being wedged accuse the oldest note; a
 * kill from outside only one that is older than a script may run, since a healthy thread is in some
 * script at any time.
 */
export function suspectOf(
  exit: EngineExit,
  notes: readonly ScriptNote[],
  wedgedAfterMs: number,
): ScriptNote | undefined {
  const oldest = notes.toSorted((a, b) => a.since - b.since)[0]
  if (oldest === undefined) return undefined
  if (crashed(exit) || exit.killedFor === 'wedged') return oldest
  const killed = exit.signal === 'SIGKILL'
  return killed && oldest.ageMs > wedgedAfterMs ? oldest : undefined
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
