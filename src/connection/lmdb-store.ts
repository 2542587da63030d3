/**
 * The store of connections in LMDB. Secrets are taken out of a connection before it is written, and
 * kept beside it encrypted. Opened by the control plane alone.
 *
 * Writes are synchronous transactions: connections change rarely, and of asynchronous ones that
 * fail lmdb-js rejects promises that nobody holds, which ends the process (lmdb-js#368).
 */
import { randomBytes } from 'node:crypto'
import { connectionUnavailable } from '../protocol/connectivity-errors.ts'
import { CIPHER_SALT_BYTES, type Cipher, createCipher } from './cipher.ts'
import { fail } from './errors.ts'
import { type Environment, openEnvironment } from './lmdb-environment.ts'
import { mapSecrets, maskSecrets, secretsOf } from './secrets.ts'
import type { ConnectionStore, QuarantineMark, StoredConnection } from './store.ts'
import { StoreError } from './store-error.ts'
import type { StoreLock } from './store-lock.ts'
import type { Connection } from './types.ts'

/** Of this layout; a newer Sluice may write a newer one. */
const FORMAT = 1

/** After which a store that could not be written is tried again. */
const RETRY_MS = 1_000

const KEY_CHECK = 'key-check'

/** A {@link StoredConnection} on the disk: the connection masked, its secrets by pointer. */
interface ConnectionRecord extends StoredConnection {
  readonly secrets: Readonly<Record<string, string>>
}

export class LmdbConnectionStore implements ConnectionStore {
  readonly #environment: Environment
  readonly #cipher: Cipher
  readonly #lock: StoreLock
  readonly #file: string
  /** All connections, decoded: whoever looks at all of them does so often. */
  readonly #known = new Map<string, StoredConnection>()
  readonly unreadable = new Map<string, string>()
  /** Of all that is known, by id; undefined after a change. */
  #list: readonly StoredConnection[] | undefined
  /** Why nothing can be written at present. */
  #failure: string | undefined
  #retry: NodeJS.Timeout | undefined

  private constructor(file: string, environment: Environment, cipher: Cipher, lock: StoreLock) {
    this.#lock = lock
    this.#file = file
    this.#environment = environment
    this.#cipher = cipher
    for (const { key, value } of environment.connections.getRange()) {
      this.#read(String(key), value as ConnectionRecord)
    }
  }

  /**
   * Opens or makes the file. Throws a {@link StoreError} when the passphrase is not the one it has.
   * The lock is released when the store is closed.
   */
  static async open(
    file: string,
    passphrase: string,
    lock: StoreLock,
  ): Promise<LmdbConnectionStore> {
    const environment = openEnvironment(file)
    try {
      const cipher = unlock(file, environment, passphrase)
      return new LmdbConnectionStore(file, environment, cipher, lock)
    } catch (error) {
      await environment.root.close()
      throw error
    }
  }

  get writable(): boolean {
    return this.#failure === undefined
  }

  get(id: string): StoredConnection | undefined {
    return this.#known.get(id)
  }

  list(): readonly StoredConnection[] {
    this.#list ??= [...this.#known.values()].sort(byId)
    return this.#list
  }

