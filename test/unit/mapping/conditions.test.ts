/** What stands around every mapper: conditions, blocklist, the limit on results. */
import * as assert from 'uvu/assert'
import { guardMapper } from '../../../src/mapping/conditions.ts'
import type { Mapper } from '../../../src/mapping/mapper.ts'
import { DittoException } from '../../../src/protocol/errors.ts'
import { suite } from '../../support/suite.ts'
import {
  adaptable,
  external,
  outcomes,
  type PromptMapper,
  prompt,
  testEnvironment,
  values,
} from './support.ts'

const it = suite('mapping/conditions')

/** Answers as many signals as the payload says, and keeps what it was given. */
function countingMapper(seen: unknown[]): Mapper {
  return {
    inbound: (batch) => {
      seen.push(batch.length)
      return batch.map(({ payload }) => {
        const count = Number(payload)
        const signals = Array.from({ length: count }, (_, value) => adaptable({ value }))
        return { ok: true, values: signals }
      })
    },
    outbound: (batch) => {
      seen.push(batch.length)
      return batch.map(() => ({ ok: true, values: [external('out')] }))
    },
    close: () => seen.push('closed'),
  }
}

function guarded(
  conditions: { incoming?: Record<string, string>; outgoing?: Record<string, string> },
  seen: unknown[] = [],
): PromptMapper {
  const definition = {
    mappingEngine: 'JavaScript',
    options: {},
    ...(conditions.incoming && { incomingConditions: conditions.incoming }),
    ...(conditions.outgoing && { outgoingConditions: conditions.outgoing }),
  }
  return prompt(guardMapper('mine', countingMapper(seen), definition, [], testEnvironment()))
}

it('messages that do not meet all incoming conditions are dropped, the others mapped in order', () => {
  const seen: unknown[] = []
  const mapper = guarded(
    {
      incoming: {
        isNew: "fn:filter(header:status,'eq','NEW')",
        direct: "fn:filter(header:gateway,'exists','false')",
      },
    },
    seen,
  )
  const batch = [
    external('1', { status: 'NEW' }),
    external('1', { status: 'OLD' }),
    external('2', { status: 'NEW' }),
    external('1', { status: 'NEW', gateway: 'g' }),
    external('1'),
  ]
  assert.equal(values(mapper.inbound(batch)), [[0], [], [0, 1], [], []])
  assert.equal(seen, [2])
  assert.equal(values(mapper.inbound([external('1')])), [[]])
  assert.equal(seen, [2], 'a mapper is not called for nothing')
})

it('outgoing conditions see the signal', () => {
  const mapper = guarded({ outgoing: { pumps: "fn:filter(thing:name,'eq','pump')" } })
  const batch = [adaptable(), adaptable({ topic: 'demo/valve/things/twin/events/modified' })]
  assert.equal(
    outcomes(mapper.outbound(batch), ({ payload }) => payload),
    [['out'], []],
  )
})

it('more than ten results fail the message alone', () => {
  const results = guarded({}).inbound(['10', '11', '1'].map((count) => external(count)))
  assert.equal(
    results.map((result) => result.ok && result.values.length),
    [10, false, 1],
  )
  const [, failed] = results
  assert.ok(failed && !failed.ok)
  assert.is(failed.error.error, 'connectivity:message.mapping.failed')
  assert.is(
    failed.error.message,
    'The number of messages produced by the payload mapping exceeded the limits.',
  )
  assert.is(
    failed.error.description,
    "The payload mapping 'mine' produced 11 messages, which exceeds the limit of 10.",
  )
})

it('conditions that make no sense are refused', () => {
  assert.throws(
    () => guarded({ incoming: { broken: 'fn:nonsense()' } }),
    (thrown: unknown) => thrown instanceof DittoException,
  )
})

it('closing reaches the mapper', () => {
  const seen: unknown[] = []
  guarded({}, seen).close()
  assert.equal(seen, ['closed'])
})
