/**
 * Keeps a second process out of a store: LMDB would let it in, and each would overwrite what the other
 * keeps in memory. A socket is the lock, because the kernel lets go of it with the process, however
 * that ends.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StoreError } from './store-error.ts'

/** Name of the socket in the folder of the store. */
export const LOCK_FILE = 'store.lock'

/** A lock that is held. */
export interface StoreLock {
  release(): Promise<void>
}

/** Locks the store in a folder that exists. Throws a {@link StoreError} while another process has it. */
export async function lockStore(folder: string): Promise<StoreLock> {
  const server = (await tryLock(folder, join(folder, LOCK_FILE))) ?? (await lockElsewhere(folder))
  // A lock is no reason to stay alive.
  server.unref()
  return {
    release: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

/** For folders whose path is too long for a socket, or whose file system knows no sockets. */
async function lockElsewhere(folder: string): Promise<Server> {
  const name = createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 32)
  const server = await tryLock(folder, join(tmpdir(), `sluice-${name}.lock`))
  if (server === undefined) throw new StoreError(`The store in ${folder} cannot be locked.`)
  return server
}

/** The lock; undefined where there can be no socket. */
async function tryLock(folder: string, path: string): Promise<Server | undefined> {
  const first = await listen(path)
  if (first !== 'taken') return first
  if (await isAlive(path)) {
    throw new StoreError(
      `The store in ${folder} ([store] path) is in use by another Sluice. Stop that one, or give ` +
        'this one a folder of its own.',
    )
  }
  // Left behind by a process that was killed.
  rmSync(path, { force: true })
  const second = await listen(path)
  return second === 'taken' ? undefined : second
}

async function listen(path: string): Promise<Server | 'taken' | undefined> {
  const server = createServer((peer) => peer.destroy())
  try {
    server.listen(path)
    await once(server, 'listening')
    return server
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'taken' : undefined
  }
}

async function isAlive(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
