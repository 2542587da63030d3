/**
 * A process of its own that reads a partition before a thread of the engine dares to: a damaged file ends
 * this process and no other. Argument: the folder. Tells by its exit code.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from './database.ts'
import { checkPages } from './pages.ts'

const folder = process.argv[2]!
const file = join(folder, 'data.mdb')
try {
  accessSync(file, constants.R_OK | constants.W_OK)
  if (statSync(file).size === 0) throw new Error('it is empty')
  checkPages(file)
  const database = openDatabase(folder)
  for (const key of database.getKeys()) {
    if (typeof key !== 'string') throw new Error('a key is no text')
  }
  await database.close()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
