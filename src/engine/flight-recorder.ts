/**
 * The flight recorder: before a thread runs foreign code it notes whose, in a small file of its own,
 * and clears the note afterwards, so that a death of the process can be attributed by whoever survives
 * it. A note is in the kernel when `enter` returns; it outlives the process, not the machine. Knows
 * nothing of scripts.
 *
 * Layout: slots of 1,280 bytes, one for each script that runs at a time; in each, little endian, one
 * positioned write:
 *   u8  1 while foreign code runs, else 0
 *   f64 since, milliseconds since the epoch
 *   u32 shard
 *   u16 length of the connection id in bytes, then the id in UTF-8
 *   u16 length of the definition id in bytes, then the id in UTF-8
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { ScriptRecorder } from '../mapping/mapper.ts'

/** What a thread was running. */
export interface FlightRecord {
  /** Where in the file the note stands; from 0. */
  readonly slot: number
  readonly shard: number
  readonly connectionId: string
  /** Id of the mapping definition. */
  readonly definition: string
  /** Milliseconds since the epoch. */
  readonly since: number
}

/** The recorder of one thread. */
export interface FlightRecorder {
  /** The recorder that a shard of this thread hands to its mappers. */
  recorderFor(shard: number, connectionId: string): ScriptRecorder
  /** Closes the file; recorders of this thread must not be used any more. */
  close(): void
}

const RUNNING = 1
const SINCE_AT = 1
const SHARD_AT = 9
const NAMES_AT = 13
const CLEARED = Buffer.from([0])
/** Longer names are cut; connection ids have at most 100 characters. */
const NAME_BYTES_MAX = 1_024
const SLOT_BYTES = 1_280

/** Creates or empties the file at `path`. Throws what the file system throws. */
export function openFlightRecorder(path: string): FlightRecorder {
  // Not 'a': positions of writes would be ignored.
  const file = openSync(path, 'w')
  const taken: boolean[] = []
  return {
    recorderFor: (shard, connectionId) => {
      const notes = new Map<string, Buffer>()
      return {
        enter: (definition) => {
          let note = notes.get(definition)
          if (note === undefined) {
            note = noteFor(shard, connectionId, definition)
            notes.set(definition, note)
          }
          const free = taken.indexOf(false)
          const slot = free === -1 ? taken.length : free
          taken[slot] = true
          note.writeDoubleLE(Date.now(), SINCE_AT)
          writeSync(file, note, 0, note.length, slot * SLOT_BYTES)
          return slot
        },
        leave: (slot) => {
          taken[slot] = false
          writeSync(file, CLEARED, 0, 1, slot * SLOT_BYTES)
        },
      }
    },
    close: () => closeSync(file),
  }
}

/** What the thread of this file was running; nothing when there is no such file. */
export function readFlightRecords(path: string): readonly FlightRecord[] {
  let slots: Buffer
  try {
    slots = readFileSync(path)
  } catch {
    return []
  }
  const records: FlightRecord[] = []
  for (let at = 0; at < slots.length; at += SLOT_BYTES) {
    const record = readSlot(slots.subarray(at, at + SLOT_BYTES), at / SLOT_BYTES)
    if (record !== undefined) records.push(record)
  }
  return records
}

function readSlot(note: Buffer, slot: number): FlightRecord | undefined {
  if (note.length < NAMES_AT || note[0] !== RUNNING) return undefined
  const connection = nameAt(note, NAMES_AT)
  const definition = connection && nameAt(note, connection.end)
  if (connection === undefined || definition === undefined) return undefined
  return {
    slot,
    shard: note.readUInt32LE(SHARD_AT),
    connectionId: connection.name,
    definition: definition.name,
    since: note.readDoubleLE(SINCE_AT),
  }
}

function noteFor(shard: number, connectionId: string, definition: string): Buffer {
  const head = Buffer.alloc(NAMES_AT)
  head[0] = RUNNING
  head.writeUInt32LE(shard, SHARD_AT)
  return Buffer.concat([head, sized(connectionId), sized(definition)])
}

function sized(name: string): Buffer {
  const bytes = Buffer.from(name, 'utf8').subarray(0, NAME_BYTES_MAX)
  const length = Buffer.alloc(2)
  length.writeUInt16LE(bytes.length)
  return Buffer.concat([length, bytes])
}

function nameAt(note: Buffer, at: number): { name: string; end: number } | undefined {
  if (at + 2 > note.length) return undefined
  const start = at + 2
  const end = start + note.readUInt16LE(at)
  return end > note.length ? undefined : { name: note.toString('utf8', start, end), end }
}
