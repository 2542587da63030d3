/**
 * Reads the folder of CommonJS modules that scripts may require (`commonjs_path`), as a table of
 * texts for the isolate: what is not in it does not exist for a script. Knows no isolate.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
} from 'node:fs'
import { join, sep } from 'node:path'
import type { ModuleTable } from './inside/require.ts'

/** Files and folders looked at, modules or not. */
export const MODULE_ENTRIES_MAX = 5_000
/** Of all modules together; every context that is made gets a copy. */
export const MODULE_BYTES_MAX = 4 * 1_024 * 1_024
export const MODULE_DEPTH_MAX = 16

const OPTION = '[mapping.javascript] commonjs_path'

/** Neither links in the last step of a path nor pipes that nobody writes to. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const MODULE = /\.(?:js|json)$/

/**
 * All `.js` and `.json` files of the folder and its sub folders. Hidden ones are left out, and so is
 * every link to something outside of the folder. Never throws: what is wrong is said in the table, for
 * the script that requires a module; it names the option, not the place on this machine.
 */
export function readModules(folder: string | undefined): ModuleTable {
  if (folder === undefined || folder === '') {
    return { files: {}, problem: `no folder of modules is configured (${OPTION})` }
  }
  try {
    const root = realpathSync(folder)
    const files: Record<string, string> = {}
    const problem = new Reader(root, files).read('', 0)
    return problem === undefined ? { files, problem: '' } : { files: {}, problem }
  } catch (thrown) {
    const { code = 'unknown' } = thrown as NodeJS.ErrnoException
    return { files: {}, problem: `the folder of ${OPTION} cannot be read (${code})` }
  }
}

class Reader {
  readonly #root: string
  readonly #files: Record<string, string>
  #entries = 0
  #bytes = 0

  constructor(root: string, files: Record<string, string>) {
    this.#root = root
    this.#files = files
  }

  /** Answers which limit was exceeded, if one was. */
  read(folder: string, depth: number): string | undefined {
    if (depth > MODULE_DEPTH_MAX) return undefined
    for (const entry of readdirSync(join(this.#root, folder), { withFileTypes: true })) {
      this.#entries++
      if (this.#entries > MODULE_ENTRIES_MAX) {
        return `the folder of ${OPTION} has more than ${MODULE_ENTRIES_MAX} entries`
      }
      if (entry.name.startsWith('.')) continue
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        const problem = this.read(path, depth + 1)
        if (problem !== undefined) return problem
      } else if (MODULE.test(entry.name)) {
        this.#readFile(path, entry.isSymbolicLink())
        if (this.#bytes > MODULE_BYTES_MAX) {
          return `the modules of ${OPTION} have more than ${MODULE_BYTES_MAX} bytes`
        }
      }
    }
    return undefined
  }

  /** Files that cannot be read, or are none, are as good as missing. */
  #readFile(path: string, isLink: boolean): void {
    let file: number | undefined
    try {
      const named = join(this.#root, path)
      const real = isLink ? realpathSync(named) : named
      if (!real.startsWith(this.#root + sep)) return
      file = openSync(real, READ_FLAGS)
      const stats = fstatSync(file)
      if (!stats.isFile()) return
      this.#bytes += stats.size
      if (this.#bytes <= MODULE_BYTES_MAX) this.#files[path] = decode(readFileSync(file))
    } catch {
      return
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }
}

/** A mark of byte order at the beginning is no part of the text. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
