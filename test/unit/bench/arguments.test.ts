/** The benchmark's command line: defaults, every option, and what is refused. */
import * as assert from 'uvu/assert'
import { ArgumentError, readArguments, usage } from '../../../bench/support/arguments.ts'
import { suite } from '../../support/suite.ts'

const it = suite('bench/arguments')
const NAMES = { all: ['twin', 'twin-qos1', 'parts'], withoutService: ['parts'] }

function read(...args: string[]) {
  const commandLine = readArguments(args, NAMES)
  if (commandLine.help) throw new Error('help was asked for')
  return commandLine.settings
}

const DEFAULTS = {
  scenarios: ['twin'],
  durationMs: 10_000,
  warmUpMs: 2_000,
  devices: 50,
  payloadBytes: 70,
  threads: undefined,
  qos: undefined,
  load: { kind: 'closed', window: 500 },
  baseline: false,
  json: false,
}

it('without arguments the first scenario runs with the defaults', () => {
  assert.equal(read(), DEFAULTS)
})

const CASES: readonly (readonly [args: string[], expected: object])[] = [
  [['twin-qos1', 'twin'], { scenarios: ['twin-qos1', 'twin'] }],
  [['--duration', '500ms'], { durationMs: 500 }],
  [['--duration=2m'], { durationMs: 120_000 }],
  [['--warm-up', '3s'], { warmUpMs: 3_000 }],
  [['--devices', '1000000'], { devices: 1_000_000 }],
  [['--payload-bytes', '64'], { payloadBytes: 64 }],
  [['--threads', '4'], { threads: 4 }],
  [['--qos', '1'], { qos: 1 }],
  [['--qos', '0'], { qos: 0 }],
  [['--window', '1'], { load: { kind: 'closed', window: 1 } }],
  [['--rate', '2000'], { load: { kind: 'open', rate: 2_000 } }],
  [['--baseline', '--json'], { baseline: true, json: true }],
  [
    ['parts', '--duration', '1s', '--warm-up', '1s', '--json'],
    { scenarios: ['parts'], durationMs: 1_000, warmUpMs: 1_000, json: true },
  ],
  [['twin', 'parts'], { scenarios: ['twin', 'parts'] }],
]

for (const [args, expected] of CASES) {
  it(`reads ${args.join(' ')}`, () => {
    assert.equal(read(...args), { ...DEFAULTS, ...expected })
  })
}

const REFUSED: readonly (readonly [args: string[], reason: RegExp])[] = [
  [['mqtt'], /no scenario mqtt; there are: twin,twin-qos1,parts/],
  [['--duration', '0s'], /--duration 0s: expected a duration/],
  [['--duration', 'soon'], /--duration soon: expected a duration/],
  [['--devices', '0'], /--devices 0: expected a whole number from 1/],
  [['--devices', '1.5'], /--devices 1.5/],
  [['--payload-bytes', '63'], /--payload-bytes 63: expected a whole number from 64/],
  [['--qos', '2'], /--qos 2: expected a whole number from 0 to 1/],
  [['--window', '0'], /--window 0/],
  [['--window', '5', '--rate', '5'], /give one/],
  [['--colour'], /--colour/],
  [['parts', '--threads', '2'], /--threads means nothing to parts/],
  [['--baseline', 'twin', 'parts'], /--baseline means nothing to parts/],
  [['parts', '--devices=50'], /--devices means nothing to parts/],
]

for (const [args, reason] of REFUSED) {
  it(`refuses ${args.join(' ')}`, () => {
    assert.throws(
      () => read(...args),
      (error: unknown) => error instanceof ArgumentError && reason.test(error.message),
    )
  })
}

it('help wins over everything else that can be read', () => {
  assert.equal(readArguments(['no-such-scenario', '--help'], NAMES), { help: true })
})

it('the help names every scenario and every option', () => {
  const text = usage(['twin   a line', 'other   another line'])
  const options = ['duration', 'warm-up', 'devices', 'payload-bytes', 'qos', 'threads', 'window']
  for (const option of [...options, 'rate', 'baseline', 'json', 'help']) {
    assert.match(text, `--${option}`)
  }
  assert.match(text, 'twin   a line')
  assert.match(text, 'other   another line')
})
