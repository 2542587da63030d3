/**
 * The programs that the tests need beside Node: installed when missing where apt-get exists, asked for
 * by name elsewhere.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Programs, and what brings them to Debian and to macOS. */
const TOOLS = [
  { program: 'mosquitto', debian: 'mosquitto', homebrew: 'mosquitto' },
  { program: 'rabbitmq-server', debian: 'rabbitmq-server', homebrew: 'rabbitmq' },
  { program: 'openssl', debian: 'openssl', homebrew: 'openssl' },
  { program: 'faketime', debian: 'faketime', homebrew: 'libfaketime' },
] as const

type Tool = (typeof TOOLS)[number]

/** Debian keeps daemons where a user's PATH does not look. */
const EXTRA_PATHS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin']

/** The full path of a program, looked for in these folders first; undefined: it is not installed. */
export function findTool(name: string, ...folders: string[]): string | undefined {
  return [...folders, ...(process.env.PATH ?? '').split(delimiter), ...EXTRA_PATHS]
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))
}

/** Installs what is missing; ends the process with instructions where it cannot. */
export async function installMissingTools(): Promise<void> {
  const missing = TOOLS.filter(({ program }) => findTool(program) === undefined)
  if (missing.length === 0) return
  const packages = missing.map(({ debian }) => debian)
  if (findTool('apt-get') === undefined) refuse(missing, 'there is no apt-get here')
  process.stdout.write(`installing ${packages.join(', ')} with apt-get …\n`)
  apt(['update', '-q'])
  const status = apt(['install', '-y', '-q', '--no-install-recommends', ...packages])
  if (status !== 0) refuse(missing, `apt-get ended with status ${status}`)
}

function apt(parameters: readonly string[]): number {
  const asRoot = process.getuid?.() === 0
  const [command, ...rest] = asRoot
    ? ['apt-get', ...parameters]
    : ['sudo', 'apt-get', ...parameters]
  // RUNLEVEL=1 keeps Debian from starting the brokers as services: tests run private instances.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const { status } = spawnSync(command!, rest, { stdio: ['inherit', 'ignore', 'inherit'], env })
  return status ?? 1
}

function refuse(missing: readonly Tool[], why: string): never {
  const debian = missing.map((tool) => tool.debian).join(' ')
  const homebrew = missing.map((tool) => tool.homebrew).join(' ')
  process.stderr.write(
    `The tests need ${missing.map(({ program }) => program).join(' and ')}, and ${why}.\n` +
      `Install what is missing (Debian, Ubuntu: apt-get install ${debian}; macOS: brew install ` +
      `${homebrew}), then run the tests again.\n`,
  )
  process.exit(1)
}
