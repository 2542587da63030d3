/**
 * Watches over the engine's shoulder which threads sit in a script, and for how long: reads the flight
 * recorders, without a word with the engine, which may be unable to speak.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { readFlightRecord } from '../engine/flight-recorder.ts'
import { recorderFile } from '../engine/recorder-files.ts'
import type { ScriptNote } from './verdict.ts'

/** What the keeper needs to know of scripts that run. */
export interface NoteWatch {
  /** What is noted at this moment. Ages grow from call to call, so it wants to be called often. */
  read(): readonly ScriptNote[]
  /** Forgets everything noted by an engine that is gone. */
  clear(): void
}

/** Watches the recorders of `threads` threads. `monotonicMs` never jumps. */
export function createNoteWatch(
  folder: string,
  threads: number,
  monotonicMs: () => number = () => performance.now(),
): NoteWatch {
  const firstSeen = new Map<number, { readonly key: string; readonly atMs: number }>()

  const readThread = (thread: number): ScriptNote[] => {
    const record = readFlightRecord(recorderFile(folder, thread))
    if (record === undefined) {
      firstSeen.delete(thread)
      return []
    }
    const key = `${record.since} ${record.shard} ${record.definition}`
    let seen = firstSeen.get(thread)
    if (seen?.key !== key) {
      seen = { key, atMs: monotonicMs() }
      firstSeen.set(thread, seen)
    }
    return [{ ...record, thread, ageMs: monotonicMs() - seen.atMs }]
  }

  return {
    read: () => Array.from({ length: threads }, (_, thread) => readThread(thread)).flat(),
    clear() {
      firstSeen.clear()
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
    },
  }
}
