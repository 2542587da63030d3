import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/json/types.ts'
import { decodeRecord, encodeRecord } from '../../../src/twin/record.ts'
import { suite } from '../../support/suite.ts'
import { stored } from './support.ts'

const it = suite('twin/record')

it('stores a thing in a form that later versions must still read', () => {
  const text =
    '6 2026-01-01T00:00:00.000Z 2026-01-01T00:00:00.000Z ' +
    '{"thingId":"ns:t1","policyId":"ns:p","attributes":{"ö ":1}}'
  assert.is(encodeRecord(stored({ attributes: { 'ö ': 1 } })), text)
  assert.equal(decodeRecord(text), stored({ attributes: { 'ö ': 1 } }))
})

it('stores of a deleted thing its revision', () => {
  assert.is(encodeRecord({ thing: undefined, revision: 12 }), '12')
  assert.equal(decodeRecord('12'), { thing: undefined, revision: 12 })
})

it('reads back whatever it wrote', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (attributes) => {
      const record = stored({ attributes: JSON.parse(JSON.stringify(attributes)) as JsonObject })
      assert.equal(decodeRecord(encodeRecord(record)), record)
    }),
  )
})

for (const text of ['', '0', '-1', '1.5', 'x 1 2 {}', '1 a b {', '99999999999999999999']) {
  it(`refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => decodeRecord(text),
      (error: unknown) => error instanceof SyntaxError,
    )
  })
}
