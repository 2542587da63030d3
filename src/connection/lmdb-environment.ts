/** The LMDB environment of the connection store: the only importer of lmdb in this room. */
import { type Database, open, type RootDatabase } from 'lmdb'

/** Named databases of an environment, one for each kind of record. */
export interface Environment {
  readonly root: RootDatabase
  readonly connections: Database<unknown, string>
  readonly quarantine: Database<unknown, string>
  readonly meta: Database<unknown, string>
}

/** Opens the file, which is made when it is missing. A damaged file may end the process. */
export function openEnvironment(file: string): Environment {
  const root = open({
    path: file,
    // A file, not a folder.
    noSubdir: true,
    maxDbs: 3,
    encoding: 'json',
    // A write has reached the disk when it returns. With `overlappingSync` it would return before.
    overlappingSync: false,
    // A few hundred small records are read rarely; no copy of them shall be stale.
    cache: false,
  })
  return {
    root,
    connections: root.openDB({ name: 'connections', encoding: 'json' }),
    quarantine: root.openDB({ name: 'quarantine', encoding: 'json' }),
    meta: root.openDB({ name: 'meta', encoding: 'json' }),
  }
}
