#!/usr/bin/env -S node --no-node-snapshot
/** The command line: reads it and the configuration, starts the gateway, stops it on a signal. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import { ListenError } from './api/server.ts'
import { type Config, ConfigError, loadConfig } from './config.ts'
import { StoreError } from './connection/store.ts'
import { startGateway } from './gateway.ts'

const USAGE = `Usage: sluice [--config <file>]

  --config <file>   configuration; ./config.toml when it exists, else all defaults
  --version         print the version and exit
  --help            print this and exit
`

const MIN_NODE_MAJOR = 24
const SNAPSHOT_FLAG = '--no-node-snapshot'

/** Exit codes, as sysexits.h and shells have them. */
const EXIT_FAILURE = 1
const EXIT_USAGE = 2

function main(): void {
  const options = readCommandLine()
  const version = packageVersion()
  if (options.help === true) {
    process.stdout.write(USAGE)
    return
  }
  if (options.version === true) {
    process.stdout.write(`${version}\n`)
    return
  }
  checkRuntime()
  const config = readConfig(options.config)
  void run(config, version, createLog(config))
}

async function run(config: Config, version: string, log: Logger): Promise<void> {
  try {
    const gateway = await startGateway({ config, version, log, showPassword })
    stopOnSignal(gateway.stop, log)
    log.info({ url: gateway.url, store: config.store.path, version }, 'Sluice is listening.')
  } catch (error) {
    const isPlain = error instanceof StoreError || error instanceof ListenError
    log.fatal(isPlain ? error.message : error)
    process.exitCode = EXIT_FAILURE
  }
}

/** The first signal stops gracefully, the second at once. */
function stopOnSignal(stop: () => Promise<void>, log: Logger): void {
  let stopping = false
  const onSignal = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping) {
      log.warn({ signal }, 'Stopping at once; brokers deliver again what was not settled.')
      process.exit(EXIT_FAILURE)
    }
    stopping = true
    log.info({ signal }, 'Stopping: settling what is in flight, closing sessions.')
    await stop()
    log.info('Stopped.')
    process.exit(0)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

function readCommandLine(): { config?: string; help?: boolean; version?: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    })
    return values
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  }
}

function readConfig(file: string | undefined): Config {
  try {
    return loadConfig(file, process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return refuse(error.message)
  }
}

/** What a missing flag or an old Node would do to scripts is worse than not starting. */
function checkRuntime(): void {
  const major = Number(process.versions.node.split('.')[0])
  if (major < MIN_NODE_MAJOR) {
    refuse(
      `Sluice needs Node ${MIN_NODE_MAJOR} or newer, this is ${process.version}. Run: npm start`,
    )
  }
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? '']
  if (!given.some((argument) => argument.includes(SNAPSHOT_FLAG))) {
    refuse(`Sluice must be started with node ${SNAPSHOT_FLAG}. Run: npm start`)
  }
}

function createLog({ log }: Config): Logger {
  const options = { level: log.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  return process.stdout.isTTY ? pino(options, pretty({ ignore: 'pid,hostname' })) : pino(options)
}

/** Not to the log: logs are kept and shipped, and this is shown once. */
function showPassword(username: string, password: string): void {
  process.stderr.write(
    `The password of user "${username}" is: ${password}\n` +
      'It was generated at this first start and is shown once. Keep it, or set [devops] password.\n',
  )
}

function refuse(message: string): never {
  process.stderr.write(`${message.trimEnd()}\n`)
  process.exit(EXIT_USAGE)
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}

main()
