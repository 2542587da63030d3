/**
 * `require` inside the isolate: CommonJS modules (as in Node's "Modules: CommonJS modules") from
 * texts that the host read beforehand. No call ever leaves the isolate, so there is nothing that a
 * name could reach but these texts. Sent into the isolate as text, see builtins.ts.
 */
import type { Builtins } from './builtins.ts'

/** What the host found in the folder of CommonJS modules. */
export interface ModuleTable {
  /** Texts of `.js` and `.json` files by their paths in the folder, such as `pbf/index.js`. */
  readonly files: Readonly<Record<string, string>>
  /** Why there are no files, or empty. */
  readonly problem: string
}

interface Module {
  readonly id: string
  readonly filename: string
  exports: unknown
  loaded: boolean
}

/** Resolves `.` and `..`; undefined for what is outside of the folder. */
export function joinModulePath(
  builtins: Builtins,
  folder: string,
  name: string,
): string | undefined {
  const segments = builtins.split(name[0] === '/' ? name : `${folder}/${name}`, '/')
  let path = ''
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]
    if (segment === '' || segment === '.') continue
    if (segment !== '..') {
      path += (path === '' ? '' : '/') + segment
    } else {
      if (path === '') return undefined
      path = folderOfModule(builtins, path)
    }
  }
  return path
}

export function folderOfModule(builtins: Builtins, path: string): string {
  const slash = builtins.lastIndexOf(path, '/')
  return slash < 0 ? '' : builtins.slice(path, 0, slash)
}

/**
 * Answers which file a path stands for: itself, `.js`, `.json`, or a folder's main file. A name
 * that ends like one of a folder stands for nothing else.
 */
export function makeModuleFinder(builtins: Builtins, files: ModuleTable['files']) {
  const has = (path: string): boolean => builtins.hasOwn(files, path)
  const file = (path: string): string | undefined => {
    if (has(path)) return path
    if (has(`${path}.js`)) return `${path}.js`
    return has(`${path}.json`) ? `${path}.json` : undefined
  }
  const index = (folder: string): string | undefined =>
    file(folder === '' ? 'index' : `${folder}/index`)
  const main = (folder: string): string | undefined => {
    const manifest = folder === '' ? 'package.json' : `${folder}/package.json`
    if (!has(manifest)) return undefined
    const named: unknown = builtins.parse(files[manifest] as string).main
    const path = typeof named === 'string' ? joinModulePath(builtins, folder, named) : undefined
    return path === undefined ? undefined : (file(path) ?? index(path))
  }
  return (path: string, name: string): string | undefined => {
    const end = builtins.slice(name, builtins.lastIndexOf(name, '/') + 1)
    const isFolder = end === '' || end === '.' || end === '..'
    return (isFolder ? undefined : file(path)) ?? main(path) ?? index(path)
  }
}

/** Defines the global `require`. `tableText` is a {@link ModuleTable}, parsed when first needed. */
export function installRequire(builtins: Builtins, tableText: string): void {
  type Require = (name: unknown) => unknown
  let table: ModuleTable | undefined
  let find: ReturnType<typeof makeModuleFinder>
  const cache: Record<string, Module | undefined> = builtins.create(null)

  const library = (name: string): unknown => {
    if (name !== 'long' && name !== 'bytebuffer') return undefined
    const loaded = (globalThis as { dcodeIO?: { Long?: unknown; ByteBuffer?: unknown } }).dcodeIO
    return name === 'long' ? loaded?.Long : loaded?.ByteBuffer
  }
  const missing = (name: string, from: string, problem: string): never => {
    const option = name === 'long' ? 'loadLongJS' : 'loadBytebufferJS'
    const isLibrary = name === 'long' || name === 'bytebuffer'
    const hint = isLibrary ? `; the mapper's option ${option} loads it` : ''
    const error = new builtins.Error(`Cannot find module '${name}'${from}: ${problem}${hint}`)
    builtins.define(error, 'code', { value: 'MODULE_NOT_FOUND' })
    throw error
  }
  /** An error of the syntax has no place of its own on the stack: its text names the file. */
  const compile = (source: string, filename: string): (() => void) => {
    try {
      return builtins.evaluate(source) as () => void
    } catch (thrown) {
      const value = `${filename}: ${(thrown as Error).message}`
      builtins.define(thrown, 'message', { value })
      throw thrown
    }
  }
  const run = (module: Module, path: string, text: string): void => {
    if (builtins.slice(path, -5) === '.json') {
      module.exports = builtins.parse(text)
      return
    }
    const code = builtins.slice(text, 0, 2) === '#!' ? `//${text}` : text
    const names = 'exports, require, module, __filename, __dirname'
    const source = `(function (${names}) {${code}\n})\n//# sourceURL=${module.filename}`
    const folder = folderOfModule(builtins, path)
    const given = [module.exports, makeRequire(path), module, module.filename, `/${folder}`]
    builtins.apply(compile(source, module.filename), module.exports, given)
  }
  const load = (path: string, text: string): unknown => {
    const known = cache[path]
    if (known !== undefined) return known.exports
    const module: Module = { id: `/${path}`, filename: `/${path}`, exports: {}, loaded: false }
    // Known before it runs, so that a cycle gets what there is of it by then.
    cache[path] = module
    try {
      run(module, path, text)
    } catch (thrown) {
      cache[path] = undefined
      throw thrown
    }
    module.loaded = true
    return module.exports
  }
  const makeRequire =
    (from: string): Require =>
    (name) => {
      if (typeof name !== 'string' || name === '') {
        throw new builtins.Error('require needs the name of a module')
      }
      const loaded = library(name)
      if (loaded !== undefined) return loaded
      if (table === undefined) {
        table = builtins.parse(tableText) as ModuleTable
        find = makeModuleFinder(builtins, table.files)
      }
      const folder = name[0] === '.' ? folderOfModule(builtins, from) : ''
      const path = joinModulePath(builtins, folder, name)
      const found = path === undefined ? undefined : find(path, name)
      if (found !== undefined) return load(found, table.files[found] as string)
      const place = 'it is not in the folder of [mapping.javascript] commonjs_path'
      const problem = table.problem === '' ? place : table.problem
      return missing(name, from === '' ? '' : ` that '/${from}' requires`, problem)
    }
  const value = makeRequire('')
  builtins.define(globalThis, 'require', { value, configurable: true, writable: true })
}