  async put(stored: StoredConnection): Promise<void> {
    const { connection } = stored
    const record: ConnectionRecord = {
      ...stored,
      connection: maskSecrets(connection),
      secrets: this.#encrypted(connection),
    }
    this.#write(connection.id, () => {
      this.#environment.connections.putSync(connection.id, record)
    })
    this.#known.set(connection.id, stored)
    this.unreadable.delete(connection.id)
    this.#list = undefined
  }

  async remove(id: string): Promise<boolean> {
    const isRemoved = this.#write(id, () => {
      this.#environment.quarantine.removeSync(id)
      return this.#environment.connections.removeSync(id)
    })
    this.#known.delete(id)
    this.unreadable.delete(id)
    this.#list = undefined
    return isRemoved
  }

  quarantineMark(id: string): QuarantineMark | undefined {
    return this.#environment.quarantine.get(id) as QuarantineMark | undefined
  }

  quarantineMarks(): ReadonlyMap<string, QuarantineMark> {
    const marks = this.#environment.quarantine.getRange()
    return new Map([...marks].map(({ key, value }) => [key, value as QuarantineMark]))
  }

  async quarantine(id: string, mark: QuarantineMark): Promise<void> {
    this.#write(id, () => {
      this.#environment.quarantine.putSync(id, mark)
    })
  }

  async release(id: string): Promise<void> {
    this.#write(id, () => {
      this.#environment.quarantine.removeSync(id)
    })
  }

  meta(name: string): string | undefined {
    return this.#environment.meta.get(`user/${name}`) as string | undefined
  }

  async setMeta(name: string, value: string): Promise<void> {
    this.#write(name, () => {
      this.#environment.meta.putSync(`user/${name}`, value)
    })
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry)
    this.#failure ??= 'it is closed'
    await this.#environment.root.close()
    await this.#lock.release()
  }

  /** All of a change or nothing of it; on the disk when it returns. */
  #write<T>(id: string, change: () => T): T {
    if (this.#failure !== undefined) this.#refuse(id)
    try {
      return this.#environment.root.transactionSync(change)
    } catch (cause) {
      this.#fail(cause)
      return this.#refuse(id, cause)
    }
  }

  /** A full disk may have room later: somebody has to find that out. */
  #fail(cause: unknown): void {
    this.#failure = cause instanceof Error ? cause.message : String(cause)
    this.#retry = setTimeout(() => this.#tryAgain(), RETRY_MS)
    this.#retry.unref()
  }

  #tryAgain(): void {
    const { root, meta } = this.#environment
    try {
      root.transactionSync(() => meta.putSync('recovered', Date.now()))
      this.#failure = undefined
    } catch (cause) {
      this.#fail(cause)
    }
  }

  #refuse(id: string, cause?: unknown): never {
    const description =
      `${this.#file} cannot be written: ${this.#failure}. Connections go on as they are, changes ` +
      'are refused. Make room on the disk; if that does not help, restart Sluice.'
    fail({ ...connectionUnavailable(id), description }, cause)
  }

  #encrypted(connection: Connection): Record<string, string> {
    const secrets = [...secretsOf(connection)].map(([pointer, secret]) => [
      pointer,
      this.#cipher.encrypt(secret, contextOf(connection.id, pointer)),
    ])
    return Object.fromEntries(secrets)
  }

  #read(id: string, record: ConnectionRecord): void {
    try {
      this.#known.set(id, this.#revealed(record))
    } catch (error) {
      this.unreadable.set(id, error instanceof Error ? error.message : String(error))
    }
  }

  #revealed({ secrets, ...stored }: ConnectionRecord): StoredConnection {
    const { id } = stored.connection
    const connection = mapSecrets(stored.connection, (pointer) => {
      const value = secrets[pointer]
      if (value === undefined) throw new StoreError(`${this.#file}: ${id} lacks ${pointer}.`)
      return this.#cipher.decrypt(value, contextOf(id, pointer))
    })
    return { ...stored, connection }
  }
}

/** The order of LMDB's keys. */
function byId({ connection: one }: StoredConnection, { connection: other }: StoredConnection) {
  return one.id < other.id ? -1 : 1
}

/** A secret that was moved to another connection or place does not decrypt there. */
function contextOf(id: string, pointer: string): string {
  return `${id}\n${pointer}`
}

function unlock(file: string, { root, meta }: Environment, passphrase: string): Cipher {
  const format = meta.get('format')
  if (format === undefined) return root.transactionSync(() => initialize(meta, passphrase))
  if (format !== FORMAT) {
    throw new StoreError(
      `${file} has format ${String(format)}; this version of Sluice knows only ${FORMAT}.`,
    )
  }
  const salt = Buffer.from(String(meta.get('salt')), 'base64url')
  const cipher = createCipher(passphrase, salt)
  try {
    cipher.decrypt(String(meta.get(KEY_CHECK)), KEY_CHECK)
  } catch (cause) {
    throw new StoreError(
      `${file} was encrypted with another key. Set [store] encryption_key, or the file store.key ` +
        'beside it, to what it was when the store was made.',
      { cause },
    )
  }
  return cipher
}

function initialize(meta: Environment['meta'], passphrase: string): Cipher {
  const salt = randomBytes(CIPHER_SALT_BYTES)
  const cipher = createCipher(passphrase, salt)
  meta.putSync('format', FORMAT)
  meta.putSync('salt', salt.toString('base64url'))
  meta.putSync(KEY_CHECK, cipher.encrypt(KEY_CHECK, KEY_CHECK))
  return cipher
}
