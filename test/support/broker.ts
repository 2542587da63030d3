/** Private mosquitto instances: one process each, a free port, a folder of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { freePort, portOpen } from './ports.ts'
import { findTool } from './tools.ts'

const READY_LIMIT_MS = 5000

/** What a test wants of its broker. */
export interface MosquittoOptions {
  readonly port?: number
  /**
   * Keeps sessions and messages on disk, so that they survive `kill9`: written with each change, which
   * takes its time for many messages, or only by `save` and `terminate`.
   */
  readonly persistence?: boolean | 'when-told'
  /** User names and passwords; without them anybody may connect. */
  readonly users?: Readonly<Record<string, string>>
  /** Text of mosquitto's `acl_file`. */
  readonly acl?: string
  /** Files in PEM; with `requireClientCertificate` the client's name is its certificate's. */
  readonly tls?: {
    readonly caFile: string
    readonly certFile: string
    readonly keyFile: string
    readonly requireClientCertificate?: boolean
  }
  /** Logs every packet, for `log()`; costs more than the broker itself. */
  readonly verbose?: boolean
  /** More lines for its configuration file. */
  readonly config?: readonly string[]
}

/** A running mosquitto. */
export interface Mosquitto {
  readonly port: number
  /** `tcp://127.0.0.1:port`, or `ssl://localhost:port` with TLS. */
  url(userinfo?: string): string
  /** A plain mqtt.js client, as a device would be. */
  connect(options?: IClientOptions): Promise<MqttClient>
  /** Ends the process and removes its folder. */
  stop(): Promise<void>
  kill9(): Promise<void>
  /** Ends it in order: it closes its connections and writes everything to the disk. */
  terminate(): Promise<void>
  /** Writes everything to the disk, with `persistence`. */
  save(): void
  /** Freezes the process: sockets stay open, nothing answers. */
  pause(): void
  cont(): void
  /** Starts again on the same port with the same folder; the process must be gone. */
  restart(): Promise<void>
  /** What it wrote lately; packet by packet when `verbose`. */
  log(): string
}

/** Starts a broker; resolves when it accepts connections. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-mosquitto-'))
  // Started by root, mosquitto changes to a user of its own.
  await chmod(folder, 0o777)
  const port = options.port ?? (await freePort())
  const configFile = await writeConfig(folder, port, options)
  const verbosity = options.verbose === true ? ['-v'] : []
  const clients = new Set<MqttClient>()
  let output = ''
  let running: ChildProcess
  const start = async (): Promise<void> => {
    running = spawn(installed('mosquitto'), ['-c', configFile, ...verbosity], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-1_000_000)
    }
    running.stdout?.on('data', collect)
    running.stderr?.on('data', collect)
    await Promise.race([portOpen(port, READY_LIMIT_MS), failedStart(running, () => output)])
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running.exitCode !== null || running.signalCode !== null) return
    running.kill(signal)
    await once(running, 'exit')
  }
  // A test run that is interrupted leaves no broker behind.
  const killAtExit = (): void => {
    running.kill('SIGKILL')
  }
  process.once('exit', killAtExit)
  await start()
  return {
    port,
    url: (userinfo) => {
      const [scheme, host] = options.tls === undefined ? ['tcp', '127.0.0.1'] : ['ssl', 'localhost']
      return `${scheme}://${userinfo === undefined ? '' : `${userinfo}@`}${host}:${port}`
    },
    connect: async (clientOptions = {}) => {
      const url = `mqtt://127.0.0.1:${port}`
      const client = await connectAsync(url, { reconnectPeriod: 0, ...clientOptions }, false)
      client.on('error', () => undefined)
      clients.add(client)
      return client
    },
    stop: async () => {
      for (const client of clients) client.end(true)
      running.kill('SIGCONT')
      await end('SIGKILL')
      process.removeListener('exit', killAtExit)
      await rm(folder, { recursive: true, force: true })
    },
    kill9: () => end('SIGKILL'),
    terminate: () => end('SIGTERM'),
    save: () => {
      running.kill('SIGUSR1')
    },
    pause: () => {
      running.kill('SIGSTOP')
    },
    cont: () => {
      running.kill('SIGCONT')
    },
    restart: start,
    log: () => output,
  }
}

async function failedStart(running: ChildProcess, output: () => string): Promise<never> {
  const [reason] = await once(running, 'exit')
  throw new Error(`mosquitto ended with ${reason}: ${output()}`)
}

function installed(tool: string): string {
  const path = findTool(tool)
  if (path !== undefined) return path
  throw new Error(`${tool} is not installed; on Debian: apt-get install mosquitto`)
}

async function writeConfig(
  folder: string,
  port: number,
  { persistence = false, users, acl, tls, config = [] }: MosquittoOptions,
): Promise<string> {
  const lines = [`listener ${port} 127.0.0.1`, `allow_anonymous ${users === undefined}`]
  if (persistence !== false) {
    lines.push('persistence true', `persistence_location ${folder}/`)
    if (persistence === true) lines.push('autosave_on_changes true', 'autosave_interval 1')
  }
  if (users !== undefined) lines.push(`password_file ${await writePasswords(folder, users)}`)
  if (acl !== undefined) {
    const aclFile = join(folder, 'acl')
    await writeFile(aclFile, acl)
    lines.push(`acl_file ${aclFile}`)
  }
  if (tls !== undefined) {
    lines.push(`cafile ${tls.caFile}`, `certfile ${tls.certFile}`, `keyfile ${tls.keyFile}`)
    const required = tls.requireClientCertificate === true
    lines.push(`require_certificate ${required}`, `use_identity_as_username ${required}`)
  }
  const configFile = join(folder, 'mosquitto.conf')
  await writeFile(configFile, [...lines, ...config, ''].join('\n'))
  return configFile
}

async function writePasswords(
  folder: string,
  users: Readonly<Record<string, string>>,
): Promise<string> {
  const file = join(folder, 'passwords')
  const lines = Object.entries(users).map(([name, password]) => `${name}:${password}\n`)
  await writeFile(file, lines.join(''))
  await promisify(execFile)(installed('mosquitto_passwd'), ['-U', file])
  await chmod(file, 0o644)
  return file
}
