/**
 * Private RabbitMQ nodes that speak AMQP 0.9.1 and 1.0 on one port: one process each, free ports, a
 * folder of its own for everything it writes.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type ChannelModel, connect } from 'amqplib'
import { freePort } from './ports.ts'
import { findTool } from './tools.ts'

/** Debian's wrappers change user and home; the scripts behind them do not. */
const DEBIAN_SCRIPTS = '/usr/lib/rabbitmq/bin'
const READY_LIMIT_MS = 60_000
const TRY_AGAIN_MS = 100
const PLUGINS = ['rabbitmq_amqp1_0', 'rabbitmq_auth_mechanism_ssl']

/** What a test wants of its broker. */
export interface RabbitMqOptions {
  /** Files in PEM: a second port speaks TLS and asks for a client certificate. */
  readonly tls?: {
    readonly caFile: string
    readonly certFile: string
    readonly keyFile: string
  }
  /** More lines for its configuration file. */
  readonly config?: readonly string[]
}

/** A running RabbitMQ. */
export interface RabbitMq {
  readonly port: number
  /** Undefined without TLS. */
  readonly tlsPort: number | undefined
  /** `amqp://user:password@127.0.0.1:port`; `guest:guest` unless given. */
  url(userinfo?: string): string
  /** A plain amqplib connection, for what tests do on the other side. */
  connect(): Promise<ChannelModel>
  /** Runs `rabbitmqctl` against the node; what it prints. Takes a second or two. */
  ctl(...parameters: string[]): Promise<string>
  /** Ends the process and removes its folder. */
  stop(): Promise<void>
  kill9(): Promise<void>
  /** Freezes the process: sockets stay open, nothing answers. */
  pause(): void
  cont(): void
  /** Starts again on the same ports with the same folder; the process must be gone. */
  restart(): Promise<void>
}

/** Starts a broker; resolves when it accepts connections. */
export async function startRabbitMq(options: RabbitMqOptions = {}): Promise<RabbitMq> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-rabbitmq-'))
  const [port, distPort, epmdPort] = [await freePort(), await freePort(), await freePort()]
  const tlsPort = options.tls === undefined ? undefined : await freePort()
  const env = await writeSetup(folder, { port, distPort, epmdPort, tlsPort, options })
  const connections = new Set<ChannelModel>()
  let running: ChildProcess
  let output = ''
  let ended: Promise<unknown> = Promise.resolve()
  const url = (userinfo = 'guest:guest'): string => `amqp://${userinfo}@127.0.0.1:${port}`
  const start = async (): Promise<void> => {
    running = spawn(script('rabbitmq-server'), [], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [running.stdout!, running.stderr!]) {
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-100_000)
      })
    }
    ended = new Promise((resolve) => running.once('exit', resolve))
    await untilReady(url(), running, () => output)
  }
  /** At once, so that nothing the broker answers later gets through; a node that is gone is left alone. */
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(Number(readFileSync(env.RABBITMQ_PID_FILE!, 'utf8')), name)
    } catch {
      if (name === 'SIGKILL') running.kill(name)
    }
  }
  const kill9 = async (): Promise<void> => {
    signal('SIGKILL')
    await ended
  }
  // A test run that is interrupted leaves no broker behind.
  const killAtExit = (): void => {
    running.kill('SIGKILL')
  }
  process.once('exit', killAtExit)
  await start()
  return {
    port,
    tlsPort,
    url,
    connect: async () => {
      const connection = await connect(url())
      connection.on('error', () => undefined)
      connections.add(connection)
      return connection
    },
    ctl: async (...parameters) => {
      const { stdout } = await promisify(execFile)(
        script('rabbitmqctl'),
        ['-n', env.RABBITMQ_NODENAME!, ...parameters],
        { env },
      )
      return stdout
    },
    stop: async () => {
      await Promise.all([...connections].map((connection) => connection.close().catch(() => {})))
      await kill9()
      process.removeListener('exit', killAtExit)
      // The port mapper that the node started outlives it.
      await promisify(execFile)('epmd', ['-port', `${epmdPort}`, '-kill'], { env }).catch(() => {})
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
    kill9,
    pause: () => signal('SIGSTOP'),
    cont: () => signal('SIGCONT'),
    restart: start,
  }
}

interface Setup {
  readonly port: number
  readonly distPort: number
  readonly epmdPort: number
  readonly tlsPort: number | undefined
  readonly options: RabbitMqOptions
}

/** Writes the configuration; the environment that the node and `rabbitmqctl` share. */
async function writeSetup(folder: string, setup: Setup): Promise<NodeJS.ProcessEnv> {
  const { port, distPort, epmdPort, tlsPort, options } = setup
  const config = [
    `listeners.tcp.default = 127.0.0.1:${port}`,
    'loopback_users = none',
    'auth_mechanisms.1 = PLAIN',
    'auth_mechanisms.2 = AMQPLAIN',
    ...(options.tls === undefined ? [] : tlsConfig(tlsPort!, options.tls)),
    ...(options.config ?? []),
  ]
  await writeFile(join(folder, 'rabbitmq.conf'), `${config.join('\n')}\n`)
  await writeFile(join(folder, 'plugins'), `[${PLUGINS.join(',')}].\n`)
  return {
    ...process.env,
    HOME: folder,
    ERL_EPMD_PORT: `${epmdPort}`,
    RABBITMQ_NODENAME: `sluice-${port}@localhost`,
    RABBITMQ_DIST_PORT: `${distPort}`,
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    // Two cores are shared with the tests; busy waiting of idle schedulers would take both.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
  }
}

function tlsConfig(port: number, tls: NonNullable<RabbitMqOptions['tls']>): readonly string[] {
  return [
    `listeners.ssl.default = 127.0.0.1:${port}`,
    `ssl_options.cacertfile = ${tls.caFile}`,
    `ssl_options.certfile = ${tls.certFile}`,
    `ssl_options.keyfile = ${tls.keyFile}`,
    'ssl_options.verify = verify_peer',
    'ssl_options.fail_if_no_peer_cert = false',
    'auth_mechanisms.3 = EXTERNAL',
    'ssl_cert_login_from = common_name',
  ]
}

async function untilReady(url: string, running: ChildProcess, output: () => string): Promise<void> {
  const deadline = Date.now() + READY_LIMIT_MS
  for (;;) {
    if (running.exitCode !== null) throw new Error(`RabbitMQ ended at its start:\n${output()}`)
    try {
      await (await connect(url)).close()
      return
    } catch {
      if (Date.now() > deadline) throw new Error(`RabbitMQ is not ready:\n${output()}`)
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
    }
  }
}

function script(name: string): string {
  const found = findTool(name, DEBIAN_SCRIPTS)
  if (found === undefined) throw new Error(`${name} is not installed; run the tests with npm test`)
  return found
}
