/**
 * The libraries that Ditto gives to mapping scripts on demand: ByteBuffer and Long, in the builds
 * for browsers, as text. They run inside isolates only, never here.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

export type LibraryName = 'long' | 'bytebuffer'

/** A text to be run in a context before the scripts. */
export interface Library {
  readonly filename: string
  readonly code: string
}

const { resolve } = createRequire(import.meta.url)

/** Ditto documents the global `Long`; of itself the build defines `dcodeIO.Long` alone. */
const GLOBAL_LONG =
  "Object.defineProperty(globalThis, 'Long', " +
  '{ value: dcodeIO.Long, configurable: true, writable: true })'

const SOURCES: Readonly<Record<LibraryName, { readonly file: string; readonly after: string }>> = {
  long: { file: 'long/dist/long.js', after: GLOBAL_LONG },
  bytebuffer: { file: 'bytebuffer/dist/bytebuffer.js', after: '' },
}

/** ByteBuffer looks for Long when it is loaded, so Long comes first. */
const ORDER: readonly LibraryName[] = ['long', 'bytebuffer']

const loaded = new Map<LibraryName, Library>()

/** The libraries in the order in which they must run; each is read once per thread. */
export function librariesOf(names: readonly LibraryName[]): readonly Library[] {
  return ORDER.filter((name) => names.includes(name)).map(library)
}

function library(name: LibraryName): Library {
  const known = loaded.get(name)
  if (known !== undefined) return known
  const { file, after } = SOURCES[name]
  const fresh = { filename: name, code: `${readFileSync(resolve(file), 'utf8')}\n;${after}` }
  loaded.set(name, fresh)
  return fresh
}
