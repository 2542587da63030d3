/**
 * How many partitions the twin has on disk, and where. The count is fixed when the store is created,
 * because it decides where each thing is. Opens no partition.
 *
 * ```
 * <path>/layout.json          {"format":1,"partitions":4}
 * <path>/partition-0 … -3     one LMDB environment each
 * ```
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { isJsonObject } from '../json/types.ts'

/** More would cost file handles and address space, and gain nothing on one machine. */
export const MAX_PARTITIONS = 256

const FORMAT = 1
const LAYOUT_FILE = 'layout.json'
const PARTITION_PREFIX = 'partition-'

/** Where the partitions of a store are. */
export interface TwinLayout {
  readonly count: number
  /** The folder of the partition 0..count-1. */
  pathOf(index: number): string
}

/**
 * The layout of the store in a folder; the store is created with the wanted count when there is none.
 * An existing store keeps its own count. Several threads may call this at once and agree. Throws when
 * the folder holds something that is no store, rather than guess where its things are.
 */
export function openTwinLayout(path: string, wantedPartitions: number): TwinLayout {
  if (!isCount(wantedPartitions)) {
    throw new RangeError(
      `A twin cannot have ${wantedPartitions} partitions: give a number from 1 to ${MAX_PARTITIONS}.`,
    )
  }
  mkdirSync(path, { recursive: true })
  const count = readCount(path) ?? createLayout(path, wantedPartitions)
  return {
    count,
    pathOf(index) {
      if (!Number.isInteger(index) || index < 0 || index >= count) {
        throw new RangeError(`There is no partition ${index}: the twin in ${path} has ${count}.`)
      }
      return join(path, `${PARTITION_PREFIX}${index}`)
    },
  }
}

/** Whether there is a store in the folder. */
export function hasTwinLayout(path: string): boolean {
  return existsSync(join(path, LAYOUT_FILE))
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_PARTITIONS
}

/** The count of the store in the folder; undefined when there is no store. */
function readCount(path: string): number | undefined {
  const text = readLayoutFile(path)
  if (text === undefined) return undefined
  const layout = parse(text)
  if (isJsonObject(layout) && layout.format === FORMAT && isCount(layout.partitions)) {
    return layout.partitions
  }
  throw new Error(
    `${join(path, LAYOUT_FILE)} is not the layout of a twin of this version. Restore it from a ` +
      'backup, or give another folder: without it the stored things cannot be found.',
  )
}

function readLayoutFile(path: string): string | undefined {
  try {
    return readFileSync(join(path, LAYOUT_FILE), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `${join(path, LAYOUT_FILE)} cannot be read: ${reason}. Make sure that it is a file that this user ` +
        'may read, or restore it from a backup.',
      { cause: error },
    )
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Creates the layout, or finds that another thread just did; the count that holds. */
function createLayout(path: string, partitions: number): number {
  if (readdirSync(path).some((name) => name.startsWith(PARTITION_PREFIX))) {
    const created = readCount(path)
    if (created !== undefined) return created
    throw new Error(
      `${path} holds partitions of a twin but no ${LAYOUT_FILE}. Restore it from a backup, or give ` +
        'another folder: without it the stored things cannot be found.',
    )
  }
  // Written aside and linked: whoever reads the layout reads all of it, and only one can create it.
  const draft = join(path, `.${LAYOUT_FILE}.${crypto.randomUUID()}`)
  try {
    writeDurably(draft, JSON.stringify({ format: FORMAT, partitions }))
    linkSync(draft, join(path, LAYOUT_FILE))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    rmSync(draft, { force: true })
  }
  syncFolder(path)
  return readCount(path) ?? partitions
}

function writeDurably(file: string, text: string): void {
  const descriptor = openSync(file, 'wx')
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
