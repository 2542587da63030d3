/** Percentiles of the benchmark's histogram against those of the sorted values. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Histogram } from '../../../bench/support/histogram.ts'
import { suite } from '../../support/suite.ts'

const it = suite('bench/histogram')

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

it('percentiles are those of the sorted values, at most 1.6 % too large', () => {
  const values = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1 })
  fc.assert(
    fc.property(values, fc.double({ min: 0.001, max: 1, noNaN: true }), (recorded, share) => {
      const sorted = recorded.toSorted((a, b) => a - b)
      const exact = sorted[Math.ceil(share * sorted.length) - 1]!
      const estimated = histogramOf(recorded).percentile(share)
      assert.ok(estimated >= exact, `${estimated} >= ${exact}`)
      assert.ok(estimated <= exact * (1 + 1 / 64), `${estimated} is near ${exact}`)
    }),
  )
})

it('small values are exact', () => {
  const histogram = histogramOf(Array.from({ length: 128 }, (_, value) => value))
  assert.is(histogram.percentile(0.5), 63)
  assert.is(histogram.percentile(1), 127)
})

it('the summary knows count, mean and the exact maximum', () => {
  const { count, mean, max } = histogramOf([1_000_003, 1, 2]).summary()
  assert.equal({ count, mean, max }, { count: 3, mean: 1_000_006 / 3, max: 1_000_003 })
})

it('what does not fit counts as the largest or the smallest value', () => {
  assert.is(histogramOf([2 ** 40]).percentile(1), 2 ** 31 - 1)
  assert.is(histogramOf([-5]).percentile(1), 0)
})

it('an empty histogram is all zero, also after a reset', () => {
  const histogram = histogramOf([5, 6])
  histogram.reset()
  const zero = { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 }
  assert.equal(histogram.summary(), zero)
})
