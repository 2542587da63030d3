/**
 * The store of connections: what it keeps, as an interface that another engine can take over, and
 * how it is opened. Nothing of LMDB is seen from here.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LmdbConnectionStore } from './lmdb-store.ts'
import { StoreError } from './store-error.ts'
import { lockStore, type StoreLock } from './store-lock.ts'
import type { Connection } from './types.ts'

export { StoreError } from './store-error.ts'

/**
 * A stored connection with what the store knows about it. Secrets in clear: mask before showing.
 */
export interface StoredConnection {
  readonly connection: Connection
  /** Counts changes from 1. */
  readonly revision: number
  /** ISO-8601 instants. */
  readonly created: string
  readonly modified: string
}

/** Why a connection must not be opened until somebody has looked at it. */
export interface QuarantineMark {
  readonly reason: string
  /** Id of the mapping definition under suspicion. */
  readonly definition: string
  /** ISO-8601 instant. */
  readonly since: string
}

/**
 * Keeps connections. Reading sees what was written last; writing resolves when it is on the disk,
 * and rejects with 503 when it cannot be: then the store is read-only until the disk takes a write again.
 */
export interface ConnectionStore {
  /** False from a write that failed until the disk takes one again. */
  readonly writable: boolean
  /** Connections that are there and cannot be read, with the reason, by id: their record is damaged. */
  readonly unreadable: ReadonlyMap<string, string>
  get(id: string): StoredConnection | undefined
  /** All, ordered by id. */
  list(): readonly StoredConnection[]
  put(stored: StoredConnection): Promise<void>
  /** Removes the connection and its quarantine mark; whether there was one. */
  remove(id: string): Promise<boolean>
  quarantineMark(id: string): QuarantineMark | undefined
  /** All marks by the id of the connection. */
  quarantineMarks(): ReadonlyMap<string, QuarantineMark>
  quarantine(id: string, mark: QuarantineMark): Promise<void>
  release(id: string): Promise<void>
  /** Whatever else must survive: the hash of the DevOps password (`DEVOPS_PASSWORD_HASH`), … */
  meta(name: string): string | undefined
  setMeta(name: string, value: string): Promise<void>
  close(): Promise<void>
}

/** Name of the hash of the DevOps user's password in {@link ConnectionStore.meta}. */
export const DEVOPS_PASSWORD_HASH = 'devops-password-hash'

/** How to open a store. */
export interface StoreOptions {
  /** Empty: a generated key in {@link KEY_FILE} beside the data. */
  readonly encryptionKey: string
}

export const DATA_FILE = 'connections.mdb'
export const KEY_FILE = 'store.key'

const KEY_BYTES = 32
const FOLDER_MODE = 0o700
const KEY_FILE_MODE = 0o600
const OTHERS_MODE = 0o077
const PROBE_TIMEOUT_MS = 60_000

/**
 * Opens the store in a folder, which is made when it is missing. Throws a {@link StoreError} when
 * another process has it, the key is wrong or the data damaged; damaged data is never replaced.
 */
export async function openConnectionStore(
  folder: string,
  options: StoreOptions,
): Promise<ConnectionStore> {
  try {
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
    const lock = await lockStore(folder)
    try {
      return await openLocked(folder, options, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  } catch (error) {
    if (error instanceof StoreError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new StoreError(
      `The store in ${folder} ([store] path) cannot be opened: ${reason}. Make sure that this user ` +
        'may write there.',
      { cause: error },
    )
  }
}

async function openLocked(
  folder: string,
  { encryptionKey }: StoreOptions,
  lock: StoreLock,
): Promise<ConnectionStore> {
  const file = join(folder, DATA_FILE)
  const exists = existsSync(file)
  if (exists) await probe(file)
  const passphrase = encryptionKey === '' ? keyBeside(folder, exists) : encryptionKey
  return LmdbConnectionStore.open(file, passphrase, lock)
}

/**
 * LMDB maps the file into memory, and a damaged one ends the process with a signal that nobody can
 * catch. So another process reads and writes it first.
 */
async function probe(file: string): Promise<void> {
  if (statSync(file).size === 0) {
    throw new StoreError(`${file} is empty. Restore it, or remove it to begin with an empty store.`)
  }
  const program = fileURLToPath(new URL('store-probe.ts', import.meta.url))
  try {
    await promisify(execFile)(process.execPath, [program, file], { timeout: PROBE_TIMEOUT_MS })
  } catch (cause) {
    throw new StoreError(
      `${file} cannot be read and written as a store: ${reasonOf(cause)}. Restore it from a ` +
        'backup, or move it away to begin with an empty store.',
      { cause },
    )
  }
}

function reasonOf(cause: unknown): string {
  const { stderr, signal } = cause as { stderr?: string; signal?: string | null }
  const text = stderr?.trim().split('\n').at(-1)
  if (text !== undefined && text !== '') return text
  return typeof signal === 'string' ? `it is damaged (${signal})` : 'it is damaged'
}

function keyBeside(folder: string, dataExists: boolean): string {
  const file = join(folder, KEY_FILE)
  if (existsSync(file)) return readKey(file)
  if (dataExists) {
    throw new StoreError(
      `${file} is missing: it holds the key of the store beside it. Put it back, or set ` +
        '[store] encryption_key if that was used before.',
    )
  }
  const key = randomBytes(KEY_BYTES).toString('base64url')
  const descriptor = openSync(file, 'wx', KEY_FILE_MODE)
  writeSync(descriptor, `${key}\n`)
  // Before anything is encrypted with it, the key must be sure to survive.
  fsyncSync(descriptor)
  closeSync(descriptor)
  return key
}

function readKey(file: string): string {
  if (process.platform !== 'win32' && (statSync(file).mode & OTHERS_MODE) !== 0) {
    throw new StoreError(`${file} can be read by others. Run: chmod 600 ${file}`)
  }
  const key = readFileSync(file, 'utf8').trim()
  if (key === '') throw new StoreError(`${file} is empty. Put back the key of the store.`)
  return key
}
