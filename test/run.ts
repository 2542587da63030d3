/**
 * The test command: installs the brokers that are missing, runs every test file in a process of its
 * own with a deadline, and ends with `N passed, N failed`. Arguments select files by part of their path.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { FULL } from './support/faults.ts'
import { installMissingTools } from './support/tools.ts'

const ROOT = resolve(import.meta.dirname, '..')

/** System tests that mostly wait: two of them disturb each other little. Others have the machine alone. */
const CALM = [
  'acknowledgements',
  'api',
  'authors-sources',
  'authors-targets',
  'fleet',
  'lifecycle',
  'log-publishing',
  'mappers',
  'mapping',
  'mapping-test',
  'monitoring',
  'protocols',
  'survival-clock',
]

/** Kinds of tests in the order they run; system tests share the machine with their brokers. */
const STAGES = [
  { pattern: 'test/{tidy.test.ts,unit/**/*.test.ts}', limitMs: 120_000, atOnce: 2 },
  { pattern: 'test/conformance/**/*.test.ts', limitMs: 180_000, atOnce: 2 },
  { pattern: `test/system/@(${CALM.join('|')}).test.ts`, limitMs: 300_000, atOnce: 2 },
  { pattern: `test/system/!(${CALM.join('|')}).test.ts`, limitMs: 300_000, atOnce: 1 },
] as const

/** Fault tests at their full size take their time. */
const LIMIT_FACTOR = FULL ? 6 : 1

/** How long a file that took too long may take to tell what failed. */
const FAREWELL_MS = 1_000

interface Result {
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly seconds: number
  readonly output: string
}

const selected = process.argv.slice(2)
await installMissingTools()
const results: Result[] = []
for (const { pattern, limitMs, atOnce } of STAGES) {
  const files = globSync(pattern, { cwd: ROOT })
    .filter((file) => selected.length === 0 || selected.some((part) => file.includes(part)))
    .sort()
  const lanes = Math.min(atOnce, availableParallelism())
  await Promise.all(Array.from({ length: lanes }, () => runLane(files, limitMs * LIMIT_FACTOR)))
}
const passed = results.reduce((sum, result) => sum + result.passed, 0)
const failed = results.reduce((sum, result) => sum + result.failed, 0)
print(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)

/** Takes files off the list until it is empty. */
async function runLane(files: string[], limitMs: number): Promise<void> {
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    const result = await runFile(file, limitMs)
    results.push(result)
    report(result)
  }
}

/** Runs one file in a process group of its own, so that nothing it started outlives it. */
async function runFile(file: string, limitMs: number): Promise<Result> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['--no-node-snapshot', file], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const deadline = setTimeout(() => {
    output += `\nended: ${file} ran longer than ${limitMs} ms\n`
    child.kill('SIGTERM')
    setTimeout(() => killGroup(child.pid), FAREWELL_MS).unref()
  }, limitMs)
  const code = await new Promise<number | null>((done) => child.on('exit', done))
  clearTimeout(deadline)
  killGroup(child.pid)
  const seconds = (performance.now() - startedAt) / 1000
  return { file, seconds, output, ...countTests(output, code) }
}

/** Adds up the summaries of the file's suites; a file without one, or with a bad end, has failed. */
function countTests(output: string, code: number | null): { passed: number; failed: number } {
  const sumOf = (label: string): number =>
    [...output.matchAll(new RegExp(`^ {2}${label}: +(\\d+)$`, 'gm'))].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    )
  const total = sumOf('Total')
  const passed = sumOf('Passed')
  const failed = total - passed
  return { passed, failed: failed === 0 && (code !== 0 || total === 0) ? 1 : failed }
}

function report({ file, passed, failed, seconds, output }: Result): void {
  const name = file.replace(/^test\//, '').replace(/\.test\.ts$/, '')
  const verdict = failed === 0 ? 'ok  ' : 'FAIL'
  print(
    `${verdict} ${name.padEnd(44)} ${String(passed).padStart(4)} passed  ${seconds.toFixed(1)} s`,
  )
  if (failed > 0) print(output)
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of the group is left.
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
