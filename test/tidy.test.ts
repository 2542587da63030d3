/** Style as a test: the rules of the house that a machine can check. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from './support/suite.ts'

const it = suite('tidy')
const ROOT = resolve(import.meta.dirname, '..')

/** Floors of the rooms: imports go down, never up and never sideways. */
const FLOORS: Readonly<Record<string, number>> = {
  'src/json': 0,
  'src/protocol': 0.1,
  'src/expression': 0.2,
  'src/rql': 0.3,
  'src/config.ts': 0.4,
  'src/connection': 1,
  'src/mapping': 1.1,
  'src/transport': 2,
  'src/routing': 2,
  'src/twin': 2,
  'src/monitoring': 2,
  'src/shard': 3,
  'src/engine': 4,
  workers: 4.5,
  'src/supervisor': 5,
  'src/api': 6,
  'src/gateway.ts': 7,
  'src/main.ts': 8,
}

/** The one room that may import a third-party package. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  'isolated-vm': ['src/mapping'],
  mqtt: ['src/transport'],
  amqplib: ['src/transport'],
  rhea: ['src/transport'],
  piscina: ['src/engine'],
  'fluent-logger': ['src/monitoring'],
  hono: ['src/api'],
  '@hono/node-server': ['src/api'],
  '@hono/zod-openapi': ['src/api'],
  'smol-toml': ['src/config.ts'],
  'prom-client': ['src/monitoring'],
  pino: ['src/main.ts'],
  'pino-pretty': ['src/main.ts'],
}

const BANS: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bconsole\.\w+\(/, instead: 'the log that is handed down, or process.stdout' },
  { pattern: /\bas any\b|: any\b/, instead: 'unknown and a check' },
  { pattern: /\b(TODO|FIXME|XXX)\b/, instead: 'doing it, or an entry in ARCHITECTURE.md' },
  { pattern: /\bnoSync\b/, instead: 'batched transactions: noSync can corrupt the store' },
  { pattern: /\bit\.only\b|\.skip\(/, instead: 'running every test' },
  { pattern: /^\s*(export )?(const )?enum /m, instead: 'a union of literals' },
]

const LINES_PER_FILE_MAX = 400
const COLUMNS_MAX = 110

const sources = globSync('{src,workers,bench}/**/*.ts', { cwd: ROOT }).sort()
const tests = globSync('test/**/*.ts', { cwd: ROOT }).sort()
const texts = new Map(
  [...sources, ...tests].map((file) => [file, readFileSync(resolve(ROOT, file), 'utf8')]),
)

it('imports go down the floors, never up or sideways', () => {
  const wrong = sources
    .filter((file) => !file.startsWith('bench'))
    .flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith('.'))
        .map((target) => resolve(ROOT, dirname(file), target).slice(ROOT.length + 1))
        .filter((target) => !mayImport(roomOf(file), roomOf(target)))
        .map((target) => `${file} imports ${target}`),
    )
  assert.equal(wrong, [])
})

it('each third-party client is imported by one room', () => {
  const wrong = sources
    .filter((file) => !file.startsWith('bench'))
    .flatMap((file) =>
      importsOf(file)
        .map(packageOf)
        .filter((name) => OWNERS[name] !== undefined && !OWNERS[name].includes(roomOf(file)))
        .map((name) => `${file} imports ${name}`),
    )
  assert.equal(wrong, [])
})

it('every file begins with a comment that says what it is for', () => {
  const silent = sources.filter((file) => !/^(#!.*\n)?\/\*\*?/.test(texts.get(file)!))
  assert.equal(silent, [])
})

it('files and lines keep to their limits', () => {
  const long = [...texts].flatMap(([file, text]) => {
    const lines = text.split('\n')
    const wide = lines.flatMap((line, index) =>
      line.length > COLUMNS_MAX ? [`${file}:${index + 1} has ${line.length} columns`] : [],
    )
    const isSource = sources.includes(file)
    return isSource && lines.length > LINES_PER_FILE_MAX
      ? [...wide, `${file} has ${lines.length} lines`]
      : wide
  })
  assert.equal(long, [])
})

it('nothing banned is used', () => {
  const found = [...texts]
    // Tests hold scripts, which may well write to the console.
    .filter(([file]) => sources.includes(file) || !/^test\/.*(mapping|scripts)/.test(file))
    .filter(([file]) => file !== 'test/tidy.test.ts')
    .flatMap(([file, text]) =>
      BANS.filter(({ pattern }) => pattern.test(text)).map(
        ({ pattern, instead }) => `${file} matches ${pattern}; use ${instead}`,
      ),
    )
  assert.equal(found, [])
})

it('every test file registers its tests through the suite that runs itself', () => {
  const silent = tests.filter(
    (file) =>
      file.endsWith('.test.ts') &&
      !/support\/suite\.ts|conformance|amqpFaults/.test(texts.get(file)!),
  )
  assert.equal(silent, [])
})

function importsOf(file: string): readonly string[] {
  const text = texts.get(file)!
  return [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, target]) => target!)
}

function roomOf(file: string): string {
  const room = Object.keys(FLOORS).find((name) => file === name || file.startsWith(`${name}/`))
  return room ?? file
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true
  // The rooms of the ground floor are pure and lean on each other's types and errors.
  if (FLOORS[from]! < 1 && FLOORS[to]! < 1) return true
  const [upper, lower] = [FLOORS[from], FLOORS[to]]
  return upper !== undefined && lower !== undefined && lower < upper
}

function packageOf(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/')
}
