/**
 * A process of its own that reads a partition before a thread of the engine dares to: a damaged file ends
 * this process and no other. Argument: the folder. Tells by its exit code.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { ABORT, openDatabase } from './database.ts'

/** More in a row than are ever free. */
const PAGES_WANTED = 1_000

const folder = process.argv[2]!
const file = join(folder, 'data.mdb')
try {
  accessSync(file, constants.R_OK | constants.W_OK)
  if (statSync(file).size === 0) throw new Error('it is empty')
  const database = openDatabase(folder)
  const { pageSize, lastPageNumber } = database.getStats() as Record<string, number>
  const isShort = statSync(file).size <= lastPageNumber! * pageSize!
  // Large things have pages of their own, which only reading the values touches; the last pages of a
  // healthy file may be missing when nothing is on them.
  if (isShort) {
    for (const { value } of database.getRange()) {
      if (typeof value !== 'string') throw new Error('a record is unreadable')
    }
    // Only who writes reads which pages are free: all of that, when none of them are enough.
    database.transactionSync(() => {
      database.putSync('probe', ' '.repeat(PAGES_WANTED * pageSize!))
      return ABORT
    })
  } else {
    for (const key of database.getKeys()) {
      if (typeof key !== 'string') throw new Error('a key is no text')
    }
  }
  await database.close()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
