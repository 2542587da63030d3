import * as assert from 'uvu/assert'
import { nearestHint, nearestName } from '../../../src/json/nearest.ts'
import { suite } from '../../support/suite.ts'

const it = suite('nearest name')

const KNOWN = ['port', 'host', 'max_body_bytes', 'addresses', 'clientCount', 'qos']

const cases: readonly [unknown: string, nearest: string | undefined][] = [
  ['prot', 'port'],
  ['prt', 'port'],
  ['porrt', 'port'],
  ['hosts', 'host'],
  ['addres', 'addresses'],
  ['addresss', 'addresses'],
  ['clientcount', 'clientCount'],
  ['client_count', 'clientCount'],
  ['maxBodyBytes', 'max_body_bytes'],
  ['qso', 'qos'],
  ['banana', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
]

for (const [unknown, nearest] of cases) {
  it(`${unknown.slice(0, 20)} -> ${nearest}`, () => {
    assert.is(nearestName(unknown, KNOWN), nearest)
  })
}

it('asks a question only when there is an answer', () => {
  assert.is(nearestHint('prot', KNOWN), 'Did you mean <port>?')
  assert.is(nearestHint('banana', KNOWN), '')
  assert.is(nearestHint('a', []), '')
})
