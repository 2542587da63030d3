/** `require` in scripts: CommonJS modules of one folder, and nothing beyond it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../../support/suite.ts'
import { external, incoming, testEnvironment, values } from './support.ts'

const it = suite('mapping/commonjs')

/** What an expression is in a script that may require these files. */
function evaluate(expression: string, files: Readonly<Record<string, string>>): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-modules-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    return evaluateIn(expression, folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function evaluateIn(expression: string, commonJsPath?: string): unknown {
  const environment = testEnvironment(commonJsPath === undefined ? {} : { commonJsPath })
  const script = `function mapToDittoProtocolMsg() {
      return Ditto.buildDittoProtocolMsg('a', 'b', 'things', 'twin', 'commands', 'modify', '/', {},
        ${expression})
    }`
  const mapper = incoming(script, environment)
  const [result] = values(mapper.inbound([external('x')]))
  mapper.close()
  return Array.isArray(result) ? result[0] : result
}

const FILES = {
  'plain.js': 'exports.name = "plain"',
  'object.js': 'module.exports = { name: "object" }',
  'data.json': '\ufeff{"name":"data"}',
  'broken.json': '{"name":',
  'broken.js': 'exports.a = 1\nexports.b = ;',
  'shell.js': '#!/usr/bin/env node\nmodule.exports = "ran"',
  'place.js': 'module.exports = [__filename, __dirname, module.id, this === exports]',
  'deep/er/place.js': 'module.exports = [__filename, __dirname, require(__dirname + "/../up")]',
  'deep/up.js': 'module.exports = require("../plain").name + require("./er/leaf.js")',
  'deep/er/leaf.js': 'module.exports = "+leaf"',
  'folder/index.js': 'module.exports = "index of " + require("plain").name',
  'both.js': 'module.exports = "file"',
  'both/index.js': 'module.exports = "folder"',
  'packed/package.json': '{"main":"lib/main"}',
  'packed/lib/main.js': 'module.exports = ["main", require(".."), require(".")]',
  'packed/lib/index.js': 'module.exports = "index"',
  'lost/package.json': '{"main":"../../outside.js"}',
  'lost/index.js': 'module.exports = "found again"',
  'strict.js': '"use strict"; module.exports = (function () { return this === undefined })()',
  'counter.js': 'let n = 0; module.exports = () => ++n',
  'fails.js': 'globalThis.tries = (globalThis.tries || 0) + 1; throw new RangeError("no " + tries)',
  'a.js':
    'exports.done = false; const b = require("./b"); exports.sawB = b.done; exports.done = true',
  'b.js': 'exports.done = false; exports.sawA = require("./a").done; exports.done = true',
  'universal.js': `(function (root, factory) {
    if (typeof define === 'function' && define.amd) define([], factory)
    else if (typeof module === 'object' && module.exports) module.exports = factory()
    else root.universal = factory()
  })(this, function () { return 'as a module' })`,
  'wants.js': 'require("./nowhere")',
  '__proto__.js': 'module.exports = "a file like others"',
}

const CASES: readonly (readonly [string, unknown])[] = [
  ["require('plain').name", 'plain'],
  ["require('./plain').name", 'plain'],
  ["require('/plain').name", 'plain'],
  ["require('plain.js') === require('./deep/../plain')", true],
  ["require('object').name", 'object'],
  ["require('data').name", 'data'],
  ["require('data.json').name", 'data'],
  ["require('shell')", 'ran'],
  ["require('place')", ['/place.js', '/', '/place.js', true]],
  ["require('deep/er/place')", ['/deep/er/place.js', '/deep/er', 'plain+leaf']],
  ["require('folder')", 'index of plain'],
  ["[require('both'), require('both/')]", ['file', 'folder']],
  ["require('lost')", 'found again'],
  ["require('strict')", true],
  ["[require('counter')(), require('./counter')()]", [1, 2]],
  ["require('universal')", 'as a module'],
  ["require('__proto__')", 'a file like others'],
  [
    "(() => { const a = require('a'), b = require('b'); return [a, b] })()",
    [
      { done: true, sawB: true },
      { done: true, sawA: false },
    ],
  ],
  [
    "[0, 1].map(() => { try { require('fails') } catch (e) { return e.name + e.message } })",
    ['RangeErrorno 1', 'RangeErrorno 2'],
  ],
  ["(() => { try { require('wants') } catch (e) { return e.code } })()", 'MODULE_NOT_FOUND'],
  ['typeof module + typeof exports + typeof __filename', 'undefinedundefinedundefined'],
]
for (const [expression, expected] of CASES) {
  it(`of a folder: ${expression.slice(0, 70)}`, () => {
    assert.equal(evaluate(expression, FILES), expected)
  })
}

it('a module in a cycle with its own folder gets what there is by then', () => {
  assert.equal(evaluate("require('packed')", FILES), ['main', {}, 'index'])
})

const NAMELESS = 'require needs the name of a module'
const NOWHERE = 'it is not in the folder of [mapping.javascript] commonjs_path'
const FAILURES: readonly (readonly [string, string])[] = [
  ["require('nowhere')", `Cannot find module 'nowhere': ${NOWHERE}`],
  ["require('wants')", `Cannot find module './nowhere' that '/wants.js' requires: ${NOWHERE}`],
  ["require('../outside')", `Cannot find module '../outside': ${NOWHERE}`],
  ["require('deep/../../outside')", `Cannot find module 'deep/../../outside': ${NOWHERE}`],
  ["require('/etc/passwd')", `Cannot find module '/etc/passwd': ${NOWHERE}`],
  ["require('fs')", `Cannot find module 'fs': ${NOWHERE}`],
  ["require('node:fs')", `Cannot find module 'node:fs': ${NOWHERE}`],
  ["require('file:///etc/passwd')", `Cannot find module 'file:///etc/passwd': ${NOWHERE}`],
  ["require('http://a/b.js')", `Cannot find module 'http://a/b.js': ${NOWHERE}`],
  ["require('plain.js\\0.png')", `Cannot find module 'plain.js\0.png': ${NOWHERE}`],
  ["require('toString')", `Cannot find module 'toString': ${NOWHERE}`],
  ["require('')", NAMELESS],
  ['require()', NAMELESS],
  ['require({ toString() { return "plain" } })', NAMELESS],
  ["require('broken')", "Unexpected token ';'"],
  ["require('broken.json')", 'JSON'],
]
for (const [expression, text] of FAILURES) {
  it(`refused: ${expression}`, () => {
    assert.match(evaluate(expression, FILES) as string, text)
  })
}

it('without a folder every module is missing, and the option is named', () => {
  const text =
    "Error: Cannot find module 'plain': no folder of modules is configured " +
    '([mapping.javascript] commonjs_path)'
  assert.match(evaluateIn("require('plain')") as string, text)
  assert.match(evaluateIn("require('plain')", '') as string, text)
})

it('a folder that is not there fails who requires, and nobody else', () => {
  const folder = join(tmpdir(), 'sluice-no-such-folder')
  assert.is(evaluateIn('1', folder), 1)
  const failure = evaluateIn("require('plain')", folder) as string
  assert.match(failure, 'commonjs_path cannot be read (ENOENT)')
  assert.not.match(failure, folder)
})

it('nothing that a module sees, or an error says, tells where the folder is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-modules-'))
  writeFileSync(
    join(folder, 'tells.js'),
    `module.exports = [__filename, __dirname, String(require), Object.keys(module), module.filename,
      new Error('here').stack].join()`,
  )
  writeFileSync(join(folder, 'throws.js'), 'null.x')
  try {
    const told = evaluateIn("require('tells')", folder) as string
    assert.match(told, '/tells.js:')
    const thrown = evaluateIn("require('throws')", folder) as string
    for (const text of [told, thrown]) assert.not.match(text, /sluice|tmp|home|src/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('an error in a module says in which, and on which line', () => {
  const broken = evaluate("require('broken')", FILES) as string
  assert.match(broken, "SyntaxError: /broken.js: Unexpected token ';' - in line/column #3/")
  const thrown = evaluate("require('deep/throws')()", {
    'deep/throws.js': 'module.exports = () => {\n  null.x\n}',
  }) as string
  assert.match(thrown, /stack:\n.*\/deep\/throws\.js:2:8\)?\n.*incomingScript:3:/)
})

it('a hidden file and a link to the outside do not exist', () => {
  const [inside, outside] = ['in', 'out'].map((name) =>
    mkdtempSync(join(tmpdir(), `sluice-${name}-`)),
  ) as [string, string]
  writeFileSync(join(outside, 'secret.js'), 'module.exports = "secret"')
  writeFileSync(join(inside, '.hidden.js'), 'module.exports = "hidden"')
  symlinkSync(join(outside, 'secret.js'), join(inside, 'file.js'))
  symlinkSync(outside, join(inside, 'linked'))
  try {
    for (const name of ['file', 'linked/secret', '.hidden', './.hidden.js', 'linked/../file']) {
      assert.match(evaluateIn(`require('${name}')`, inside) as string, NOWHERE)
    }
  } finally {
    rmSync(inside, { recursive: true })
    rmSync(outside, { recursive: true })
  }
})

it('modules run within the time of the script, and survive tampering', () => {
  const files = { ...FILES, 'endless.js': 'for (;;);' }
  assert.match(evaluate("require('endless')", files) as string, 'Maximum execution time of <100>ms')
  const tampering = `(() => {
    Function.prototype.call = Function.prototype.apply = null
    Array.prototype.push = String.prototype.split = String.prototype.slice = null
    JSON.parse = Object.hasOwn = Object.create = null
    Object.prototype['nowhere.js'] = 'module.exports = "polluted"'
    globalThis.eval = () => () => { throw 1 }
    let code
    try { require('nowhere') } catch (e) { code = e.code }
    return [require('deep/up'), require('data').name, code]
  })()`
  assert.equal(evaluate(tampering, FILES), ['plain+leaf', 'data', 'MODULE_NOT_FOUND'])
})
