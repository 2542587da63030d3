/** What a newcomer runs first: the quickstart, and the command line of the service. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import * as assert from 'uvu/assert'
import { startSluice } from '../../bench/support/sluice.ts'
import { suite } from '../support/suite.ts'

const it = suite('first contact')

const ROOT = resolve(import.meta.dirname, '../..')

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs one of the project's programs to its end. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['--no-node-snapshot', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  return new Promise((done) => child.on('close', (code) => done({ code, ...output })))
}

it('shows the main job without a broker, and ends by itself', async () => {
  const { code, stdout, stderr } = await run(['bench/quickstart.ts', '--for', '5s'])
  assert.is(code, 0, stderr)
  assert.match(stdout, '"connectionType": "mqtt"')
  assert.match(stdout, 'devices/sensor-')
  assert.match(stdout, /things\/twin\/events\/(created|merged)/)
  assert.match(stdout, /curl -u \S+ http:\/\/127\.0\.0\.1:\d+\/api\/2\/connections/)
  assert.match(stdout, /^consumed \d+ {2}mapped \d+/m)
  const [, events] = /^(\d+) events came out/m.exec(stdout) ?? []
  assert.ok(Number(events) > 0)
}, 60_000)

it('refuses a duration that is none', async () => {
  const { code, stderr } = await run(['bench/quickstart.ts', '--for', 'ever'])
  assert.is(code, 2)
  assert.match(stderr, '10s')
})

it('prints its help and its version', async () => {
  const help = await run(['src/main.ts', '--help'])
  assert.is(help.code, 0)
  assert.match(help.stdout, '--config')
  const version = await run(['src/main.ts', '--version'])
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
})

const mistakes: readonly [toml: string, env: NodeJS.ProcessEnv, wanted: RegExp][] = [
  ['[http]\nprot = 1', {}, /broken\.toml.*http\.prot.*port/s],
  ['[http]\nport = "many"', {}, /broken\.toml.*http\.port.*integer/s],
  ['[workers\nthreads = 1', {}, /broken\.toml.*line 1/s],
  ['', { SLUICE__HTTP__PROT: '1' }, /SLUICE__HTTP__PROT.*SLUICE__HTTP__PORT/s],
]
for (const [toml, env, wanted] of mistakes) {
  it(`refuses a configuration with ${JSON.stringify({ toml, ...env })}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-config-'))
    const file = join(folder, 'broken.toml')
    await writeFile(file, toml)
    const { code, stderr } = await run(['src/main.ts', '--config', file], env)
    assert.is.not(code, 0)
    assert.match(stderr, wanted)
    await rm(folder, { recursive: true })
  })
}

it('refuses a configuration file that is not there', async () => {
  const { code, stderr } = await run(['src/main.ts', '--config', '/nowhere/sluice.toml'])
  assert.is.not(code, 0)
  assert.match(stderr, '/nowhere/sluice.toml')
})

it('generates a password at the first start, shows it once, and keeps only its hash', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-first-'))
  const first = await startSluice({ folder, password: '' })
  const [, password] = /password of user "devops" is: (\S+)/.exec(first.output()) ?? []
  assert.ok(password)
  await first.stop()
  const second = await startSluice({ folder, password: '' })
  assert.not.match(second.output(), 'password of user')
  const answer = await second.request('GET', '/api/2/connections', undefined, {
    authorization: `Basic ${Buffer.from(`devops:${password}`).toString('base64')}`,
  })
  assert.is(answer.status, 200)
  await second.stop()
  await rm(folder, { recursive: true })
})

it('refuses a store that another process has, and a port, in one sentence each', async () => {
  const first = await startSluice()
  const config = join(first.folder, 'config.toml')
  const sameStore = await run(['src/main.ts', '--config', config])
  assert.is(sameStore.code, 1)
  assert.match(sameStore.stdout, /store in .* is in use by another Sluice/)
  const folder = await mkdtemp(join(tmpdir(), 'sluice-second-'))
  const samePort = await run(['src/main.ts', '--config', config], { SLUICE__STORE__PATH: folder })
  assert.is(samePort.code, 1)
  assert.match(samePort.stdout, /cannot listen on 127\.0\.0\.1:\d+ .*another program/)
  for (const { stdout } of [sameStore, samePort]) assert.not.match(stdout, /at .*\.ts:\d+/)
  assert.is((await first.request('GET', '/api/2/connections')).status, 200)
  await first.kill()
  const second = await startSluice({ folder: first.folder })
  assert.is(await second.stop(), 0)
  for (const path of [folder, first.folder]) await rm(path, { recursive: true })
})

it('stops when npm is told to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-npm-'))
  const file = join(folder, 'config.toml')
  await writeFile(file, '[http]\nport = 0\n[devops]\npassword = "x"\n')
  const npm = spawn('npm', ['start', '--silent', '--', '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: npm.stdout })
  const said: string[] = []
  const stopped = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      said.push(line)
      if (line.includes('Sluice is listening')) npm.kill('SIGTERM')
    })
    // The end of the output is that of the service, whatever has become of npm.
    lines.on('close', resolve)
  })
  await stopped
  assert.match(said.at(-1)!, 'Stopped.')
  await rm(folder, { recursive: true })
})

it('lets the environment override the file', async () => {
  const sluice = await startSluice({
    config: { log: { level: 'info' } },
    env: { SLUICE__CONNECTIONS__MAX_TARGETS: '0', SLUICE__HTTP__MAX_BODY_BYTES: '2048' },
  })
  const large = await sluice.request('POST', '/api/2/connections', { name: 'x'.repeat(4096) })
  assert.is(large.status, 413)
  assert.is(await sluice.stop(), 0)
})
