/** The LMDB environment of a partition: the only importer of lmdb in this room. */
import { open, type RootDatabase } from 'lmdb'

/** Opens the database in a folder, which is made when it is missing. A damaged file may end the process. */
export function openDatabase(path: string): RootDatabase<string, string> {
  return open<string, string>({
    path,
    // A folder, whatever its name looks like: lmdb takes a path with a dot for a file.
    noSubdir: false,
    encoding: 'string',
    // A write resolves when it is on the disk. With `overlappingSync` it would resolve before, and
    // a flush that fails would be told to nobody.
    overlappingSync: false,
    // Turns are made by the store. What lmdb batches by itself has a promise that nobody gets: when
    // its commit fails, the process would end with an unhandled rejection.
    eventTurnBatching: false,
    // Things are cached by the store, parsed.
    cache: false,
  })
}
