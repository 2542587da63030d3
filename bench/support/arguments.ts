/** The command line of the benchmark: reads it, and explains itself. Starts nothing. */
import { parseArgs } from 'node:util'
import { parseDurationMs } from '../../src/protocol/duration.ts'
import type { Load, ScenarioSettings } from '../scenarios/scenario.ts'

/** What one call of the benchmark shall do. */
export interface Settings extends Omit<ScenarioSettings, 'qos'> {
  readonly scenarios: readonly string[]
  /** Undefined: what the scenario says. */
  readonly qos: 0 | 1 | undefined
  readonly durationMs: number
  readonly warmUpMs: number
  /** Worker threads of the gateway; undefined: its default. */
  readonly threads: number | undefined
  /** Also measures the bare client library. */
  readonly baseline: boolean
  readonly json: boolean
}

/** What was asked for: a run, or the help text. */
export type CommandLine = { readonly help: true } | { readonly help: false; settings: Settings }

/** The command line cannot be followed; the message says why. */
export class ArgumentError extends Error {}

/** The smallest reading that the load generator can number: see `peers/readings.ts`. */
const MIN_PAYLOAD_BYTES = 64
const MAX_PAYLOAD_BYTES = 1_000_000
const MAX_DEVICES = 1_000_000
/** Packet identifiers of MQTT have 16 bits. */
const MAX_WINDOW = 60_000
const MAX_RATE = 1_000_000
const MAX_THREADS = 256

const OPTIONS = {
  duration: { type: 'string', default: '10s' },
  'warm-up': { type: 'string', default: '2s' },
  devices: { type: 'string', default: '50' },
  'payload-bytes': { type: 'string', default: '70' },
  threads: { type: 'string' },
  qos: { type: 'string' },
  window: { type: 'string' },
  rate: { type: 'string' },
  baseline: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const DEFAULT_WINDOW = 500

/** Options that say how the service is run and what it is sent. */
const OF_THE_SERVICE: readonly string[] = [
  'devices',
  'payload-bytes',
  'threads',
  'qos',
  'window',
  'rate',
  'baseline',
]

/** The names that can be asked for. */
export interface Names {
  /** The default first. */
  readonly all: readonly string[]
  /** Those that measure without the service or set it up themselves: its options mean nothing to them. */
  readonly withoutService: readonly string[]
}

/** Reads the arguments after the script's name. Throws an {@link ArgumentError}. */
export function readArguments(args: readonly string[], names: Names): CommandLine {
  const { values, positionals, tokens } = parse(args)
  if (values.help) return { help: true }
  const scenarios = positionals.length === 0 ? names.all.slice(0, 1) : positionals
  const unknown = scenarios.find((name) => !names.all.includes(name))
  if (unknown !== undefined) {
    throw new ArgumentError(`There is no scenario ${unknown}; there are: ${names.all}`)
  }
  const alone = scenarios.find((name) => names.withoutService.includes(name))
  const meaningless = tokens.find(
    (token) => token.kind === 'option' && OF_THE_SERVICE.includes(token.name),
  )
  if (alone !== undefined && meaningless?.kind === 'option') {
    throw new ArgumentError(
      `--${meaningless.name} means nothing to ${alone}: leave it away, or run the other scenarios ` +
        'by themselves.',
    )
  }
  return {
    help: false,
    settings: {
      scenarios,
      durationMs: duration('duration', values.duration),
      warmUpMs: duration('warm-up', values['warm-up']),
      devices: number('devices', values.devices, 1, MAX_DEVICES),
      payloadBytes: number(
        'payload-bytes',
        values['payload-bytes'],
        MIN_PAYLOAD_BYTES,
        MAX_PAYLOAD_BYTES,
      ),
      threads: optional('threads', values.threads, 1, MAX_THREADS),
      qos: optional('qos', values.qos, 0, 1) as 0 | 1 | undefined,
      load: loadOf(values.window, values.rate),
      baseline: values.baseline,
      json: values.json,
    },
  }
}

/** What `--help` prints, given the lines that describe the scenarios. */
export function usage(scenarios: readonly string[]): string {
  return `Usage: npm run bench -- [scenario …] [options]

Measures Sluice as its users run it: the real service, private brokers and a load generator, each
a process of its own on this machine. All share its cores: CPU time per message says what a message
costs, messages per second what is left of this machine for it. Only \`expressions\` and \`mapping\` start
no service: they measure functions of Sluice in this process.

Scenarios (the first is the default)
${scenarios.map((line) => `  ${line}`).join('\n')}

Options
  --duration 10s       how long to measure
  --warm-up 2s         how long to run before that
  --devices 50         devices that send in turn, one thing each
  --payload-bytes 70   size of a reading, from ${MIN_PAYLOAD_BYTES}
  --qos 0|1            quality of service of everything; the scenario's unless given
  --threads N          worker threads of the gateway; its default is one for each core
  --window ${DEFAULT_WINDOW}         closed loop: so many messages on their way, the next when one arrives
  --rate N             open loop: so many messages per second, whatever arrives
  --baseline           also measures the bare client libraries, which receive and publish
                       the same messages and do nothing else, and compares
  --json               prints one JSON object; progress goes to standard error
  --help               prints this

Results
  throughput   messages that arrived at the end of the way, per second
  CPU          user and system time of all processes of the gateway while measuring, per message
               that arrived; needs Linux (/proc)
  latency      from publishing the reading to receiving the event. In a closed loop it follows from the
               window (latency = window / throughput): use --rate to learn what a device would see
  memory       resident memory of all processes of the gateway at the end
  loss         messages of the whole run that never arrived; also counts duplicates, and messages that
               overtook an earlier one of the same device
  expressions  CPU time and heap for one evaluation on the thread that evaluates: of what is compiled
               once, and of what is parsed again for each signal; medians of rounds in which both
               take turns. Takes --duration, --warm-up and --json only
  mapping      CPU time of one mapping, beside plain V8 and beside Rhino in its interpreter where Java
               and librhino-java are installed. Takes --duration and --json only
  monitoring   CPU time per message with logs of successes kept and without, each --duration long and
               five times; then answers and latencies while all of a thousand connections are looked
               at. Takes --duration, --warm-up and --json only

  overload     the peak of twin at QoS 1, then twice that offered, on a core of its own where there are
               two. Takes --duration, --warm-up and --json only
  soak         the first and the last tenth of a mixed load; the warm-up should be long, too:
               --warm-up 2m --duration 20m. Takes --duration, --warm-up and --json only

Exit status: 0; 1 when something failed, or when a message was lost at QoS 1; 2 for wrong arguments.
The store is in the folder for temporary files: TMPDIR chooses the disk.
`
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, tokens: true })
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? error.message : String(error))
  }
}

function loadOf(window: string | undefined, rate: string | undefined): Load {
  if (window !== undefined && rate !== undefined) {
    throw new ArgumentError('--window is for a closed loop and --rate for an open one: give one.')
  }
  if (rate !== undefined) return { kind: 'open', rate: number('rate', rate, 1, MAX_RATE) }
  const messages = optional('window', window, 1, MAX_WINDOW) ?? DEFAULT_WINDOW
  return { kind: 'closed', window: messages }
}

function duration(name: string, text: string): number {
  const ms = parseDurationMs(text)
  if (ms !== undefined && ms > 0) return ms
  throw new ArgumentError(`--${name} ${text}: expected a duration such as 10s, 500ms or 2m.`)
}

function optional(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  return text === undefined ? undefined : number(name, text, min, max)
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new ArgumentError(`--${name} ${text}: expected a whole number from ${min} to ${max}.`)
}
