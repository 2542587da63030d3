/**
 * Watches over the engine's shoulder which threads sit in a script, and for how long: reads the flight
 * recorders, without a word with the engine, which may be unable to speak.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { type FlightRecord, readFlightRecords } from '../engine/flight-recorder.ts'
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
  let firstSeen: ReadonlyMap<string, number> = new Map()

  return {
    read() {
      const now = monotonicMs()
      const stillSeen = new Map<string, number>()
      const notes: ScriptNote[] = []
      for (let thread = 0; thread < threads; thread++) {
        for (const record of readFlightRecords(recorderFile(folder, thread))) {
          const key = keyOf(thread, record)
          const seen = firstSeen.get(key) ?? now
          stillSeen.set(key, seen)
          const { slot: _, ...note } = record
          notes.push({ ...note, thread, ageMs: now - seen })
        }
      }
      firstSeen = stillSeen
      return notes
    },
    clear() {
      firstSeen = new Map()
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
    },
  }
}

/** A note that was written anew is another one. */
function keyOf(thread: number, { slot, since, shard, definition }: FlightRecord): string {
  return `${thread} ${slot} ${since} ${shard} ${definition}`
}
