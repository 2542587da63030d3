/**
 * A process of its own that opens a store, reads all of it and writes to it, before the control
 * plane dares to: a damaged file ends this process and no other. Argument: the file. Tells by its
 * exit code.
 */
import { accessSync, constants } from 'node:fs'
import { openEnvironment } from './lmdb-environment.ts'

const file = process.argv[2]!
try {
  accessSync(file, constants.R_OK | constants.W_OK)
  const { root, connections, quarantine, meta } = openEnvironment(file)
  for (const database of [connections, quarantine, meta]) {
    for (const { value } of database.getRange()) {
      if (value === undefined) throw new Error('a record is unreadable')
    }
  }
  meta.putSync('probed', new Date().toISOString())
  await root.close()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
