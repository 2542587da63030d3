/** What of a folder becomes modules: never anything outside of it, and no more than a limit. */
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import {
  MODULE_BYTES_MAX,
  MODULE_DEPTH_MAX,
  MODULE_ENTRIES_MAX,
  readModules,
} from '../../../../src/mapping/sandbox/modules.ts'
import { suite } from '../../../support/suite.ts'

const it = suite('mapping/sandbox/modules')

function inFolder(check: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-modules-'))
  try {
    check(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function put(folder: string, path: string, text = path): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}

it('scripts and JSON are read from all sub folders, anything else is not', () => {
  inFolder((folder) => {
    for (const path of ['a.js', 'b/c/d.json', 'b/e.mjs', 'f.ts', 'g.js.map', 'README.md', 'h']) {
      put(folder, path)
    }
    assert.equal(readModules(folder), {
      files: { 'a.js': 'a.js', 'b/c/d.json': 'b/c/d.json' },
      problem: '',
    })
  })
})

it('hidden files and folders are left out', () => {
  inFolder((folder) => {
    for (const path of ['.a.js', '.git/b.js', 'c/.d/e.js', 'c/f.js']) put(folder, path)
    assert.equal(Object.keys(readModules(folder).files), ['c/f.js'])
  })
})

it('links to files inside are followed, links to the outside and linked folders are not', () => {
  inFolder((outer) => {
    const folder = join(outer, 'modules')
    put(outer, 'secret.js')
    put(outer, 'modules-too/secret.js')
    // As a config map of Kubernetes is mounted: the file is a link into a hidden folder.
    put(folder, '..data/mounted.js', 'mounted')
    symlinkSync('..data/mounted.js', join(folder, 'mounted.js'))
    symlinkSync('../secret.js', join(folder, 'relative.js'))
    symlinkSync(join(outer, 'secret.js'), join(folder, 'absolute.js'))
    symlinkSync('../modules-too/secret.js', join(folder, 'neighbour.js'))
    symlinkSync('relative.js', join(folder, 'twice.js'))
    symlinkSync('nowhere.js', join(folder, 'dangling.js'))
    symlinkSync('self.js', join(folder, 'self.js'))
    symlinkSync(outer, join(folder, 'outer'))
    symlinkSync('.', join(folder, 'again'))
    assert.equal(readModules(folder), { files: { 'mounted.js': 'mounted' }, problem: '' })
  })
})

it('the folder itself may be a link', () => {
  inFolder((outer) => {
    put(outer, 'real/a.js', 'a')
    symlinkSync('real', join(outer, 'link'))
    assert.equal(readModules(join(outer, 'link')).files, { 'a.js': 'a' })
  })
})

it('what looks like a module and is none is left out, and nobody waits for it', () => {
  inFolder((folder) => {
    mkdirSync(join(folder, 'folder.js'))
    execFileSync('mkfifo', [join(folder, 'pipe.js')])
    put(folder, 'a.js')
    assert.equal(readModules(folder), { files: { 'a.js': 'a.js' }, problem: '' })
  })
})

it('texts are UTF-8, without a mark of byte order', () => {
  inFolder((folder) => {
    put(folder, 'a.js', '\ufeff"ü€"')
    assert.equal(readModules(folder).files, { 'a.js': '"ü€"' })
  })
})

it('too much is refused as a whole, with the limit', () => {
  inFolder((folder) => {
    const half = 'x'.repeat(MODULE_BYTES_MAX / 2)
    put(folder, 'a.js', half)
    put(folder, 'b.js', half)
    assert.is(readModules(folder).problem, '')
    put(folder, 'c.js', 'x')
    const { files, problem } = readModules(folder)
    assert.equal(files, {})
    assert.match(problem, `commonjs_path have more than ${MODULE_BYTES_MAX} bytes`)
  })
  inFolder((folder) => {
    put(folder, 'a', '')
    for (let at = 0; at < MODULE_ENTRIES_MAX; at++)
      linkSync(join(folder, 'a'), join(folder, `${at}`))
    assert.match(readModules(folder).problem, `has more than ${MODULE_ENTRIES_MAX} entries`)
  })
})

it('folders that are nested too deeply are left out', () => {
  inFolder((folder) => {
    const deep = Array.from({ length: MODULE_DEPTH_MAX }, () => 'd').join('/')
    put(folder, `${deep}/kept.js`, '')
    put(folder, `${deep}/d/lost.js`, '')
    assert.equal(Object.keys(readModules(folder).files), [`${deep}/kept.js`])
  })
})

it('a folder that cannot be read is a problem that names the option, not the place', () => {
  inFolder((folder) => {
    put(folder, 'a.js')
    for (const place of [join(folder, 'missing'), join(folder, 'a.js')]) {
      const { files, problem } = readModules(place)
      assert.equal(files, {})
      assert.match(
        problem,
        /^the folder of \[mapping\.javascript\] commonjs_path cannot be read \(E/,
      )
    }
  })
})
