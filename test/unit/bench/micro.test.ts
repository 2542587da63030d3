/** The benchmarks of parts: what they evaluate is right in both ways, and measured as it is told. */
import * as assert from 'uvu/assert'
import { compare, type MicroRun, quartilesOf } from '../../../bench/micro/compare.ts'
import { expressions } from '../../../bench/micro/expressions.ts'
import type { MicroBenchmark } from '../../../bench/micro/micro.ts'
import { commands, deliveries, events, SIGNALS } from '../../../bench/micro/signals.ts'
import { jsonReport, tableReport } from '../../../bench/report.ts'
import { suite } from '../../support/suite.ts'

const it = suite('bench/micro')

const ALL = Array.from({ length: SIGNALS }, (_, signal) => signal)

function comparisonOf(name: string) {
  return expressions.comparisons.find((one) => one.name === name)!
}

it('there are as many different signals as it says', () => {
  for (const signals of [events, commands, deliveries]) {
    assert.is(new Set(signals.map((signal) => JSON.stringify(signal))).size, SIGNALS)
  }
})

for (const { name, compiled, parsed } of expressions.comparisons) {
  if (name === 'enforcement') continue
  it(`${name}: both ways give the same`, () => {
    assert.equal(ALL.map(compiled), ALL.map(parsed))
  })
}

it('the header mapping sets all five headers', () => {
  assert.equal(comparisonOf('header mapping').compiled(3), {
    'content-type': 'application/json',
    'correlation-id': '8d1ac7a4-5f0e-4d3b-9d0c-000000000003',
    device: 'bench:sensor-103',
    hall: 'HALL-3',
    action: 'merged',
  })
})

it('the enforcement allows every device', () => {
  const { compiled, parsed } = comparisonOf('enforcement')
  const refused = [...ALL.map(compiled), ...ALL.map(parsed)].filter(
    (result) => !Array.isArray(result),
  )
  assert.equal(refused, [])
})

it('the filter lets pass what its three clauses say', () => {
  const expected = events.map(({ adaptable }) => {
    const { unit, temperature, serial } = adaptable.value as Record<string, string | number>
    return unit === 'celsius' && Number(temperature) > 19 && /^SN-.*-7.$/.test(String(serial))
  })
  assert.ok(expected.includes(true) && expected.includes(false))
  assert.equal(ALL.map(comparisonOf('filter, thing known').compiled), expected)
  const passing = ALL.map(comparisonOf('filter, thing assembled').compiled).map(
    (result) => result !== undefined,
  )
  assert.equal(passing, expected)
})

it('the address names thing and action', () => {
  assert.is(comparisonOf('address').compiled(7), 'devices/sensor-107/merged')
})

it('quartiles are values in the middle and around it', () => {
  assert.equal(quartilesOf([5, 1, 4, 2, 3]), { p25: 2, median: 3, p75: 4 })
  assert.equal(quartilesOf([7]), { p25: 7, median: 7, p75: 7 })
})

const NO_PROGRESS = { show: () => {}, end: () => {} }

it('all signals are evaluated in both ways, and what is allocated is found', async () => {
  const seen = { compiled: new Set<number>(), parsed: new Set<number>() }
  const benchmark: MicroBenchmark = {
    name: 'parts',
    summary: 'a line',
    comparisons: [
      {
        name: 'one',
        texts: ['{{ thing:id }}'],
        compiled: (signal) => seen.compiled.add(signal),
        parsed: (signal) => {
          seen.parsed.add(signal)
          return new Array(1_000).fill(signal)
        },
      },
    ],
  }
  const { signal } = new AbortController()
  const options = { warmUpMs: 1, durationMs: 1, progress: NO_PROGRESS, signal }
  const run = await compare(benchmark, options)
  assert.equal([...seen.compiled], ALL)
  assert.equal([...seen.parsed], ALL)
  assert.is(run.scenario, 'parts')
  assert.is(run.signals, SIGNALS)
  const { compiled, parsed, ratio } = run.comparisons[0]!
  for (const { ns } of [compiled, parsed]) {
    assert.ok(ns.p25 > 0 && ns.p25 <= ns.median && ns.median <= ns.p75)
  }
  assert.ok(Number.isFinite(ratio))
  assert.ok(compiled.bytes < 1_000, `${compiled.bytes} bytes`)
  assert.ok(parsed.bytes >= 8_000, `${parsed.bytes} bytes`)
})

it('it ends when it is interrupted', async () => {
  const options = { warmUpMs: 60_000, durationMs: 60_000, progress: NO_PROGRESS }
  const ended = compare(expressions, { ...options, signal: AbortSignal.abort() })
  const reason: unknown = await ended.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.instance(reason, Error)
})

const RUN: MicroRun = {
  scenario: 'parts',
  summary: 'a line',
  signals: 64,
  rounds: 20,
  foreignCores: 0.04,
  comparisons: [
    {
      name: 'address',
      texts: ['{{ thing:id }}'],
      compiled: { ns: { p25: 95, median: 100.4, p75: 105 }, bytes: 97 },
      parsed: { ns: { p25: 1_500, median: 2_000, p75: 2_500 }, bytes: 4_346 },
      ratio: 19.92,
    },
  ],
}

it('the table shows both ways, the ratio, and how far to trust it', () => {
  const text = tableReport(RUN)
  assert.match(text, /^parts: a line\n64 signals in turn, 20 rounds/)
  assert.match(text, /^address +100 ns ± 5 % +2000 ns ± 25 % +19\.9 +97 bytes +4346 bytes$/m)
  assert.match(text, 'Compiled shall be 10 times faster than parsed: all are.')
  assert.not.match(text, 'Other programs')
})

it('the table says what misses the goal, and what disturbed', () => {
  const [one] = RUN.comparisons
  const comparisons = [one!, { ...one!, name: 'slow', ratio: 9.9 }]
  const text = tableReport({ ...RUN, comparisons, foreignCores: 0.62 })
  assert.match(text, 'not so: slow.')
  assert.match(text, 'Other programs kept 0.6 cores busy: trust the ratios, not the times.')
})

it('machines get the same as it is', () => {
  assert.equal(JSON.parse(jsonReport([RUN])).runs, [RUN])
})
